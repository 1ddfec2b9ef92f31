/** Below this many bytes a loop copies faster than a call. */
const LOOP_BELOW = 24
const SLACK = 256

/**
 * Where the rewritten rows of a chunk are put together: one buffer a chunk, more only where masked values are longer
 * than what they replace. What was taken out is never written into again.
 */
export class RowBuffer {
  #buffer: Buffer | undefined
  /** Where the rows that were not taken yet begin, where the current row begins, and where the next byte goes. */
  #first = 0
  #row = 0
  #at = 0
  /** How many bytes the next buffer should have room for. */
  #expected = 0

  /** Tells how many bytes of rows are to come, so that one buffer has room for all. */
  expect(bytes: number): void {
    this.#expected = bytes
  }

  /** Begins a row of some `length` bytes. */
  begin(length: number): void {
    this.#row = this.#at
    this.#need(length)
  }

  copy(source: Buffer, start: number, end: number): void {
    const length = end - start
    if (length === 0) return
    this.#need(length)
    const buffer = this.#buffer!
    let at = this.#at
    if (length < LOOP_BELOW) for (let i = start; i < end; i++) buffer[at++] = source[i]!
    else {
      source.copy(buffer, at, start, end)
      at += length
    }
    this.#at = at
  }

  /** Writes a value with its length; null is SQL's NULL. */
  value(value: Buffer | null): void {
    const length = value === null ? -1 : value.length
    this.#need(4)
    const buffer = this.#buffer!
    const at = this.#at
    buffer[at] = length >> 24
    buffer[at + 1] = length >> 16
    buffer[at + 2] = length >> 8
    buffer[at + 3] = length
    this.#at = at + 4
    if (value !== null) this.copy(value, 0, length)
  }

  /** Ends a row: only now its length is known. */
  finish(): void {
    this.#buffer!.writeInt32BE(this.#at - this.#row - 1, this.#row + 1)
  }

  /** The row that was finished last: `[rowStart, rowEnd)` of `buffer`, until `take`. */
  get buffer(): Buffer {
    return this.#buffer!
  }

  get rowStart(): number {
    return this.#row
  }

  get rowEnd(): number {
    return this.#at
  }

  /** The rows that were finished since the last call; undefined: none. */
  take(): Buffer | undefined {
    if (this.#at === this.#first) return undefined
    const rows = this.#buffer!.subarray(this.#first, this.#at)
    this.#first = this.#row = this.#at
    return rows
  }

  /** Lets go of the buffer; take what is in it first. */
  drop(): void {
    this.#buffer = undefined
    this.#first = this.#row = this.#at = 0
  }

  #need(length: number): void {
    const buffer = this.#buffer
    if (buffer !== undefined && buffer.length - this.#at >= length) return
    const kept = this.#at - this.#first
    const room = Buffer.allocUnsafe(Math.max(kept * 2, kept + length, kept + this.#expected) + SLACK)
    if (buffer !== undefined && kept > 0) buffer.copy(room, 0, this.#first, this.#at)
    this.#buffer = room
    this.#row -= this.#first
    this.#at = kept
    this.#first = 0
  }
}
