import { ByteReader } from '../byte-reader.js'
import { WireError } from '../wire-error.js'
import { readLengthEncodedInteger, readLengthEncodedString } from './length-encoded.js'
import { MAX_COLUMNS } from './limits.js'

/** Server status flags that the gateway looks at. Manual: "SERVER_STATUS_flags_enum". */
export const STATUS = {
  inTransaction: 0x0001,
  moreResults: 0x0008,
  cursorExists: 0x0040,
  lastRowSent: 0x0080,
  noBackslashEscapes: 0x0200,
  sessionStateChanged: 0x4000,
} as const

/** Column types. Manual: "enum_field_types". */
export const COLUMN_TYPE = {
  decimal: 0,
  tiny: 1,
  short: 2,
  long: 3,
  float: 4,
  double: 5,
  null: 6,
  timestamp: 7,
  longlong: 8,
  int24: 9,
  date: 10,
  time: 11,
  datetime: 12,
  year: 13,
  varchar: 15,
  bit: 16,
  vector: 242,
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
  geometry: 255,
} as const

const TYPE_NAMES = new Map<number, string>(
  Object.entries(COLUMN_TYPE).map(([name, code]) => [code, name.toLowerCase()]),
)

/** A type's name for people, e.g. `varstring`; for an unknown one its number. */
export function columnTypeName(type: number): string {
  return TYPE_NAMES.get(type) ?? `type ${type}`
}

/** Bytes of a value in a binary row: 0 to 8; -1: one byte of length before it (dates and times); -2: length-encoded. */
export function fixedBinaryLength(type: number): number {
  switch (type) {
    case COLUMN_TYPE.null:
      return 0
    case COLUMN_TYPE.tiny:
      return 1
    case COLUMN_TYPE.short:
    case COLUMN_TYPE.year:
      return 2
    case COLUMN_TYPE.long:
    case COLUMN_TYPE.int24:
    case COLUMN_TYPE.float:
      return 4
    case COLUMN_TYPE.longlong:
    case COLUMN_TYPE.double:
      return 8
    case COLUMN_TYPE.date:
    case COLUMN_TYPE.datetime:
    case COLUMN_TYPE.timestamp:
    case COLUMN_TYPE.time:
      return -1
    default:
      return -2
  }
}

/** One change of session state that an OK packet reports. Manual: "enum_session_state_type". */
export type SessionChange =
  | { readonly kind: 'variable'; readonly name: string; readonly value: string }
  | { readonly kind: 'schema'; readonly name: string }
  | { readonly kind: 'other'; readonly type: number }

/** OK packet, also in the form with header 0xfe that ends rows under CLIENT_DEPRECATE_EOF. Manual: "OK_Packet". */
export interface OkPacket {
  /** 0 where it is 2^64 - 1, which stands for a failure. */
  readonly affectedRows: number
  readonly status: number
  readonly warnings: number
  readonly changes: readonly SessionChange[]
  /** Length of the payload up to session state, and without an empty text for people: what a client without CLIENT_SESSION_TRACK reads. */
  readonly plainLength: number
  /** Where the status stands in the payload. */
  readonly statusOffset: number
}

/** Reads an OK packet's payload. `sessionTrack`: CLIENT_SESSION_TRACK was agreed with the sender. Throws `WireError`. */
export function decodeOkPacket(payload: Buffer, sessionTrack: boolean): OkPacket {
  const reader = new ByteReader(payload)
  const header = reader.uint8()
  if (header !== 0x00 && header !== 0xfe) throw new WireError('not an OK packet')
  const affected = readUint64(reader)
  const affectedRows = affected > Number.MAX_SAFE_INTEGER ? 0 : Number(affected)
  readUint64(reader) // last insert id
  const statusOffset = reader.offset
  const status = reader.uint16le()
  const warnings = reader.uint16le()
  let plainLength = reader.offset
  let changes: readonly SessionChange[] = []
  if (reader.remaining > 0 && readLengthEncodedString(reader).length > 0) plainLength = reader.offset
  if (sessionTrack && (status & STATUS.sessionStateChanged) !== 0 && reader.remaining > 0) {
    changes = readChanges(readLengthEncodedString(reader))
  }
  return { affectedRows, status, warnings, changes, plainLength, statusOffset }
}

/** An OK packet's payload as a client without CLIENT_SESSION_TRACK reads it. */
export function withoutSessionState(payload: Buffer, ok: OkPacket): Buffer {
  const plain = Buffer.from(payload.subarray(0, ok.plainLength))
  plain.writeUInt16LE(ok.status & ~STATUS.sessionStateChanged, ok.statusOffset)
  return plain
}

/** The payload of an OK packet that says nothing but the status, as the gateway answers by itself. */
export function plainOkPayload(status: number): Buffer {
  return Buffer.from([0x00, 0, 0, status & 0xff, (status >> 8) & 0xff & ~(STATUS.sessionStateChanged >> 8), 0, 0])
}

function readChanges(block: Buffer): SessionChange[] {
  const reader = new ByteReader(block)
  const changes: SessionChange[] = []
  while (reader.remaining > 0) {
    const type = reader.uint8()
    const data = new ByteReader(readLengthEncodedString(reader))
    if (type === 0) {
      // MariaDB puts several pairs into one entry
      while (data.remaining > 0) {
        const name = readLengthEncodedString(data).toString('latin1').toLowerCase()
        changes.push({ kind: 'variable', name, value: readLengthEncodedString(data).toString('utf8') })
      }
    } else if (type === 1) {
      changes.push({ kind: 'schema', name: readLengthEncodedString(data).toString('utf8') })
    } else {
      changes.push({ kind: 'other', type })
    }
  }
  return changes
}

/** EOF packet: warnings and status. Manual: "EOF_Packet". Throws `WireError`. */
export function decodeEofPacket(payload: Buffer): { readonly warnings: number; readonly status: number } {
  const reader = new ByteReader(payload)
  if (reader.uint8() !== 0xfe) throw new WireError('not an EOF packet')
  return { warnings: reader.uint16le(), status: reader.uint16le() }
}

/** Column definition. Manual: "Protocol::ColumnDefinition41". */
export interface ColumnDefinition {
  readonly schema: string
  /** The table's name in the query: its alias. */
  readonly table: string
  /** The table's own name; empty for an expression. */
  readonly originalTable: string
  readonly name: string
  readonly originalName: string
  readonly charset: number
  readonly length: number
  readonly type: number
  readonly flags: number
  readonly decimals: number
  /** MariaDB: the text is JSON, which its type does not say. */
  readonly isJson: boolean
}

/** Reads a column definition's payload. `extended`: MARIADB_CLIENT_EXTENDED_METADATA was agreed. Throws `WireError`. */
export function decodeColumnDefinition(payload: Buffer, extended: boolean): ColumnDefinition {
  const reader = new ByteReader(payload)
  readLengthEncodedString(reader) // catalog, always `def`
  const schema = text(reader)
  const table = text(reader)
  const originalTable = text(reader)
  const name = text(reader)
  const originalName = text(reader)
  const isJson = extended && hasJsonFormat(readLengthEncodedString(reader))
  if (readLengthEncodedInteger(reader) < 12) throw new WireError('column definition is too short')
  const charset = reader.uint16le()
  const length = reader.uint32le()
  const type = reader.uint8()
  const flags = reader.uint16le()
  const decimals = reader.uint8()
  return { schema, table, originalTable, name, originalName, charset, length, type, flags, decimals, isJson }
}

/** MariaDB's extended metadata: entries of kind (1) and text (lenenc); kind 1 is the format of a text. */
function hasJsonFormat(metadata: Buffer): boolean {
  const reader = new ByteReader(metadata)
  while (reader.remaining > 0) {
    const kind = reader.uint8()
    const value = readLengthEncodedString(reader)
    if (kind === 1 && value.equals(JSON_FORMAT)) return true
  }
  return false
}

const JSON_FORMAT = Buffer.from('json')

/** Number of columns, the first packet of a result. Throws `WireError`. */
export function decodeColumnCount(payload: Buffer): number {
  const reader = new ByteReader(payload)
  const count = readLengthEncodedInteger(reader)
  reader.finish()
  if (count === 0 || count > MAX_COLUMNS) throw new WireError(`a result of ${count} columns`)
  return count
}

export interface PrepareOk {
  readonly statementId: number
  readonly columns: number
  readonly parameters: number
}

/** COM_STMT_PREPARE_OK. Throws `WireError`. */
export function decodePrepareOk(payload: Buffer): PrepareOk {
  const reader = new ByteReader(payload)
  if (reader.uint8() !== 0x00) throw new WireError('not the answer to COM_STMT_PREPARE')
  return { statementId: reader.uint32le(), columns: reader.uint16le(), parameters: reader.uint16le() }
}

function text(reader: ByteReader): string {
  return readLengthEncodedString(reader).toString('utf8')
}

function readUint64(reader: ByteReader): number | bigint {
  const first = reader.uint8()
  if (first < 0xfb) return first
  if (first === 0xfc) return reader.uint16le()
  if (first === 0xfd) return reader.uint24le()
  if (first === 0xfe) return reader.uint64le()
  throw new WireError('not a length-encoded integer')
}
