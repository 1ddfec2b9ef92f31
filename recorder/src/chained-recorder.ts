import type { KeyObject } from 'node:crypto'
import { type SessionId, SluiceError } from '@sluice/domain'
import type { SessionEvent } from './events.js'
import type { Recorder, SessionRecord } from './recorder.js'
import { type SentBatch, SessionStream, type Waiter } from './session-stream.js'
import type { Store } from './store.js'

export interface ChainedRecorderOptions {
  readonly store: Store
  readonly strict: boolean
  readonly key: KeyObject
  readonly onProblem: (message: string) => void
  /** Milliseconds after which an event that nobody acknowledged is rejected. */
  readonly acknowledgeWithin: number
  /** Bytes that may wait in memory. */
  readonly memoryLimit: number
}

const FLUSH_INTERVAL = 20 // milliseconds, relaxed
/** In `strict`, what nobody waits for goes with the session's next statement, or after this many milliseconds. */
const LINGER = 50
const FLUSH_BYTES = 64 * 1024 // of one session that does not wait to be flushed
const RETRY = 200 // milliseconds
const SWEEP = 50
const REPORT_INTERVAL = 10_000

/**
 * Sessions' events, chained and handed to a store in batches. What somebody waits for (`strict`) is sent at the end of the
 * event loop's turn, all such sessions together. The rest gathers for some milliseconds, so that it costs no batch of its
 * own and, above all, is not in flight when the session's next statement must be.
 */
export class ChainedRecorder implements Recorder {
  readonly #options: ChainedRecorderOptions
  readonly #store: Store
  readonly #streams = new Set<SessionStream>()
  /** Streams with events to send and nothing in flight: those that somebody waits for, and the others. */
  #urgent = new Set<SessionStream>()
  #dirty = new Set<SessionStream>()
  #failed: SentBatch[] = []
  #reported = 0
  /** In the order of their deadlines. */
  #waiters: Waiter[] = []
  #pending = 0
  #hurried = false
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined
  #retry: NodeJS.Timeout | undefined
  #sweeper: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: ChainedRecorderOptions) {
    this.#options = options
    this.#store = options.store
    this.#store.onReady = () => this.#flush()
  }

  async begin(id: SessionId, started: SessionEvent & { type: 'session-started' }): Promise<SessionRecord> {
    if (this.#closed) throw unavailable('the recorder is closed')
    const stream = new SessionStream(id, started.at)
    this.#streams.add(stream)
    try {
      await this.#append(stream, started)
    } catch (error) {
      this.#abandon(stream)
      throw error
    }
    return {
      id,
      append: (event) => this.#append(stream, event),
      note: (event) => this.#note(stream, event),
      end: (reason) => this.#end(stream, reason),
    }
  }

  #append(stream: SessionStream, event: SessionEvent): Promise<void> | undefined {
    if (stream.ended || this.#closed) return Promise.reject(unavailable('the record of this session is closed'))
    const wait = this.#options.strict || this.#pending > this.#options.memoryLimit
    if (wait && this.#givenUp()) return Promise.reject(unavailable('the store is away'))
    if (!wait) {
      this.#keep(stream, event)
      return undefined
    }
    const before = stream.cost
    const item = stream.enqueue(event)
    this.#added(stream, stream.cost - before, true)
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        item,
        stream,
        deadline: Date.now() + this.#options.acknowledgeWithin,
        settle: (error) => (error === undefined ? resolve() : reject(error)),
      }
      item.waiter = waiter
      this.#waiters.push(waiter)
      this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP)
    })
  }

  /** The store has been away for longer than anybody would be made to wait. */
  #givenUp(): boolean {
    const since = this.#store.awaySince
    return since !== undefined && Date.now() - since > this.#options.acknowledgeWithin
  }

  #note(stream: SessionStream, event: SessionEvent): void {
    if (!stream.ended && !this.#closed) this.#keep(stream, event)
  }

  #keep(stream: SessionStream, event: SessionEvent): void {
    const before = stream.cost
    stream.note(event)
    this.#added(stream, stream.cost - before, false)
  }

  #added(stream: SessionStream, cost: number, urgent: boolean): void {
    this.#pending += cost
    this.#markDirty(stream, urgent)
    if (this.#pending > this.#options.memoryLimit / 2 && !this.#hurried) {
      this.#hurried = true
      this.#store.hurry()
    }
  }

  #end(stream: SessionStream, reason: string): Promise<void> {
    if (stream.ended) return Promise.resolve()
    stream.end(Date.now(), reason)
    this.#markDirty(stream, this.#options.strict)
    return new Promise((resolve) => {
      // The stream is delivered whenever the store is back; the caller is not kept longer than for a statement.
      const timer = setTimeout(resolve, this.#options.acknowledgeWithin)
      stream.onDone = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** A session that could not begin: forgotten, or closed where the store may know of it. */
  #abandon(stream: SessionStream): void {
    if (!stream.unknown) {
      void this.#end(stream, 'refused: the record could not be kept')
      return
    }
    this.#pending -= stream.cost
    stream.withdrawAll()
    this.#streams.delete(stream)
    this.#dirty.delete(stream)
    this.#urgent.delete(stream)
  }

  #markDirty(stream: SessionStream, urgent: boolean): void {
    if (stream.inFlight !== undefined || this.#urgent.has(stream)) return
    if (urgent || stream.cost > FLUSH_BYTES) {
      this.#dirty.delete(stream)
      this.#urgent.add(stream)
      this.#immediate ??= setImmediate(() => this.#flushUrgent())
    } else {
      this.#dirty.add(stream)
      this.#timer ??= setTimeout(() => this.#flush(), this.#options.strict ? LINGER : FLUSH_INTERVAL)
    }
  }

  #flush(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#retry)
    this.#timer = this.#retry = undefined
    for (const stream of this.#dirty) this.#urgent.add(stream)
    this.#dirty = new Set()
    this.#flushUrgent()
  }

  #flushUrgent(): void {
    clearImmediate(this.#immediate)
    this.#immediate = undefined
    if (!this.#store.ready) return // `onReady` comes back here
    const batches = this.#failed
    this.#failed = []
    const urgent = this.#urgent
    this.#urgent = new Set()
    for (const stream of urgent) {
      const batch = stream.nextBatch(this.#options.key)
      if (batch !== undefined) batches.push(batch)
    }
    if (batches.length > 0) this.#store.write(batches, (batch, error) => this.#settled(batch, error))
  }

  #settled(batch: SentBatch, error: Error | undefined): void {
    if (error !== undefined) {
      this.#failed.push(batch)
      this.#report(error)
      this.#retry ??= setTimeout(() => this.#flush(), RETRY)
      return
    }
    const { stream } = batch
    stream.inFlight = undefined
    stream.cost -= batch.cost
    this.#pending -= batch.cost
    if (this.#pending < this.#options.memoryLimit / 4) this.#hurried = false
    for (const waiter of batch.waiters) settle(waiter, undefined)
    if (batch.last) {
      this.#streams.delete(stream)
      stream.onDone?.()
    } else if (stream.waiting || stream.ended) {
      this.#markDirty(stream, stream.awaited || stream.ended)
    }
  }

  #report(error: Error): void {
    if (Date.now() - this.#reported < REPORT_INTERVAL) return
    this.#reported = Date.now()
    this.#options.onProblem(`the record cannot be written: ${error.message}; trying on`)
  }

  #sweep(): void {
    const now = Date.now()
    let done = 0
    while (done < this.#waiters.length) {
      const waiter = this.#waiters[done]!
      if (waiter.settle !== undefined) {
        if (waiter.deadline > now) break
        this.#expire(waiter)
      }
      done++
    }
    this.#waiters.splice(0, done)
    if (this.#waiters.length > 0) return
    clearInterval(this.#sweeper)
    this.#sweeper = undefined
  }

  #expire(waiter: Waiter): void {
    const { item, stream } = waiter
    if (item.state === 'queued') {
      const before = stream.cost
      stream.withdraw(item)
      this.#pending += stream.cost - before
    } else if (item.statement !== undefined) {
      // It may be in the store already and stays in the chain; that it did not run is said behind it.
      const message = 'refused: the store did not acknowledge this record in time'
      const event = {
        type: 'error',
        at: Date.now(),
        statement: item.statement,
        code: 'recorder_unavailable',
        message,
      } as const
      this.#keep(stream, event)
    }
    settle(waiter, unavailable('the store did not acknowledge a record in time'))
  }

  async close(): Promise<void> {
    for (const stream of this.#streams) void this.#end(stream, 'the gateway stopped')
    this.#closed = true
    const deadline = Date.now() + this.#options.acknowledgeWithin
    this.#flush()
    while (this.#streams.size > 0 && Date.now() < deadline && !this.#givenUp()) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      if (this.#dirty.size + this.#urgent.size > 0) this.#flush()
    }
    await this.#salvage()
    clearTimeout(this.#retry)
    clearInterval(this.#sweeper)
    for (const waiter of this.#waiters) settle(waiter, unavailable('the recorder is closed'))
    await this.#store.close()
  }

  /** What the store does not take any more goes where the next start finds it. */
  async #salvage(): Promise<void> {
    for (const stream of this.#streams) {
      try {
        for (let batch = stream.inFlight; ; batch = undefined) {
          batch ??= stream.nextBatch(this.#options.key)
          if (batch === undefined) break
          await this.#store.salvage([batch])
        }
      } catch (error) {
        this.#options.onProblem(`the end of session ${stream.id} is not on record: ${(error as Error).message}`)
      }
    }
    this.#streams.clear()
  }
}

function settle(waiter: Waiter, error: Error | undefined): void {
  waiter.settle?.(error)
  waiter.settle = undefined
}

function unavailable(message: string): SluiceError {
  return new SluiceError('recorder_unavailable', message, {
    clientMessage: 'the session recorder is not available, so nothing may run',
    detail: 'every statement must be on record before it runs, and the store did not acknowledge it',
    hint: 'try again later; if it stays so, tell the operator of the gateway',
  })
}
