import { type SessionId, SluiceError } from '@sluice/domain'
import type { Redis } from 'ioredis'
import type { LineSource } from './line-source.js'
import { connectRedis } from './redis-connection.js'
import { EVENTS_FIELD, type RedisKeys, redisKeys } from './redis-keys.js'

const PAGE_ENTRIES = 32
const PAGE_IDS = 200

type Entry = [id: Buffer, fields: Buffer[]]

/** Reads what `RedisStore` wrote. */
export class RedisSource implements LineSource {
  readonly #redis: Redis
  readonly #keys: RedisKeys

  private constructor(redis: Redis, keys: RedisKeys) {
    this.#redis = redis
    this.#keys = keys
  }

  /** Errors: `recorder_unavailable`, `configuration_invalid`. */
  static async open(url: string, keyPrefix?: string): Promise<RedisSource> {
    const redis = connectRedis(url)
    let why = '' // the rejection only says that the connection is closed
    redis.on('error', (error: Error) => {
      why ||= error.message
    })
    try {
      await redis.connect()
    } catch (error) {
      redis.disconnect()
      throw new SluiceError('recorder_unavailable', `redis cannot be reached: ${why || (error as Error).message}`)
    }
    return new RedisSource(redis, redisKeys(keyPrefix))
  }

  async *ids(since: number | undefined): AsyncIterable<SessionId> {
    const seen = new Set<string>() // a page may shift under us while sessions begin
    for (let offset = 0; ; offset += PAGE_IDS) {
      const low = since ?? '-inf'
      const page = await this.#redis.zrevrangebyscore(this.#keys.sessions, '+inf', low, 'LIMIT', offset, PAGE_IDS)
      for (const id of page) if (!seen.has(id)) yield id
      if (page.length < PAGE_IDS) return
      for (const id of page) seen.add(id)
    }
  }

  async *chunks(id: SessionId): AsyncIterable<Buffer> {
    const key = this.#keys.session(id)
    for (let from = '-'; ; ) {
      const entries: Entry[] = await this.#redis.xrangeBuffer(key, from, '+', 'COUNT', PAGE_ENTRIES)
      for (const entry of entries) yield eventsOf(entry)
      if (entries.length < PAGE_ENTRIES) return
      from = `(${entries.at(-1)![0].toString()}` // exclusive, Redis 6.2
    }
  }

  async head(id: SessionId): Promise<Buffer> {
    const [entry] = await this.#redis.xrangeBuffer(this.#keys.session(id), '-', '+', 'COUNT', 1)
    return entry === undefined ? Buffer.alloc(0) : eventsOf(entry)
  }

  async tail(id: SessionId): Promise<Buffer> {
    const [entry] = await this.#redis.xrevrangeBuffer(this.#keys.session(id), '+', '-', 'COUNT', 1)
    return entry === undefined ? Buffer.alloc(0) : eventsOf(entry)
  }

  async close(): Promise<void> {
    this.#redis.disconnect()
  }
}

/** An entry with other fields than ours was not written by a recorder: its bytes fail verification. */
function eventsOf([, fields]: Entry): Buffer {
  if (fields.length === 2 && fields[0]?.toString() === EVENTS_FIELD) return fields[1]!
  return Buffer.from('an entry with unknown fields\n')
}
