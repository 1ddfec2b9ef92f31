import { ByteReader } from '../byte-reader.js'
import { WireError } from '../wire-error.js'

/** Type bytes of what the server sends after login (manual, "Message Formats"). */
export const Result = {
  parseComplete: 0x31,
  bindComplete: 0x32,
  closeComplete: 0x33,
  notification: 0x41,
  commandComplete: 0x43,
  dataRow: 0x44,
  error: 0x45,
  copyIn: 0x47,
  copyOut: 0x48,
  emptyQuery: 0x49,
  notice: 0x4e,
  parameterStatus: 0x53,
  rowDescription: 0x54,
  copyBoth: 0x57,
  readyForQuery: 0x5a,
  copyDone: 0x63,
  copyData: 0x64,
  noData: 0x6e,
  portalSuspended: 0x73,
  parameterDescription: 0x74,
} as const

/** What ReadyForQuery says of the transaction: none open, one open, one that failed. */
export const TransactionStatus = { idle: 0x49, open: 0x54, failed: 0x45 } as const

/** A column as RowDescription describes it. `table` and `attribute` are 0 where it is no table's column. */
export interface ColumnDescription {
  readonly name: string
  readonly table: number
  readonly attribute: number
  readonly type: number
  readonly format: 0 | 1
}

/** In all decoders `[start, end)` is the message's content, after its length; what does not fit throws `WireError`. */
export function decodeRowDescription(bytes: Buffer, start: number, end: number): ColumnDescription[] {
  const reader = new ByteReader(bytes, start, end)
  const columns: ColumnDescription[] = []
  for (let left = reader.uint16be(); left > 0; left--) {
    const name = reader.untilNul().toString('utf8')
    const table = reader.uint32be()
    const attribute = reader.int16be()
    const type = reader.uint32be()
    reader.skip(6) // type size and modifier
    const format = reader.uint16be()
    if (format > 1) throw new WireError(`unknown format code ${format}`)
    columns.push({ name, table, attribute, type, format: format === 1 ? 1 : 0 })
  }
  reader.finish()
  return columns
}

/** ParameterDescription: the type OID of each parameter. */
export function decodeParameterTypes(bytes: Buffer, start: number, end: number): number[] {
  const reader = new ByteReader(bytes, start, end)
  const types: number[] = []
  for (let left = reader.uint16be(); left > 0; left--) types.push(reader.uint32be())
  reader.finish()
  return types
}

/** CommandComplete: the tag, such as `INSERT 0 1`. */
export function decodeCommandTag(bytes: Buffer, start: number, end: number): string {
  if (end <= start || bytes.indexOf(0, start) !== end - 1) throw new WireError('command tag is not terminated')
  return bytes.toString('latin1', start, end - 1)
}

/** How many rows a tag counts: its last number; 0 where it has none. */
export function rowsInTag(tag: string): number {
  let rows = 0
  for (let at = tag.length - 1, unit = 1; at > 0; at--, unit *= 10) {
    const digit = tag.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) return tag.charCodeAt(at) === 0x20 ? rows : 0
    rows += digit * unit
  }
  return 0
}

/** ReadyForQuery: one of `TransactionStatus`. */
export function decodeReadyForQuery(bytes: Buffer, start: number, end: number): number {
  const status = end - start === 1 ? bytes[start]! : -1
  if (status !== TransactionStatus.idle && status !== TransactionStatus.open && status !== TransactionStatus.failed) {
    throw new WireError('unknown transaction status')
  }
  return status
}
