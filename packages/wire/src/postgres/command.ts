import { ByteReader } from '../byte-reader.js'
import { WireError } from '../wire-error.js'
import { MAX_NAME_BYTES } from './limits.js'

/** Type bytes of what a logged-in client sends (manual, "Message Formats"). */
export const Command = {
  query: 0x51,
  parse: 0x50,
  bind: 0x42,
  describe: 0x44,
  execute: 0x45,
  close: 0x43,
  flush: 0x48,
  sync: 0x53,
  terminate: 0x58,
  functionCall: 0x46,
  copyData: 0x64,
  copyDone: 0x63,
  copyFail: 0x66,
} as const

/** What Describe and Close are about. */
export const Target = { statement: 0x53, portal: 0x50 } as const

/** Parse: prepare a statement. */
export interface ParseCommand {
  readonly name: string
  readonly text: Buffer
  /** Type OIDs as the client declares them; 0, or past the end: the server finds out. */
  readonly parameterTypes: readonly number[]
}

/** Bind: make a portal of a statement and its parameters. */
export interface BindCommand {
  readonly portal: string
  readonly statement: string
  /** One format code (0 text, 1 binary) a parameter, or one for all, or none: all text. */
  readonly parameterFormats: readonly number[]
  /** Where each value begins in the bytes that were decoded; -1 for NULL. */
  readonly valueStarts: readonly number[]
  /** How many bytes each value has; -1 for NULL. */
  readonly valueLengths: readonly number[]
  /** One format code a result column, or one for all, or none: all text. */
  readonly resultFormats: readonly number[]
}

export interface TargetCommand {
  readonly target: number
  readonly name: string
}

/** In all decoders `[start, end)` is the message's content, after its length; what does not fit throws `WireError`. */
export function decodeQuery(bytes: Buffer, start: number, end: number): Buffer {
  if (end <= start || bytes.indexOf(0, start) !== end - 1) throw new WireError('query is not one terminated string')
  return bytes.subarray(start, end - 1)
}

export function decodeParse(bytes: Buffer, start: number, end: number): ParseCommand {
  const reader = new ByteReader(bytes, start, end)
  const name = readName(reader)
  const text = reader.untilNul()
  const parameterTypes: number[] = []
  for (let left = reader.uint16be(); left > 0; left--) parameterTypes.push(reader.uint32be())
  reader.finish()
  return { name, text, parameterTypes }
}

export function decodeBind(bytes: Buffer, start: number, end: number): BindCommand {
  const reader = new ByteReader(bytes, start, end)
  const portal = readName(reader)
  const statement = readName(reader)
  const parameterFormats = readFormats(reader)
  const values = reader.uint16be()
  const valueStarts: number[] = []
  const valueLengths: number[] = []
  for (let i = 0; i < values; i++) {
    const length = reader.int32be()
    if (length < -1) throw new WireError('parameter with a negative length')
    valueStarts.push(length < 0 ? -1 : reader.offset)
    valueLengths.push(length)
    if (length > 0) reader.skip(length)
  }
  if (parameterFormats.length > 1 && parameterFormats.length !== values) {
    throw new WireError('as many format codes as parameters are needed')
  }
  const resultFormats = readFormats(reader)
  reader.finish()
  return { portal, statement, parameterFormats, valueStarts, valueLengths, resultFormats }
}

/** Describe and Close. */
export function decodeTarget(bytes: Buffer, start: number, end: number): TargetCommand {
  const reader = new ByteReader(bytes, start, end)
  const target = reader.uint8()
  if (target !== Target.statement && target !== Target.portal) throw new WireError('neither a statement nor a portal')
  const name = readName(reader)
  reader.finish()
  return { target, name }
}

/** Execute: the portal's name. (The row limit is the server's business.) */
export function decodeExecute(bytes: Buffer, start: number, end: number): string {
  const reader = new ByteReader(bytes, start, end)
  const portal = readName(reader)
  reader.skip(4)
  reader.finish()
  return portal
}

export function encodeQuery(text: string): Buffer {
  const length = 4 + Buffer.byteLength(text) + 1
  const message = Buffer.allocUnsafe(1 + length)
  message.writeUInt8(Command.query, 0)
  message.writeInt32BE(length, 1)
  message.write(text, 5)
  message.writeUInt8(0, length)
  return message
}

export function encodeDescribe(target: number, name: string): Buffer {
  const message = Buffer.allocUnsafe(7 + name.length)
  message.writeUInt8(Command.describe, 0)
  message.writeInt32BE(message.length - 1, 1)
  message.writeUInt8(target, 5)
  message.write(name, 6, 'latin1')
  message.writeUInt8(0, message.length - 1)
  return message
}

export const TERMINATE: Buffer = Buffer.from([Command.terminate, 0, 0, 0, 4])

/**
 * The key under which the server keeps a statement or portal: it compares the first 63 bytes only (dynahash with
 * `NAMEDATALEN` string keys), so two longer names can be one. One character a byte.
 */
export function nameKey(name: string): string {
  return Buffer.from(name, 'utf8').toString('latin1', 0, MAX_NAME_BYTES)
}

function readName(reader: ByteReader): string {
  const bytes = reader.untilNul()
  return bytes.length === 0 ? '' : bytes.toString('latin1', 0, Math.min(bytes.length, MAX_NAME_BYTES))
}

function readFormats(reader: ByteReader): readonly number[] {
  const count = reader.uint16be()
  if (count === 0) return NO_FORMATS
  const formats: number[] = []
  for (let i = 0; i < count; i++) {
    const format = reader.uint16be()
    if (format > 1) throw new WireError(`unknown format code ${format}`)
    formats.push(format)
  }
  return formats
}

const NO_FORMATS: readonly number[] = []
