import { isUtf8 } from 'node:buffer'
import type { RecordedValue } from '@sluice/recorder'
import { ByteReader } from '@sluice/wire'
import {
  type BoundValue,
  COLUMN_TYPE,
  fixedBinaryLength,
  LENENC_NULL,
  readLengthEncodedString,
} from '@sluice/wire/mysql'
import type { RowFormat } from './row-masker.js'

/** A longer value goes on record as its length. */
const MAX_VALUE_BYTES = 64 * 1024
/** Collation id of the character set `binary`. */
const BINARY = 63
const UNSIGNED = 0x20

/** Of a column definition, what reading its values needs. */
export interface ValueColumn {
  readonly type: number
  readonly charset: number
  readonly flags: number
}

/** A row's values for the record: text where they are text or a common type, their size where not. Throws `WireError`. */
export function recordRow(payload: Buffer, columns: readonly ValueColumn[], format: RowFormat): RecordedValue[] {
  const reader = new ByteReader(payload)
  if (format === 'text') {
    return columns.map((column) => {
      if (payload[reader.offset] === LENENC_NULL && reader.remaining > 0) {
        reader.skip(1)
        return null
      }
      const bytes = readLengthEncodedString(reader)
      return isOpaque(column) ? { bytes: bytes.length } : asText(bytes)
    })
  }
  reader.skip(1)
  const nulls = reader.bytes((columns.length + 9) >> 3)
  return columns.map((column, i) => {
    if (((nulls[(i + 2) >> 3]! >> ((i + 2) & 7)) & 1) === 1) return null
    const fixed = fixedBinaryLength(column.type)
    const bytes =
      fixed === -2 ? readLengthEncodedString(reader) : fixed === -1 ? reader.bytes(reader.uint8()) : reader.bytes(fixed)
    if (isOpaque(column)) return { bytes: bytes.length }
    return binaryValue(bytes, column.type, (column.flags & UNSIGNED) !== 0)
  })
}

/** A bound parameter for the record; `longBytes`: how much of it came as long data. */
export function recordParameter(value: BoundValue, longBytes: number | undefined): RecordedValue {
  if (value.bytes === null) return null
  if (value.bytes === undefined) return { bytes: longBytes ?? 0 }
  return binaryValue(value.bytes, value.type, value.unsigned)
}

function binaryValue(bytes: Buffer, type: number, unsigned: boolean): RecordedValue {
  switch (type) {
    case COLUMN_TYPE.tiny:
      return String(unsigned ? bytes.readUInt8() : bytes.readInt8())
    case COLUMN_TYPE.short:
    case COLUMN_TYPE.year:
      return String(unsigned ? bytes.readUInt16LE() : bytes.readInt16LE())
    case COLUMN_TYPE.long:
    case COLUMN_TYPE.int24:
      return String(unsigned ? bytes.readUInt32LE() : bytes.readInt32LE())
    case COLUMN_TYPE.longlong:
      return String(unsigned ? bytes.readBigUInt64LE() : bytes.readBigInt64LE())
    case COLUMN_TYPE.float:
      return String(Number(bytes.readFloatLE().toPrecision(7)))
    case COLUMN_TYPE.double:
      return String(bytes.readDoubleLE())
    case COLUMN_TYPE.date:
    case COLUMN_TYPE.datetime:
    case COLUMN_TYPE.timestamp:
      return dateText(bytes, type)
    case COLUMN_TYPE.time:
      return timeText(bytes)
    case COLUMN_TYPE.bit:
    case COLUMN_TYPE.geometry:
    case COLUMN_TYPE.vector:
      return { bytes: bytes.length }
    default:
      return asText(bytes)
  }
}

/** year (2) | month | day | hour | minute | second | microseconds (4), cut where the rest is zero. */
function dateText(bytes: Buffer, type: number): RecordedValue {
  if (![0, 4, 7, 11].includes(bytes.length)) return { bytes: bytes.length }
  const whole = Buffer.alloc(11)
  bytes.copy(whole)
  const date = `${String(whole.readUInt16LE(0)).padStart(4, '0')}-${two(whole[2]!)}-${two(whole[3]!)}`
  if (type === COLUMN_TYPE.date) return date
  return `${date} ${two(whole[4]!)}:${two(whole[5]!)}:${two(whole[6]!)}${fraction(whole.readUInt32LE(7))}`
}

/** negative (1) | days (4) | hour | minute | second | microseconds (4), cut where the rest is zero. */
function timeText(bytes: Buffer): RecordedValue {
  if (![0, 8, 12].includes(bytes.length)) return { bytes: bytes.length }
  const whole = Buffer.alloc(12)
  bytes.copy(whole)
  const hours = whole.readUInt32LE(1) * 24 + whole[5]!
  return `${whole[0] === 1 ? '-' : ''}${two(hours)}:${two(whole[6]!)}:${two(whole[7]!)}${fraction(whole.readUInt32LE(8))}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

function fraction(microseconds: number): string {
  return microseconds === 0 ? '' : `.${String(microseconds).padStart(6, '0')}`
}

/** Binary strings, bits, shapes: no text to show. Numbers and dates are in the binary character set too, and are text. */
function isOpaque({ type, charset }: ValueColumn): boolean {
  switch (type) {
    case COLUMN_TYPE.bit:
    case COLUMN_TYPE.geometry:
    case COLUMN_TYPE.vector:
      return true
    case COLUMN_TYPE.varchar:
    case COLUMN_TYPE.tinyBlob:
    case COLUMN_TYPE.mediumBlob:
    case COLUMN_TYPE.longBlob:
    case COLUMN_TYPE.blob:
    case COLUMN_TYPE.varString:
    case COLUMN_TYPE.string:
      return charset === BINARY
    default:
      return false
  }
}

function asText(bytes: Buffer): RecordedValue {
  return bytes.length <= MAX_VALUE_BYTES && isUtf8(bytes) ? bytes.toString('utf8') : { bytes: bytes.length }
}
