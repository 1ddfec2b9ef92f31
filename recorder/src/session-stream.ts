import type { KeyObject } from 'node:crypto'
import type { SessionId } from '@sluice/domain'
import { ChainedLines } from './chained-lines.js'
import type { SessionEvent } from './events.js'
import { sealLine, serialiseEvent } from './format.js'
import { makeSeal } from './seal.js'
import type { Batch } from './store.js'

/** Somebody waits for an event to be acknowledged. */
export interface Waiter {
  readonly item: QueuedEvent
  readonly stream: SessionStream
  /** Milliseconds since 1970. */
  readonly deadline: number
  settle: ((error: Error | undefined) => void) | undefined
}

/** An event that can still be taken back, until it is chained. */
export interface QueuedEvent {
  readonly event: SessionEvent
  /** The event without sequence number and hash, see `serialiseEvent`. */
  readonly body: string
  readonly statement: number | undefined
  waiter: Waiter | undefined
  /** `queued` events can still be taken back; `chained` ones belong to the record. */
  state: 'queued' | 'chained' | 'withdrawn'
}

/** A batch on its way, with what waits for it. */
export interface SentBatch extends Batch {
  readonly stream: SessionStream
  readonly cost: number
  readonly waiters: readonly Waiter[]
}

const BATCH_BYTES = 256 * 1024
const ITEM_COST = 200 // bytes of memory that a queued event takes besides its text

/**
 * One session's events on their way into the chain. An event that nobody waits for is chained at once; one that somebody
 * waits for can be taken back until its batch is made, so it is queued, and what comes after it as well. One batch at most is
 * on its way to the store, so what comes after it is chained to what the store has.
 */
export class SessionStream {
  readonly id: SessionId
  readonly started: number
  inFlight: SentBatch | undefined
  /** Bytes of memory that wait here, in flight included. */
  cost = 0
  ended = false
  onDone: (() => void) | undefined
  readonly #lines: ChainedLines
  /** Batches that are whole. */
  readonly #ready: SentBatch[] = []
  /** The batch that lines are added to now: its first line, what it costs, and who waits for it. */
  #first = 1
  #batchCost = 0
  #waiters: Waiter[] = []
  #queue: QueuedEvent[] = []
  #end: { at: number; reason: string } | undefined
  #statements = 0
  #denied = 0

  constructor(id: SessionId, started: number) {
    this.id = id
    this.started = started
    this.#lines = new ChainedLines(id)
  }

  get waiting(): boolean {
    return this.#queue.length > 0 || this.#ready.length > 0 || this.#lines.length > 0
  }

  /** Somebody waits for something that waits here. */
  get awaited(): boolean {
    return (
      this.#queue.some((item) => item.waiter !== undefined) || this.#ready.some((batch) => batch.waiters.length > 0)
    )
  }

  /** Nothing was ever chained: the store does not know this session. */
  get unknown(): boolean {
    return this.#lines.seq === 1
  }

  /** Adds an event that nobody waits for. */
  note(event: SessionEvent): void {
    if (this.#queue.length > 0) {
      this.enqueue(event)
      return
    }
    const body = serialiseEvent(event)
    this.cost += body.length
    this.#chain(event, body, body.length)
  }

  /** Adds an event that can be withdrawn until its batch is made. */
  enqueue(event: SessionEvent): QueuedEvent {
    const item: QueuedEvent = {
      event,
      body: serialiseEvent(event),
      statement: 'statement' in event ? event.statement : undefined,
      waiter: undefined,
      state: 'queued',
    }
    this.#queue.push(item)
    this.cost += item.body.length + ITEM_COST
    return item
  }

  /** Takes an event back that was not chained. */
  withdraw(item: QueuedEvent): void {
    item.state = 'withdrawn'
    this.#queue.splice(this.#queue.indexOf(item), 1)
    this.cost -= item.body.length + ITEM_COST
  }

  withdrawAll(): void {
    for (const item of [...this.#queue]) this.withdraw(item)
  }

  /** The end's numbers are known when all before it has its place: it is made as the last batch of its own. */
  end(at: number, reason: string): void {
    this.ended = true
    this.#end = { at, reason }
  }

  /** The next batch to send; undefined where nothing waits. */
  nextBatch(key: KeyObject): SentBatch | undefined {
    let taken = 0
    while (taken < this.#queue.length && this.#ready.length === 0) {
      const item = this.#queue[taken++]!
      item.state = 'chained'
      if (item.waiter !== undefined) this.#waiters.push(item.waiter)
      this.#chain(item.event, item.body, item.body.length + ITEM_COST)
    }
    if (taken > 0) this.#queue.splice(0, taken)
    if (this.#ready.length === 0 && this.#lines.length > 0) this.#closeBatch(false)
    this.inFlight = this.#ready.shift() ?? this.#lastBatch(key)
    return this.inFlight
  }

  #chain(event: SessionEvent, body: string, cost: number): void {
    if (event.type === 'statement') {
      this.#statements++
      if (event.decision === 'deny') this.#denied++
    }
    this.#lines.add(body)
    this.#batchCost += cost
    // First and last line go alone, so that a listing need not read more.
    if (event.type === 'session-started' || this.#lines.length >= BATCH_BYTES) this.#closeBatch(false)
  }

  #lastBatch(key: KeyObject): SentBatch | undefined {
    if (this.#end === undefined) return undefined
    const event = { type: 'session-ended', ...this.#end, statements: this.#statements, denied: this.#denied } as const
    this.#end = undefined
    this.#lines.add(serialiseEvent(event))
    this.#lines.addSeal(sealLine(makeSeal(this.id, this.#lines.seq - 1, this.#lines.previous, key)))
    this.#closeBatch(true)
    return this.#ready.shift()
  }

  #closeBatch(last: boolean): void {
    this.#ready.push({
      id: this.id,
      started: this.started,
      stream: this,
      seq: this.#first,
      bytes: this.#lines.take(),
      last,
      cost: this.#batchCost,
      waiters: this.#waiters,
    })
    this.#first = this.#lines.seq
    this.#batchCost = 0
    this.#waiters = []
  }
}
