/**
 * The value that stands for a redacted one, by column type. Binary values are given without the length byte in front, as
 * `ValueMasker` says. What is not here (GEOMETRY, VECTOR, ENUM, unknown types) becomes NULL.
 *
 * | type                      | text                     | binary                                    |
 * | ------------------------- | ------------------------ | ----------------------------------------- |
 * | TINY ... LONGLONG         | 0                        | 1, 2, 4 (INT24 too) or 8 bytes 0          |
 * | FLOAT, DOUBLE             | 0                        | 4, 8 bytes 0                              |
 * | DECIMAL, NEWDECIMAL       | 0 with the scale's zeros | the same text                             |
 * | YEAR                      | 1970                     | 2 bytes                                   |
 * | DATE                      | 1970-01-01               | year (2), month, day                      |
 * | DATETIME                  | 1970-01-01 00:00:00      | year (2), month, day (time 0 left out)    |
 * | TIMESTAMP                 | 1970-01-02 00:00:00      | likewise; a day later, in range everywhere |
 * | TIME                      | 00:00:00                 | nothing (all 0)                           |
 * | BIT(n)                    | n/8 bytes 0, in both formats                                         |
 * | JSON                      | "***"                    | the same                                  |
 * | SET                       | empty                    | empty                                     |
 *
 * Source: MySQL Source Code Documentation, "Binary Protocol Resultset", "Binary Protocol Value".
 */
import type { MysqlColumn } from './masker.js'

/** Column types (field_types.h). */
export const TYPE = {
  decimal: 0,
  tiny: 1,
  short: 2,
  long: 3,
  float: 4,
  double: 5,
  timestamp: 7,
  longlong: 8,
  int24: 9,
  date: 10,
  time: 11,
  datetime: 12,
  year: 13,
  newDate: 14,
  varchar: 15,
  bit: 16,
  json: 245,
  newDecimal: 246,
  enum: 247,
  set: 248,
  tinyBlob: 249,
  mediumBlob: 250,
  longBlob: 251,
  blob: 252,
  varString: 253,
  string: 254,
} as const

/** Bytes of an integer in a binary row. */
export const INTEGER_BYTES: ReadonlyMap<number, 1 | 2 | 4 | 8> = new Map([
  [TYPE.tiny, 1],
  [TYPE.short, 2],
  [TYPE.int24, 4],
  [TYPE.long, 4],
  [TYPE.longlong, 8],
])

const MOST_DECIMALS = 30
const MOST_BIT_BYTES = 8
const MOST_FRACTION = 6

/** The constant for a redacted value of the column; undefined: none, so NULL. Not for texts and blobs. */
export function redactedValue(column: MysqlColumn, format: 'text' | 'binary'): Buffer | undefined {
  const { type, decimals, length } = column
  const binary = format === 'binary'
  const bytes = INTEGER_BYTES.get(type)
  if (bytes !== undefined) return binary ? Buffer.alloc(bytes) : Buffer.from('0')
  switch (type) {
    case TYPE.float:
      return binary ? Buffer.alloc(4) : Buffer.from('0')
    case TYPE.double:
      return binary ? Buffer.alloc(8) : Buffer.from('0')
    case TYPE.decimal:
    case TYPE.newDecimal:
      return Buffer.from(decimals > 0 && decimals <= MOST_DECIMALS ? `0.${'0'.repeat(decimals)}` : '0')
    case TYPE.year:
      return binary ? Buffer.of(1970 & 0xff, 1970 >> 8) : Buffer.from('1970')
    case TYPE.date:
    case TYPE.newDate:
      return binary ? DATE_1 : Buffer.from('1970-01-01')
    case TYPE.datetime:
      return binary ? DATE_1 : Buffer.from(`1970-01-01 00:00:00${fraction(decimals)}`)
    case TYPE.timestamp:
      return binary ? DATE_2 : Buffer.from(`1970-01-02 00:00:00${fraction(decimals)}`)
    case TYPE.time:
      return binary ? Buffer.alloc(0) : Buffer.from(`00:00:00${fraction(decimals)}`)
    case TYPE.bit:
      return Buffer.alloc(Math.min(MOST_BIT_BYTES, Math.max(1, Math.ceil(length / 8))))
    case TYPE.json:
      return Buffer.from('"***"')
    case TYPE.set:
      return Buffer.alloc(0)
    default:
      return undefined
  }
}

const DATE_1 = Buffer.of(1970 & 0xff, 1970 >> 8, 1, 1)
const DATE_2 = Buffer.of(1970 & 0xff, 1970 >> 8, 1, 2)

function fraction(decimals: number): string {
  return decimals > 0 && decimals <= MOST_FRACTION ? `.${'0'.repeat(decimals)}` : ''
}
