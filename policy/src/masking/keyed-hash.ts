import { createHmac } from 'node:crypto'

/** HMAC-SHA256 of a value's bytes, 32 bytes. */
export function keyedHash(key: Buffer, source: Buffer, start: number, end: number): Buffer {
  return createHmac('sha256', key).update(source.subarray(start, end)).digest()
}

/** The same as 64 hexadecimal digits. */
export function keyedHashText(key: Buffer, source: Buffer, start: number, end: number): Buffer {
  return Buffer.from(keyedHash(key, source, start, end).toString('hex'), 'latin1')
}

/** A number from 0 that fits in `bits` bits, from the decimal text of an integer: the same in text and in binary rows. */
export function keyedNumber(key: Buffer, decimal: string, bits: number): bigint {
  const digest = createHmac('sha256', key).update(decimal).digest()
  return digest.readBigUInt64BE(0) & ((1n << BigInt(bits)) - 1n)
}
