import type { Mask, ValueMasker } from '../../mask.js'
import { keyedHashText, keyedNumber } from '../keyed-hash.js'
import type { MaskOptions } from '../mask-options.js'
import { characterSetOf } from './character-sets.js'
import { fixedValue } from './fixed-value.js'
import { INTEGER_BYTES, redactedValue, TYPE } from './redacted-values.js'
import { textMasker } from './text-masker.js'

/** What a column definition says of the column's values. */
export interface MysqlColumn {
  readonly type: number
  /** Id of the collation of its texts; 63: bytes. */
  readonly charset: number
  readonly flags: number
  /** The most bytes of a value; for BIT, bits. */
  readonly length: number
  readonly decimals: number
}

const ENUM_FLAG = 0x100
const SET_FLAG = 0x800

const TEXT_TYPES: ReadonlySet<number> = new Set([
  TYPE.varchar,
  TYPE.tinyBlob,
  TYPE.mediumBlob,
  TYPE.longBlob,
  TYPE.blob,
  TYPE.varString,
  TYPE.string,
])

const TO_NULL: ValueMasker = () => null

/**
 * The masker of a MySQL or MariaDB column. What it returns is always valid for the column in the format, or NULL.
 * Values are handed in and out without a length in front, also where a binary row has one (texts, dates, times).
 *
 * `partial` and `email` are for text; on other types they redact. `hash` works on text, bytes, integers and JSON, and
 * redacts elsewhere. A `fixed` value that the type cannot take redacts.
 */
export function mysqlMasker(
  mask: Mask,
  column: MysqlColumn,
  format: 'text' | 'binary',
  options: MaskOptions,
): ValueMasker {
  if (mask.kind === 'null') return TO_NULL
  if (TEXT_TYPES.has(column.type)) {
    if ((column.flags & ENUM_FLAG) !== 0) return TO_NULL
    if ((column.flags & SET_FLAG) !== 0) return constantly(Buffer.alloc(0))
    const set = characterSetOf(column.charset)
    return set === undefined ? TO_NULL : textMasker(mask, column, set, options)
  }
  const redacted = redactedValue(column, format)
  if (redacted === undefined) return TO_NULL
  if (mask.kind === 'hash') {
    const bytes = INTEGER_BYTES.get(column.type)
    if (bytes !== undefined) return integerHash(column.type === TYPE.int24 ? 3 : bytes, bytes, column, format, options)
    if (column.type === TYPE.json)
      return (source, start, end) =>
        Buffer.from(`"${keyedHashText(options.hashKey, source, start, end).toString('latin1')}"`, 'latin1')
  }
  return constantly((mask.kind === 'fixed' ? fixedValue(mask.value, column, format) : undefined) ?? redacted)
}

function constantly(value: Buffer): ValueMasker {
  return () => value
}

const UNSIGNED_FLAG = 0x20

/** From the decimal text in both formats, so that a value has one hash. Never negative, in range signed and unsigned. */
function integerHash(
  valueBytes: number,
  wireBytes: 1 | 2 | 4 | 8,
  column: MysqlColumn,
  format: 'text' | 'binary',
  { hashKey }: MaskOptions,
): ValueMasker {
  const bits = valueBytes * 8 - 1
  if (format === 'text')
    return (source, start, end) =>
      Buffer.from(keyedNumber(hashKey, withoutZeros(source.toString('latin1', start, end)), bits).toString(), 'latin1')
  const unsigned = (column.flags & UNSIGNED_FLAG) !== 0
  return (source, start, end) => {
    if (end - start !== wireBytes) return Buffer.alloc(wireBytes)
    const out = Buffer.allocUnsafe(8)
    out.writeBigUInt64LE(keyedNumber(hashKey, integerAt(source, start, wireBytes, unsigned).toString(), bits))
    return out.subarray(0, wireBytes)
  }
}

function integerAt(source: Buffer, start: number, bytes: 1 | 2 | 4 | 8, unsigned: boolean): bigint | number {
  if (bytes === 8) return unsigned ? source.readBigUInt64LE(start) : source.readBigInt64LE(start)
  return unsigned ? source.readUIntLE(start, bytes) : source.readIntLE(start, bytes)
}

/** ZEROFILL writes zeros in front. */
function withoutZeros(decimal: string): string {
  return decimal.replace(/^0+(?=\d)/, '')
}
