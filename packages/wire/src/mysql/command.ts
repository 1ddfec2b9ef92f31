import { ByteReader } from '../byte-reader.js'
import { WireError } from '../wire-error.js'
import { readLengthEncodedInteger, readLengthEncodedString } from './length-encoded.js'
import { MAX_COLUMNS, MAX_QUERY_ATTRIBUTES } from './limits.js'
import { COLUMN_TYPE, fixedBinaryLength } from './result.js'

/** First byte of a command. Manual: "Command Phase", and MariaDB's "Client/Server Protocol" for those from 0xfa on. */
export const COMMAND = {
  sleep: 0x00,
  quit: 0x01,
  initDb: 0x02,
  query: 0x03,
  fieldList: 0x04,
  createDb: 0x05,
  dropDb: 0x06,
  refresh: 0x07,
  shutdown: 0x08,
  statistics: 0x09,
  processInfo: 0x0a,
  connect: 0x0b,
  processKill: 0x0c,
  debug: 0x0d,
  ping: 0x0e,
  time: 0x0f,
  delayedInsert: 0x10,
  changeUser: 0x11,
  binlogDump: 0x12,
  tableDump: 0x13,
  connectOut: 0x14,
  registerReplica: 0x15,
  prepare: 0x16,
  execute: 0x17,
  sendLongData: 0x18,
  closeStatement: 0x19,
  resetStatement: 0x1a,
  setOption: 0x1b,
  fetch: 0x1c,
  daemon: 0x1d,
  binlogDumpGtid: 0x1e,
  resetConnection: 0x1f,
  clone: 0x20,
  bulkExecute: 0xfa,
  multi: 0xfe,
} as const

const NAMES: Record<keyof typeof COMMAND, string> = {
  sleep: 'COM_SLEEP',
  quit: 'COM_QUIT',
  initDb: 'COM_INIT_DB',
  query: 'COM_QUERY',
  fieldList: 'COM_FIELD_LIST',
  createDb: 'COM_CREATE_DB',
  dropDb: 'COM_DROP_DB',
  refresh: 'COM_REFRESH',
  shutdown: 'COM_SHUTDOWN',
  statistics: 'COM_STATISTICS',
  processInfo: 'COM_PROCESS_INFO',
  connect: 'COM_CONNECT',
  processKill: 'COM_PROCESS_KILL',
  debug: 'COM_DEBUG',
  ping: 'COM_PING',
  time: 'COM_TIME',
  delayedInsert: 'COM_DELAYED_INSERT',
  changeUser: 'COM_CHANGE_USER',
  binlogDump: 'COM_BINLOG_DUMP',
  tableDump: 'COM_TABLE_DUMP',
  connectOut: 'COM_CONNECT_OUT',
  registerReplica: 'COM_REGISTER_SLAVE',
  prepare: 'COM_STMT_PREPARE',
  execute: 'COM_STMT_EXECUTE',
  sendLongData: 'COM_STMT_SEND_LONG_DATA',
  closeStatement: 'COM_STMT_CLOSE',
  resetStatement: 'COM_STMT_RESET',
  setOption: 'COM_SET_OPTION',
  fetch: 'COM_STMT_FETCH',
  daemon: 'COM_DAEMON',
  binlogDumpGtid: 'COM_BINLOG_DUMP_GTID',
  resetConnection: 'COM_RESET_CONNECTION',
  clone: 'COM_CLONE',
  bulkExecute: 'COM_STMT_BULK_EXECUTE',
  multi: 'COM_MULTI',
}

const BY_CODE = new Map(Object.entries(COMMAND).map(([name, code]) => [code, NAMES[name as keyof typeof COMMAND]]))

/** A command's name as the manual has it, e.g. `COM_STMT_EXECUTE`; for an unknown one its number. */
export function commandName(code: number): string {
  return BY_CODE.get(code as never) ?? `command 0x${code.toString(16).padStart(2, '0')}`
}

/** A parameter or query attribute: its type code, unsignedness, and value bytes as they came (without length). */
export interface BoundValue {
  readonly type: number
  readonly unsigned: boolean
  /** Null for NULL, undefined where the value went ahead as long data. */
  readonly bytes: Buffer | null | undefined
}

/** The type of a parameter, as COM_STMT_EXECUTE binds it once for all executions after. */
export interface ParameterType {
  readonly type: number
  readonly unsigned: boolean
}

/**
 * COM_QUERY: where its text begins in the payload. With CLIENT_QUERY_ATTRIBUTES, attributes come first:
 *
 *     03 | count (lenenc) | sets (lenenc, 1) | if count: NULL bitmap | 01 | types and names | values | text (rest)
 *
 * Throws `WireError`.
 */
export function queryTextOffset(payload: Buffer, queryAttributes: boolean): number {
  if (!queryAttributes) return 1
  const reader = new ByteReader(payload)
  reader.skip(1)
  const count = readLengthEncodedInteger(reader)
  if (readLengthEncodedInteger(reader) !== 1) throw new WireError('more than one set of query attributes')
  if (count > MAX_QUERY_ATTRIBUTES) throw new WireError('too many query attributes')
  if (count > 0) {
    const nulls = reader.bytes((count + 7) >> 3)
    if (reader.uint8() !== 1) throw new WireError('query attributes without types')
    const types = readTypes(reader, count, true)
    readValues(reader, nulls, types, undefined)
  }
  return reader.offset
}

export interface ExecuteCommand {
  readonly statementId: number
  /** CURSOR_TYPE_*; 0: none, the rows come at once. */
  readonly cursor: number
  /** Types that this command binds anew; undefined: those bound before hold. */
  readonly types: readonly ParameterType[] | undefined
  /** Undefined where types were never bound: then nothing tells the values apart. */
  readonly values: readonly BoundValue[] | undefined
}

/** What COM_STMT_EXECUTE must be read with. */
export interface ExecuteContext {
  /** Parameters of the statement, from the answer to its COM_STMT_PREPARE. */
  readonly parameters: number
  readonly boundTypes: readonly ParameterType[] | undefined
  /** Parameters that came as long data, by position; their values are not in the command. */
  readonly longData: ReadonlySet<number>
  readonly queryAttributes: boolean
}

const PARAMETER_COUNT_AVAILABLE = 0x08

/** Statement id of COM_STMT_EXECUTE, FETCH, RESET, CLOSE, SEND_LONG_DATA and BULK_EXECUTE. Throws `WireError`. */
export function statementIdOf(payload: Buffer): number {
  const reader = new ByteReader(payload)
  reader.skip(1)
  return reader.uint32le()
}

/**
 * COM_STMT_EXECUTE.
 *
 *     17 | id (4) | flags (1) | iterations (4) | with attributes: count (lenenc) | NULL bitmap | new types? (1) | types | values
 *
 * Throws `WireError`.
 */
export function decodeExecute(payload: Buffer, context: ExecuteContext): ExecuteCommand {
  const reader = new ByteReader(payload)
  reader.skip(1)
  const statementId = reader.uint32le()
  const flags = reader.uint8()
  reader.skip(4)
  const cursor = flags & 0x07
  let count = context.parameters
  if (context.queryAttributes && (count > 0 || (flags & PARAMETER_COUNT_AVAILABLE) !== 0)) {
    if ((flags & PARAMETER_COUNT_AVAILABLE) !== 0) count = readLengthEncodedInteger(reader)
    if (count > MAX_COLUMNS) throw new WireError('too many parameters')
    if (count < context.parameters) throw new WireError('fewer parameters than the statement has')
  }
  if (count === 0) return { statementId, cursor, types: undefined, values: [] }
  const nulls = reader.bytes((count + 7) >> 3)
  const bindsTypes = reader.uint8() === 1
  const types = bindsTypes ? readTypes(reader, count, context.queryAttributes) : undefined
  const known = types ?? context.boundTypes
  if (known === undefined || known.length < count) return { statementId, cursor, types, values: undefined }
  const values = readValues(reader, nulls, known.slice(0, count), context.longData)
  return { statementId, cursor, types, values: values.slice(0, context.parameters) }
}

function readTypes(reader: ByteReader, count: number, named: boolean): ParameterType[] {
  const types: ParameterType[] = []
  for (let i = 0; i < count; i++) {
    const type = reader.uint8()
    types.push({ type, unsigned: (reader.uint8() & 0x80) !== 0 })
    if (named) readLengthEncodedString(reader)
  }
  return types
}

function readValues(
  reader: ByteReader,
  nulls: Buffer,
  types: readonly ParameterType[],
  longData: ReadonlySet<number> | undefined,
): BoundValue[] {
  return types.map(({ type, unsigned }, i) => {
    if (longData?.has(i)) return { type, unsigned, bytes: undefined }
    const isNull = ((nulls[i >> 3]! >> (i & 7)) & 1) === 1 || type === COLUMN_TYPE.null
    return { type, unsigned, bytes: isNull ? null : readBinaryValue(reader, type) }
  })
}

function readBinaryValue(reader: ByteReader, type: number): Buffer {
  const fixed = fixedBinaryLength(type)
  if (fixed === -1) return reader.bytes(reader.uint8())
  return fixed >= 0 ? reader.bytes(fixed) : readLengthEncodedString(reader)
}

/** COM_STMT_SEND_LONG_DATA's fixed part. Throws `WireError`. */
export function decodeLongDataHead(payload: Buffer): { readonly statementId: number; readonly parameter: number } {
  const reader = new ByteReader(payload)
  reader.skip(1)
  return { statementId: reader.uint32le(), parameter: reader.uint16le() }
}

/** COM_FIELD_LIST: table, and a pattern for the columns. Throws `WireError`. */
export function decodeFieldList(payload: Buffer): { readonly table: Buffer; readonly wildcard: Buffer } {
  const reader = new ByteReader(payload)
  reader.skip(1)
  return { table: reader.untilNul(), wildcard: reader.rest() }
}
