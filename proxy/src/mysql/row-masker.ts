import type { ValueMasker } from '@sluice/policy'
import { WireError } from '@sluice/wire'
import {
  fixedBinaryLength,
  HEADER_BYTES,
  LENENC_NULL,
  lengthEncodedIntegerSize,
  MAX_PACKET_PAYLOAD,
  writeLengthEncodedInteger,
} from '@sluice/wire/mysql'

/** Output is gathered in slabs of this size; a chunk's rows leave as one view of one. */
const SLAB_BYTES = 128 * 1024

export type RowFormat = 'text' | 'binary'

/** A column as its rows must be walked: its type, and what its values become; undefined: they stay. */
export interface MaskedColumn {
  readonly type: number
  readonly masker: ValueMasker | undefined
}

/**
 * Rewrites the rows of one result, whole packets at a time, into slabs: unmasked stretches are copied as they are, masked
 * values replaced, the packet's length set anew, its sequence id kept. Throws `WireError` for a row that is not what the
 * columns say; nothing of that row is put out.
 */
export class RowMasker {
  readonly #columns: readonly MaskedColumn[]
  readonly #format: RowFormat
  #slab: Buffer = Buffer.alloc(0)
  /** What was not taken yet is `[from, at)`. */
  #from = 0
  #at = 0
  #row = 0

  constructor(columns: readonly MaskedColumn[], format: RowFormat) {
    this.#columns = columns
    this.#format = format
  }

  /** Masks the row whose payload is `source[start, end)`, with its header before it. */
  write(source: Buffer, start: number, end: number): void {
    const before = this.#at - this.#from
    try {
      this.#reserve(HEADER_BYTES + end - start)
      this.#row = this.#at - this.#from
      this.#at += HEADER_BYTES
      if (this.#format === 'text') this.#textRow(source, start, end)
      else this.#binaryRow(source, start, end)
      const length = this.#at - this.#from - this.#row - HEADER_BYTES
      if (length >= MAX_PACKET_PAYLOAD) throw new WireError('a masked row is larger than 16 MB')
      const header = this.#from + this.#row
      this.#slab.writeUIntLE(length, header, 3)
      this.#slab[header + 3] = source[start - 1]!
    } catch (error) {
      this.#at = this.#from + before
      throw error
    }
  }

  /** The payload of the last row that was written; a view that holds until `take`. */
  get lastRow(): Buffer {
    return this.#slab.subarray(this.#from + this.#row + HEADER_BYTES, this.#at)
  }

  /** All rows since the last `take`, or undefined. */
  take(): Buffer | undefined {
    if (this.#at === this.#from) return undefined
    const rows = this.#slab.subarray(this.#from, this.#at)
    this.#from = this.#at
    return rows
  }

  #textRow(source: Buffer, start: number, end: number): void {
    const columns = this.#columns
    let at = start
    let copied = start
    for (let i = 0; i < columns.length; i++) {
      const column = at
      if (at >= end) throw short()
      const first = source[at]!
      if (first === LENENC_NULL) {
        at++
        continue
      }
      const body = at + lengthPrefixSize(first)
      if (body > end) throw short()
      at = body + readLength(source, column, first)
      if (at > end) throw short()
      const masker = columns[i]!.masker
      if (masker === undefined) continue
      this.#copy(source, copied, column)
      copied = at
      const value = masker(source, body, at)
      if (value === null) this.#byte(LENENC_NULL)
      else this.#lengthEncoded(value)
    }
    if (at !== end) throw new WireError('a row goes on after its columns')
    this.#copy(source, copied, end)
  }

  #binaryRow(source: Buffer, start: number, end: number): void {
    const columns = this.#columns
    const bitmap = start + 1
    const bitmapBytes = (columns.length + 9) >> 3
    let at = bitmap + bitmapBytes
    if (at > end || source[start] !== 0) throw short()
    this.#copy(source, start, at)
    let copied = at
    for (let i = 0; i < columns.length; i++) {
      const bit = i + 2
      if (((source[bitmap + (bit >> 3)]! >> (bit & 7)) & 1) === 1) continue
      const column = at
      const { type, masker } = columns[i]!
      const fixed = fixedBinaryLength(type)
      let body = at
      if (fixed >= 0) {
        at += fixed
      } else if (fixed === -1) {
        if (at >= end) throw short()
        body = at + 1
        at = body + source[column]!
      } else {
        if (at >= end) throw short()
        const first = source[at]!
        body = at + lengthPrefixSize(first)
        if (body > end) throw short()
        at = body + readLength(source, column, first)
      }
      if (at > end) throw short()
      if (masker === undefined) continue
      this.#copy(source, copied, column)
      copied = at
      const value = masker(source, body, at)
      if (value === null) this.#setNull(bit)
      else if (fixed === -2) this.#lengthEncoded(value)
      else this.#sized(value, fixed)
    }
    if (at !== end) throw new WireError('a row goes on after its columns')
    this.#copy(source, copied, end)
  }

  #setNull(bit: number): void {
    const at = this.#from + this.#row + HEADER_BYTES + 1 + (bit >> 3)
    this.#slab[at] = this.#slab[at]! | (1 << (bit & 7))
  }

  #sized(value: Buffer, fixed: number): void {
    if (fixed === -1) {
      if (value.length > 0xff) throw new WireError('a masked date is too long')
      this.#byte(value.length)
    } else if (value.length !== fixed) {
      throw new WireError('a masked value has not the length of its type')
    }
    this.#copy(value, 0, value.length)
  }

  #lengthEncoded(value: Buffer): void {
    this.#reserve(lengthEncodedIntegerSize(value.length) + value.length)
    this.#at = writeLengthEncodedInteger(this.#slab, value.length, this.#at)
    this.#at += value.copy(this.#slab, this.#at)
  }

  #byte(value: number): void {
    this.#reserve(1)
    this.#slab[this.#at++] = value
  }

  #copy(source: Buffer, start: number, end: number): void {
    if (end <= start) return
    this.#reserve(end - start)
    this.#at += source.copy(this.#slab, this.#at, start, end)
  }

  /** Room for so many bytes more. What was not taken moves along to a new slab; what was taken is never touched again. */
  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#slab.length) return
    const pending = this.#at - this.#from
    const slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, 2 * (pending + bytes)))
    this.#slab.copy(slab, 0, this.#from, this.#at)
    this.#slab = slab
    this.#from = 0
    this.#at = pending
  }
}

function lengthPrefixSize(first: number): number {
  if (first < 0xfb) return 1
  if (first === 0xfc) return 3
  if (first === 0xfd) return 4
  if (first === 0xfe) return 9
  throw new WireError('a value without a length')
}

/** The length that begins at `at`; that its bytes are there was checked. */
function readLength(source: Buffer, at: number, first: number): number {
  if (first < 0xfb) return first
  if (first === 0xfc) return source[at + 1]! | (source[at + 2]! << 8)
  if (first === 0xfd) return source[at + 1]! | (source[at + 2]! << 8) | (source[at + 3]! << 16)
  return source.readUInt32LE(at + 1) + source.readUInt32LE(at + 5) * 2 ** 32
}

function short(): WireError {
  return new WireError('a row ends before its columns')
}
