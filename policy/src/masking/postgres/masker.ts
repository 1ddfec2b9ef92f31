import type { Mask, ValueMasker } from '../../mask.js'
import { keyedHash, keyedHashText, keyedNumber } from '../keyed-hash.js'
import type { MaskOptions } from '../mask-options.js'
import { fixedValue } from './fixed-value.js'
import { OID, REDACTED } from './redacted-values.js'
import { TEXT_TYPES, textMasker } from './text-masker.js'

const TO_NULL: ValueMasker = () => null

/**
 * The masker of a PostgreSQL column. What it returns is always valid for the type in the format, or NULL.
 *
 * `partial` and `email` are for text; on other types they redact. `hash` works on text, integers, uuid, bytea and JSON, and
 * redacts elsewhere. A `fixed` value that the type cannot take redacts.
 *
 * @param typeOid of RowDescription
 * @param format 0 text, 1 binary
 */
export function postgresMasker(mask: Mask, typeOid: number, format: 0 | 1, options: MaskOptions): ValueMasker {
  if (mask.kind === 'null') return TO_NULL
  if (TEXT_TYPES.has(typeOid)) return textMasker(mask, typeOid, options)
  if (typeOid === OID.bit) return format === 0 ? zeroBitsText : zeroBitsBinary
  const redacted = REDACTED.get(typeOid)
  if (redacted === undefined) return TO_NULL
  if (mask.kind === 'hash') {
    const hashing = hashMasker(typeOid, format, options.hashKey)
    if (hashing !== undefined) return hashing
  }
  const fixed = mask.kind === 'fixed' ? fixedValue(mask.value, typeOid, format) : undefined
  const constant = fixed ?? (format === 0 ? redacted.text : redacted.binary)
  return () => constant
}

const INTEGER_BYTES = new Map<number, 2 | 4 | 8>([
  [OID.int2, 2],
  [OID.int4, 4],
  [OID.int8, 8],
])

function hashMasker(typeOid: number, format: 0 | 1, key: Buffer): ValueMasker | undefined {
  const bytes = INTEGER_BYTES.get(typeOid)
  if (bytes !== undefined) return integerHash(bytes, format, key)
  switch (typeOid) {
    case OID.uuid:
      return uuidHash(format, key)
    case OID.bytea:
      return byteaHash(format, key)
    case OID.json:
      return (source, start, end) => Buffer.from(`"${keyedHashText(key, source, start, end).toString('latin1')}"`)
    case OID.jsonb: {
      const version = format === 0 ? 0 : 1
      return (source, start, end) => {
        const digest = keyedHashText(key, source, Math.min(end, start + version), end).toString('latin1')
        return Buffer.from(`${version === 1 ? '\x01' : ''}"${digest}"`, 'latin1')
      }
    }
    default:
      return undefined
  }
}

/** From the decimal text in both formats, so that a value has one hash. Never negative: one bit less than the type has. */
function integerHash(bytes: 2 | 4 | 8, format: 0 | 1, key: Buffer): ValueMasker {
  const bits = bytes * 8 - 1
  if (format === 0)
    return (source, start, end) =>
      Buffer.from(keyedNumber(key, source.toString('latin1', start, end), bits).toString(), 'latin1')
  return (source, start, end) => {
    if (end - start !== bytes) return Buffer.alloc(bytes)
    const number = bytes === 8 ? source.readBigInt64BE(start) : BigInt(source.readIntBE(start, bytes))
    const out = Buffer.allocUnsafe(8)
    out.writeBigUInt64BE(keyedNumber(key, number.toString(), bits))
    return out.subarray(8 - bytes)
  }
}

function uuidHash(format: 0 | 1, key: Buffer): ValueMasker {
  return (source, start, end) => {
    const plain =
      format === 1
        ? source.subarray(start, end)
        : Buffer.from(source.toString('latin1', start, end).replaceAll('-', ''), 'hex')
    const digest = keyedHash(key, plain, 0, plain.length).subarray(0, 16)
    if (format === 1) return digest
    return Buffer.from(digest.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'), 'latin1')
  }
}

function byteaHash(format: 0 | 1, key: Buffer): ValueMasker {
  if (format === 1) return (source, start, end) => keyedHash(key, source, start, end)
  return (source, start, end) => {
    const text = source.toString('latin1', start, end)
    const plain = text.startsWith('\\x') ? Buffer.from(text.slice(2), 'hex') : Buffer.from(text, 'latin1')
    return Buffer.from(`\\x${keyedHash(key, plain, 0, plain.length).toString('hex')}`, 'latin1')
  }
}

const ZERO = 0x30

/** `bit(n)` always has n bits. */
function zeroBitsText(_source: Buffer, start: number, end: number): Buffer {
  return Buffer.alloc(end - start, ZERO)
}

function zeroBitsBinary(source: Buffer, start: number, end: number): Buffer | null {
  if (end - start < 4) return null
  const bits = source.readInt32BE(start)
  if (bits < 0 || Math.ceil(bits / 8) !== end - start - 4) return null
  const out = Buffer.alloc(end - start)
  out.writeInt32BE(bits)
  return out
}
