import type { Redis } from 'ioredis'
import { connectRedis } from './redis-connection.js'
import { EVENTS_FIELD, entryId, type RedisKeys, redisKeys } from './redis-keys.js'
import type { Batch, Settled, Store } from './store.js'

export interface RedisStoreOptions {
  readonly url: string
  readonly keyPrefix?: string
  /** How long a write may take before its connection is given up, in milliseconds. */
  readonly timeout: number
  readonly onProblem: (message: string) => void
}

/** The stream has other bytes where this batch belongs: somebody else wrote there. */
export class ConflictError extends Error {}

/** Streams in Redis. All batches of a call go in one write, one entry a batch. Key names: `redis-keys.ts`. */
export class RedisStore implements Store {
  onReady: () => void = () => undefined
  awaySince: number | undefined = Date.now()
  readonly #redis: Redis
  readonly #keys: RedisKeys
  readonly #options: RedisStoreOptions
  /** Sessions that the index has, as far as this connection knows. */
  readonly #indexed = new Set<string>()
  /** How to give up each write that is on its way. No set: V8 chains the tables of one that is emptied again and again, with all they hold. */
  readonly #open: (() => void)[] = []
  #lastError = 'not connected yet'
  #closing = false
  #reported = false

  constructor(options: RedisStoreOptions) {
    this.#options = options
    this.#keys = redisKeys(options.keyPrefix)
    this.#redis = connectRedis(options.url)
    this.#redis.on('ready', () => this.#arrived())
    this.#redis.on('error', (error: Error) => {
      this.#lastError = error.message || String((error as NodeJS.ErrnoException).code)
    })
    this.#redis.on('close', () => this.#left())
  }

  /** Resolves when the first attempt to connect is over, whether it worked or not. */
  async connect(): Promise<void> {
    const late = new Promise<void>((resolve) => setTimeout(resolve, this.#options.timeout).unref())
    await Promise.race([this.#redis.connect().catch(() => undefined), late])
    if (this.ready) return
    this.#reported = true
    this.#options.onProblem(`redis cannot be reached: ${this.#lastError}; trying on`)
  }

  get ready(): boolean {
    return this.awaySince === undefined
  }

  write<B extends Batch>(batches: readonly B[], settled: Settled<B>): void {
    this.#send(batches, settled, false)
  }

  /** Like `write`, where a session may have several batches: all are kept or none. */
  writeTogether<B extends Batch>(batches: readonly B[], settled: Settled<B>): void {
    this.#send(batches, settled, true)
  }

  #send<B extends Batch>(batches: readonly B[], settled: Settled<B>, together: boolean): void {
    const waiting: (B | undefined)[] = [...batches]
    let left = batches.length
    const done = (i: number, error: Error | undefined): void => {
      const batch = waiting[i]
      if (batch === undefined) return
      waiting[i] = undefined
      if (--left === 0) {
        clearTimeout(timer)
        this.#open.splice(this.#open.indexOf(giveUp), 1)
      }
      this.#settle(batch, error, settled)
    }
    const giveUp = (): void => {
      const error = new Error(`redis did not answer within ${this.#options.timeout} ms`)
      for (let i = 0; i < batches.length; i++) done(i, error)
      if (this.#closing) return
      this.#left()
      this.#redis.disconnect(true)
    }
    const timer = setTimeout(giveUp, this.#options.timeout)
    this.#open.push(giveUp)
    if (together) this.#transact(batches, done)
    else this.#command(batches, done)
  }

  /** Each for itself, but in one write. Not in ioredis's pipeline: the garbage that it leaves lives for long. */
  #command(batches: readonly Batch[], done: (i: number, error: Error | undefined) => void): void {
    const { stream } = this.#redis
    stream?.cork()
    batches.forEach((batch, i) => {
      // Its failure is the failure of the command behind it, too.
      if (this.#mustIndex(batch)) this.#redis.zadd(this.#keys.sessions, batch.started, batch.id).catch(() => undefined)
      this.#redis.xadd(this.#keys.session(batch.id), entryId(batch.seq), EVENTS_FIELD, batch.bytes).then(
        () => done(i, undefined),
        (error: Error) => done(i, error),
      )
    })
    stream?.uncork()
  }

  /** All or none. */
  #transact(batches: readonly Batch[], done: (i: number, error: Error | undefined) => void): void {
    const transaction = this.#redis.multi()
    const places: number[] = []
    let commands = 0
    for (const batch of batches) {
      if (this.#mustIndex(batch)) {
        transaction.zadd(this.#keys.sessions, batch.started, batch.id)
        commands++
      }
      transaction.xadd(this.#keys.session(batch.id), entryId(batch.seq), EVENTS_FIELD, batch.bytes)
      places.push(commands++)
    }
    transaction.exec().then(
      (results) => {
        places.forEach((place, i) => {
          const result = results?.[place]
          done(i, result === undefined ? new Error('redis answered too little') : (result[0] ?? undefined))
        })
      },
      (error: Error) => {
        for (let i = 0; i < batches.length; i++) done(i, error)
      },
    )
  }

  #mustIndex(batch: Batch): boolean {
    if (this.#indexed.has(batch.id)) return false
    this.#indexed.add(batch.id)
    return true
  }

  #settle<B extends Batch>(batch: B, error: Error | undefined, settled: Settled<B>): void {
    if (error === undefined) {
      if (batch.last) this.#indexed.delete(batch.id)
      settled(batch, undefined)
      return
    }
    this.#indexed.delete(batch.id) // the index may have missed it too
    if (!isOldId(error)) {
      settled(
        batch,
        error.name === 'ReplyError' ? error : new Error('redis went away before it answered', { cause: error }),
      )
      return
    }
    // An earlier attempt arrived after all; or, if the bytes differ, somebody else wrote there.
    this.#compare(batch).then(
      (same) =>
        settled(
          batch,
          same ? undefined : new ConflictError(`the stream of ${batch.id} has other bytes at ${batch.seq}`),
        ),
      (cause: Error) => settled(batch, cause),
    )
  }

  async #compare(batch: Batch): Promise<boolean> {
    const id = entryId(batch.seq)
    const answer = this.#redis.xrangeBuffer(this.#keys.session(batch.id), id, id)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('redis did not answer in time')), this.#options.timeout)
    })
    const entries = await Promise.race([answer, late]).finally(() => clearTimeout(timer))
    const stored = entries[0]?.[1][1]
    if (stored?.equals(batch.bytes)) await this.#redis.zadd(this.#keys.sessions, batch.started, batch.id)
    return stored?.equals(batch.bytes) ?? false
  }

  hurry(): void {
    for (const giveUp of [...this.#open]) giveUp()
  }

  salvage(): Promise<void> {
    return Promise.reject(new Error('redis is away'))
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#redis.disconnect()
  }

  #arrived(): void {
    this.#indexed.clear() // it may be another server, or an empty one
    this.awaySince = undefined
    if (this.#reported) this.#options.onProblem('redis is back')
    this.#reported = false
    this.onReady()
  }

  #left(): void {
    if (this.awaySince !== undefined || this.#closing) return
    this.awaySince = Date.now()
    this.#reported = true
    this.#options.onProblem('the connection to redis is lost; connecting again')
  }
}

/** XADD's answer to an id that is not above the stream's last one. */
function isOldId(error: Error): boolean {
  return error.message.includes('equal or smaller than the target stream top item')
}
