import { hash, type KeyObject } from 'node:crypto'
import type { SessionId } from '@sluice/domain'
import type { SessionEvent } from './events.js'
import { eventLine, genesis, sealLine, serialiseEvent } from './format.js'
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

export interface QueuedEvent {
  readonly type: SessionEvent['type']
  /** The event without sequence number and hash, see `serialiseEvent`. */
  readonly body: string
  readonly statement: number | undefined
  readonly denied: boolean
  waiter: Waiter | undefined
  /** `queued` events can still be taken back; `sent` ones belong to the chain. */
  state: 'queued' | 'sent' | 'withdrawn'
}

/** A batch on its way, with what waits for it. */
export interface SentBatch extends Batch {
  readonly stream: SessionStream
  readonly cost: number
  readonly waiters: readonly Waiter[]
}

const BATCH_CHARACTERS = 256 * 1024
const ITEM_COST = 200 // bytes of memory that an event takes besides its text

let scratch = Buffer.allocUnsafe(256 * 1024)

/**
 * One session's events on their way into the chain: queued, numbered and hashed a batch at a time. One batch at most is on its
 * way to the store, so what comes after it is chained to what the store has.
 */
export class SessionStream {
  readonly id: SessionId
  readonly started: number
  inFlight: SentBatch | undefined
  /** Bytes of memory that wait here, in flight included. */
  cost = 0
  ended = false
  onDone: (() => void) | undefined
  #queue: QueuedEvent[] = []
  #seq = 1
  #previous: string
  #statements = 0
  #denied = 0

  constructor(id: SessionId, started: number) {
    this.id = id
    this.started = started
    this.#previous = genesis(id)
  }

  get waiting(): boolean {
    return this.#queue.length > 0
  }

  /** Somebody waits for something that waits here. */
  get awaited(): boolean {
    return this.#queue.some((item) => item.waiter !== undefined)
  }

  /** Nothing was ever sent: the store does not know this session. */
  get unknown(): boolean {
    return this.#seq === 1
  }

  push(event: SessionEvent): QueuedEvent {
    const item: QueuedEvent = {
      type: event.type,
      body: serialiseEvent(event),
      statement: 'statement' in event ? event.statement : undefined,
      denied: event.type === 'statement' && event.decision === 'deny',
      waiter: undefined,
      state: 'queued',
    }
    this.#queue.push(item)
    this.cost += item.body.length + ITEM_COST
    return item
  }

  /** Takes an event back that was not sent. */
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

  #end: { at: number; reason: string } | undefined

  /** Chains what waits; undefined where nothing does. First and last line go alone, so that a listing need not read more. */
  nextBatch(key: KeyObject): SentBatch | undefined {
    if (this.#queue.length === 0) return this.#lastBatch(key)
    let count = 0
    let characters = 0
    while (count < this.#queue.length && characters < BATCH_CHARACTERS) {
      characters += this.#queue[count]!.body.length
      if (this.#queue[count++]!.type === 'session-started') break
    }
    const items = this.#queue.splice(0, count)
    const seq = this.#seq
    const waiters: Waiter[] = []
    reserve(3 * characters + 120 * count)
    let length = 0
    for (const item of items) {
      item.state = 'sent'
      if (item.waiter !== undefined) waiters.push(item.waiter)
      if (item.type === 'statement') this.#statements++
      if (item.denied) this.#denied++
      length = this.#writeLine(item.body, length)
    }
    return this.#send({ seq, bytes: taken(length), last: false, cost: characters + ITEM_COST * count, waiters })
  }

  #lastBatch(key: KeyObject): SentBatch | undefined {
    if (this.#end === undefined) return undefined
    const seq = this.#seq
    const event = { type: 'session-ended', ...this.#end, statements: this.#statements, denied: this.#denied } as const
    this.#end = undefined
    const body = serialiseEvent(event)
    reserve(3 * body.length + 1024)
    const length = this.#writeLine(body, 0)
    const seal = `${sealLine(makeSeal(this.id, this.#seq - 1, this.#previous, key))}\n`
    return this.#send({
      seq,
      bytes: taken(length + scratch.write(seal, length)),
      last: true,
      cost: 0,
      waiters: [],
    })
  }

  #send(parts: Pick<SentBatch, 'seq' | 'bytes' | 'last' | 'cost' | 'waiters'>): SentBatch {
    this.inFlight = { ...parts, id: this.id, started: this.started, stream: this }
    return this.inFlight
  }

  #writeLine(body: string, offset: number): number {
    const end = offset + scratch.write(eventLine(this.#seq, this.#previous, body), offset)
    this.#previous = hash('sha256', scratch.subarray(offset, end))
    this.#seq++
    scratch[end] = 10
    return end + 1
  }
}

/** Bytes are put together in one place; a large result does not keep it large. */
function reserve(bytes: number): void {
  if (scratch.length < bytes) scratch = Buffer.allocUnsafe(bytes)
}

function taken(length: number): Buffer {
  const bytes = Buffer.from(scratch.subarray(0, length))
  if (scratch.length > 4 * 1024 * 1024) scratch = Buffer.allocUnsafe(256 * 1024)
  return bytes
}
