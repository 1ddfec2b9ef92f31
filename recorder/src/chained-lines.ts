import { hash } from 'node:crypto'
import type { SessionId } from '@sluice/domain'
import { eventLine, genesis } from './format.js'

/** A line's numbers and hashes, and its line feed, take less than this. */
const LINE_OVERHEAD = 120
const FIRST_ROOM = 4 * 1024
/** A session that was busy once does not keep more than this. */
const MOST_ROOM_KEPT = 32 * 1024
const NO_ROOM = Buffer.alloc(0)

/**
 * A session's lines as they will be stored: numbered, chained and put together in one buffer as they come, so that an event
 * leaves no object behind.
 */
export class ChainedLines {
  /** Sequence number of the next line. */
  seq = 1
  /** Hash of the last line. */
  previous: string
  /** Bytes that wait to be taken. */
  length = 0
  #buffer: Buffer = NO_ROOM

  constructor(id: SessionId) {
    this.previous = genesis(id)
  }

  /** Adds an event's line; `body` is what `serialiseEvent` made. */
  add(body: string): void {
    const start = this.length
    this.#need((body.length < FIRST_ROOM ? 3 * body.length : Buffer.byteLength(body)) + LINE_OVERHEAD)
    const buffer = this.#buffer
    const end = start + buffer.write(eventLine(this.seq, this.previous, body), start)
    this.previous = hash('sha256', buffer.subarray(start, end))
    this.seq++
    buffer[end] = 10
    this.length = end + 1
  }

  /** Adds the line with the seal, which is not part of the chain. */
  addSeal(line: string): void {
    this.#need(3 * line.length + 1)
    this.length += this.#buffer.write(`${line}\n`, this.length)
  }

  /** Hands out what was added since the last call, for good; the room is used again. */
  take(): Buffer {
    const bytes = Buffer.allocUnsafeSlow(this.length)
    this.#buffer.copy(bytes, 0, 0, this.length)
    this.length = 0
    if (this.#buffer.length > MOST_ROOM_KEPT) this.#buffer = NO_ROOM
    return bytes
  }

  #need(bytes: number): void {
    if (this.#buffer.length - this.length >= bytes) return
    const room = Buffer.allocUnsafeSlow(Math.max(FIRST_ROOM, 2 * this.length, this.length + bytes))
    this.#buffer.copy(room, 0, 0, this.length)
    this.#buffer = room
  }
}
