import type { MysqlColumn } from './masker.js'
import { INTEGER_BYTES, TYPE } from './redacted-values.js'

const UNSIGNED_FLAG = 0x20

/** Encodes the text of a `fixed` mask as a value of a column; undefined where the type does not take it. */
export function fixedValue(value: string, column: MysqlColumn, format: 'text' | 'binary'): Buffer | undefined {
  const bytes = INTEGER_BYTES.get(column.type)
  if (bytes !== undefined) return integer(value, column, bytes, format)
  switch (column.type) {
    case TYPE.float:
    case TYPE.double:
      return float(value, column.type === TYPE.float ? 4 : 8, format)
    case TYPE.decimal:
    case TYPE.newDecimal:
      return /^-?\d{1,30}(\.\d{1,30})?$/.test(value) && value.length <= column.length ? Buffer.from(value) : undefined
    case TYPE.date:
      return date(value, format)
    case TYPE.json:
      return Buffer.from(JSON.stringify(value))
    default:
      return undefined
  }
}

function integer(
  value: string,
  column: MysqlColumn,
  bytes: 1 | 2 | 4 | 8,
  format: 'text' | 'binary',
): Buffer | undefined {
  if (!/^-?\d{1,20}$/.test(value)) return undefined
  const number = BigInt(value)
  const bits = column.type === TYPE.int24 ? 24 : bytes * 8
  const fits = (column.flags & UNSIGNED_FLAG) !== 0 ? BigInt.asUintN(bits, number) : BigInt.asIntN(bits, number)
  if (fits !== number) return undefined
  if (format === 'text') return Buffer.from(number.toString())
  const out = Buffer.alloc(8)
  out.writeBigUInt64LE(BigInt.asUintN(64, number))
  return out.subarray(0, bytes)
}

function float(value: string, bytes: 4 | 8, format: 'text' | 'binary'): Buffer | undefined {
  if (!/^-?\d{1,15}(\.\d{1,15})?$/.test(value)) return undefined
  if (format === 'text') return Buffer.from(value)
  const out = Buffer.alloc(bytes)
  if (bytes === 4) out.writeFloatLE(Number(value))
  else out.writeDoubleLE(Number(value))
  return out
}

function date(value: string, format: 'text' | 'binary'): Buffer | undefined {
  const found = /^(\d{4})-(\d{2})-(\d{2})$/.exec(value)
  if (found === null || value < '1000') return undefined
  const [year, month, day] = [Number(found[1]), Number(found[2]), Number(found[3])]
  if (new Date(Date.UTC(year, month - 1, day)).toISOString().slice(0, 10) !== value) return undefined
  return format === 'text' ? Buffer.from(value) : Buffer.of(year & 0xff, year >> 8, month, day)
}
