import type { RecordedValue } from '@sluice/recorder'
import type { BindCommand, ColumnDescription } from '@sluice/wire/postgres'
import { binaryText, typeName } from './type-text.js'

/** A longer value goes on record as its length. */
const MAX_VALUE_BYTES = 64 * 1024

/** The parameters of a Bind as they go on record; `bytes` is what the Bind was decoded from. */
export function recordedParameters(
  bytes: Buffer,
  bind: BindCommand,
  types: readonly number[],
): readonly RecordedValue[] | undefined {
  const { parameterFormats, valueStarts, valueLengths } = bind
  if (valueStarts.length === 0) return undefined
  const values: RecordedValue[] = []
  for (let i = 0; i < valueStarts.length; i++) {
    const start = valueStarts[i]!
    values.push(
      start < 0 ? null : recordedValue(bytes, start, valueLengths[i]!, formatOf(parameterFormats, i), types[i] ?? 0),
    )
  }
  return values
}

/** The format code of one column or parameter, by the protocol's rule: none given, text; one given, for all. */
export function formatOf(formats: readonly number[], index: number): number {
  return formats.length === 0 ? 0 : formats.length === 1 ? formats[0]! : (formats[index] ?? 0)
}

type RecordedColumns = readonly { readonly name: string; readonly type: string; readonly masked?: true }[]

/** What was made last of a description: a prepared statement has the same each time. */
const known = new WeakMap<
  readonly ColumnDescription[],
  { plan: readonly unknown[] | undefined; made: RecordedColumns }
>()

/** A result's columns as they go on record; for the same description and plan the same array. */
export function recordedColumns(
  columns: readonly ColumnDescription[],
  plan: readonly unknown[] | undefined,
): RecordedColumns {
  const last = known.get(columns)
  if (last !== undefined && last.plan === plan) return last.made
  const made = columns.map(({ name, type }, i) =>
    plan?.[i] === undefined ? { name, type: typeName(type) } : { name, type: typeName(type), masked: true as const },
  )
  known.set(columns, { plan, made })
  return made
}

/**
 * The values of the DataRow `[start, end)` as they go on record, after masking. Of a row whose lengths do not add up, what
 * can be read. `types` and `formats` say how; where they say nothing, text.
 */
export function recordedRow(
  bytes: Buffer,
  start: number,
  end: number,
  columns: readonly ColumnDescription[] | undefined,
  formats: readonly number[] | undefined,
): RecordedValue[] {
  const values: RecordedValue[] = []
  if (end - start < 7) return values
  const count = bytes.readUInt16BE(start + 5)
  for (let i = 0, at = start + 7; i < count && end - at >= 4; i++) {
    const length = bytes.readInt32BE(at)
    at += 4
    if (length > end - at) break
    if (length < 0) values.push(null)
    else {
      const column = columns?.[i]
      const format = formats === undefined ? (column?.format ?? 0) : formatOf(formats, i)
      values.push(recordedValue(bytes, at, length, format, column?.type ?? 0))
      at += length
    }
  }
  return values
}

function recordedValue(bytes: Buffer, start: number, length: number, format: number, type: number): RecordedValue {
  if (length > MAX_VALUE_BYTES) return { bytes: length }
  if (format === 0) return bytes.toString('utf8', start, start + length)
  return binaryText(bytes, start, length, type) ?? { bytes: length }
}
