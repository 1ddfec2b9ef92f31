import { appendFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ConflictError, type RedisStore } from './redis-store.js'
import { Spool } from './spool.js'
import type { Batch, Settled, Store } from './store.js'

export interface SpoolingStoreOptions {
  readonly directory: string
  /** Spool while Redis is away (`relaxed`); otherwise only what is left at the end (`strict`). */
  readonly whileAway: boolean
  readonly onProblem: (message: string) => void
}

const RETRY = 500 // milliseconds
const LOOK_FOR_ORPHANS = 30_000

/**
 * Redis with a spool on disk behind it. A batch that Redis did not acknowledge goes to the spool, and every later one too
 * until all of it is caught up in order: so each session's batches reach Redis in the order in which they were written.
 */
export class SpoolingStore implements Store {
  onReady: () => void = () => undefined
  readonly #redis: RedisStore
  readonly #spool: Spool
  readonly #options: SpoolingStoreOptions
  readonly #timer: NodeJS.Timeout
  #spooling = false
  #draining: Promise<void> | undefined
  #closing = false

  private constructor(redis: RedisStore, options: SpoolingStoreOptions) {
    this.#redis = redis
    this.#options = options
    this.#spool = new Spool(options.directory, options.onProblem)
    redis.onReady = () => {
      this.#drain()
      this.onReady()
    }
    this.#timer = setInterval(() => void this.#housekeep(), LOOK_FOR_ORPHANS).unref()
  }

  /** Takes over what an earlier process left in the directory. */
  static async open(redis: RedisStore, options: SpoolingStoreOptions): Promise<SpoolingStore> {
    const store = new SpoolingStore(redis, options)
    await store.#housekeep()
    return store
  }

  get ready(): boolean {
    return this.#options.whileAway || this.#redis.ready
  }

  get awaySince(): number | undefined {
    return this.#options.whileAway ? undefined : this.#redis.awaySince
  }

  write<B extends Batch>(batches: readonly B[], settled: Settled<B>): void {
    if (!this.#options.whileAway) {
      this.#redis.write(batches, settled)
      return
    }
    if (this.#spooling || !this.#redis.ready) {
      for (const batch of batches) this.#toSpool(batch, settled)
      return
    }
    this.#redis.write(batches, (batch, error) => {
      if (error === undefined) settled(batch, undefined)
      else if (error instanceof ConflictError)
        this.#putAside(batch, error).then(
          () => settled(batch, undefined),
          (e) => settled(batch, e),
        )
      else this.#toSpool(batch, settled)
    })
  }

  #toSpool<B extends Batch>(batch: B, settled: Settled<B>): void {
    if (!this.#spooling) {
      this.#spooling = true
      this.#options.onProblem(`redis is away: recording to the spool in ${this.#options.directory}`)
    }
    this.#spool.append(batch).then(
      () => {
        settled(batch, undefined)
        this.#drain()
      },
      (error: Error) => settled(batch, error),
    )
  }

  #drain(): void {
    if (this.#draining !== undefined || this.#closing || !this.#redis.ready) return
    if (this.#spool.empty) {
      this.#spooling = false
      return
    }
    this.#draining = this.#catchUp()
      .catch((error: Error) => {
        this.#options.onProblem(`the spool is not caught up: ${error.message}; trying again`)
        setTimeout(() => this.#drain(), RETRY).unref()
      })
      .finally(() => {
        this.#draining = undefined
      })
  }

  async #catchUp(): Promise<void> {
    let count = 0
    while (!this.#closing && this.#redis.ready) {
      const { batches, drop } = await this.#spool.peek()
      if (batches.length === 0) {
        if (!this.#spool.empty) continue
        // No await between the question and the answer: what is written from here on goes to Redis itself.
        this.#spooling = false
        if (count > 0) this.#options.onProblem(`redis has caught up with the spool: ${count} batches`)
        return
      }
      await this.#sendSpooled(batches)
      drop()
      count += batches.length
    }
  }

  async #sendSpooled(batches: readonly Batch[]): Promise<void> {
    const outcomes = await new Promise<Map<Batch, Error | undefined>>((resolve) => {
      const settled = new Map<Batch, Error | undefined>()
      this.#redis.writeTogether(batches, (batch, error) => {
        if (settled.set(batch, error).size === batches.length) resolve(settled)
      })
    })
    const failed = [...outcomes.values()].find((error) => error !== undefined && !(error instanceof ConflictError))
    if (failed !== undefined) throw failed
    for (const [batch, error] of outcomes) if (error !== undefined) await this.#putAside(batch, error)
  }

  /** What can never go where it belongs is kept in a file of its own. */
  async #putAside(batch: Batch, error: Error): Promise<void> {
    const file = join(this.#options.directory, `conflict-${batch.id}.jsonl`)
    await mkdir(this.#options.directory, { recursive: true, mode: 0o700 })
    await appendFile(file, batch.bytes, { mode: 0o600 })
    this.#options.onProblem(`${error.message}: ours are put aside in ${file}`)
  }

  async #housekeep(): Promise<void> {
    await this.#spool.touch()
    try {
      if ((await this.#spool.adopt()) > 0) this.#drain()
    } catch (error) {
      this.#options.onProblem(`the spool of an earlier process cannot be read: ${(error as Error).message}`)
    }
  }

  hurry(): void {
    if (this.#options.whileAway) this.#redis.hurry()
  }

  async salvage(batches: readonly Batch[]): Promise<void> {
    await Promise.all(batches.map((batch) => this.#spool.append(batch)))
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#closing = true
    await this.#redis.close()
    await this.#draining
    await this.#spool.close()
  }
}
