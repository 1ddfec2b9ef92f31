import type { ByteReader } from '../byte-reader.js'
import { WireError } from '../wire-error.js'

/** First byte of a length-encoded value that is NULL (text rows). Manual: "Protocol Basics: Basic Data Types". */
export const LENENC_NULL = 0xfb

/**
 * A length-encoded integer: one byte below 0xfb, else a prefix 0xfc, 0xfd or 0xfe and 2, 3 or 8 bytes, little-endian.
 * Throws `WireError` for NULL (0xfb), 0xff and what a JavaScript number cannot hold exactly.
 */
export function readLengthEncodedInteger(reader: ByteReader): number {
  const first = reader.uint8()
  if (first < 0xfb) return first
  if (first === 0xfc) return reader.uint16le()
  if (first === 0xfd) return reader.uint24le()
  if (first === 0xfe) {
    const value = reader.uint64le()
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new WireError('length-encoded integer is too large')
    return Number(value)
  }
  throw new WireError('not a length-encoded integer')
}

/** A length-encoded string: the bytes as a view. Throws `WireError`. */
export function readLengthEncodedString(reader: ByteReader): Buffer {
  return reader.bytes(readLengthEncodedInteger(reader))
}

/** How many bytes `value` takes as a length-encoded integer: 1, 3, 4 or 9. */
export function lengthEncodedIntegerSize(value: number): number {
  if (value < 0xfb) return 1
  if (value <= 0xffff) return 3
  return value <= 0xffffff ? 4 : 9
}

/** Writes a length-encoded integer (0 to 2^53 - 1) at `at`, and returns the place after it. */
export function writeLengthEncodedInteger(target: Buffer, value: number, at: number): number {
  if (value < 0xfb) {
    target[at] = value
    return at + 1
  }
  if (value <= 0xffff) {
    target[at] = 0xfc
    return target.writeUInt16LE(value, at + 1)
  }
  if (value <= 0xffffff) {
    target[at] = 0xfd
    return target.writeUIntLE(value, at + 1, 3)
  }
  target[at] = 0xfe
  return target.writeBigUInt64LE(BigInt(value), at + 1)
}

export function encodeLengthEncodedInteger(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(lengthEncodedIntegerSize(value))
  writeLengthEncodedInteger(bytes, value, 0)
  return bytes
}

export function encodeLengthEncodedString(value: Buffer): Buffer {
  return Buffer.concat([encodeLengthEncodedInteger(value.length), value])
}
