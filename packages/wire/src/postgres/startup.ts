import { isUtf8 } from 'node:buffer'
import { ByteReader } from '../byte-reader.js'
import { WireError } from '../wire-error.js'

/** Most bytes of a startup packet, its length included: the server's own MAX_STARTUP_PACKET_LENGTH. */
export const MAXIMUM_STARTUP_BYTES = 10_000
/** A startup packet's length field and the code after it, which every packet has. */
const HEADER_BYTES = 8
/** Longest secret of a cancel key since protocol 3.2 (manual, "Message Formats", BackendKeyData). */
export const MAXIMUM_CANCEL_SECRET_BYTES = 256

const CANCEL_REQUEST = 80877102
const SSL_REQUEST = 80877103
const GSS_ENCRYPTION_REQUEST = 80877104

/** A protocol version: 3.0 and 3.2 are the ones in use. */
export interface ProtocolVersion {
  readonly major: number
  readonly minor: number
}

/** The names of a cancel key: whom to cancel, and the proof of the right to. */
export interface CancelKey {
  readonly processId: number
  /** 4 bytes; from protocol 3.2 on up to 256. */
  readonly secret: Buffer
}

export interface StartupMessage {
  readonly type: 'startup'
  readonly version: ProtocolVersion
  /** In the order sent, repeated names too; the server lets the last one win. Empty for a major version other than 3. */
  readonly parameters: readonly (readonly [name: string, value: string])[]
}

/** What a client sends before anything else: the only packets without a type byte. */
export type StartupPacket =
  | StartupMessage
  | { readonly type: 'ssl-request' }
  | { readonly type: 'gss-encryption-request' }
  | ({ readonly type: 'cancel-request' } & CancelKey)

/** Reads the length of a startup packet, itself included, from its first 4 bytes. Throws `WireError` where none is that long. */
export function decodeStartupLength(bytes: Buffer): number {
  const length = new ByteReader(bytes).uint32be()
  if (length < HEADER_BYTES || length > MAXIMUM_STARTUP_BYTES) throw new WireError('invalid length of startup packet')
  return length
}

/** Decodes a whole startup packet, length included (manual, "Message Formats"). Throws `WireError`. */
export function decodeStartupPacket(bytes: Buffer): StartupPacket {
  if (decodeStartupLength(bytes) !== bytes.length) throw new WireError('startup packet differs from its length')
  const reader = new ByteReader(bytes, 4)
  const code = reader.uint32be()
  switch (code) {
    case SSL_REQUEST:
      reader.finish()
      return { type: 'ssl-request' }
    case GSS_ENCRYPTION_REQUEST:
      reader.finish()
      return { type: 'gss-encryption-request' }
    case CANCEL_REQUEST:
      return { type: 'cancel-request', ...cancelKey(reader) }
  }
  const version = { major: code >>> 16, minor: code & 0xffff }
  // Another major version has another layout; the caller refuses it.
  return { type: 'startup', version, parameters: version.major === 3 ? parametersOf(reader) : [] }
}

/** Encodes a whole startup packet, length included. */
export function encodeStartupPacket(packet: StartupPacket): Buffer {
  switch (packet.type) {
    case 'ssl-request':
      return encodePacket(SSL_REQUEST)
    case 'gss-encryption-request':
      return encodePacket(GSS_ENCRYPTION_REQUEST)
    case 'cancel-request': {
      const processId = Buffer.alloc(4)
      processId.writeUInt32BE(packet.processId)
      return encodePacket(CANCEL_REQUEST, processId, packet.secret)
    }
    case 'startup': {
      const texts = packet.parameters.flat().map((text) => encodeText(text))
      const { major, minor } = packet.version
      return encodePacket(major * 0x10000 + minor, ...texts, Buffer.alloc(1))
    }
  }
}

/** The server's answer to a minor version above its own or to protocol options (`_pq_.*`) that it does not know. */
export interface NegotiateProtocolVersion {
  readonly type: 'negotiate-protocol-version'
  /** The newest version that the server speaks. */
  readonly version: ProtocolVersion
  readonly unrecognized: readonly string[]
}

/** Encodes a whole NegotiateProtocolVersion. Like the server it sends the whole version, not the minor number alone. */
export function encodeNegotiateProtocolVersion({ version, unrecognized }: NegotiateProtocolVersion): Buffer {
  const names = Buffer.concat(unrecognized.map((name) => encodeText(name)))
  const message = Buffer.alloc(13 + names.length)
  message.writeUInt8(0x76, 0) // 'v'
  message.writeInt32BE(message.length - 1, 1)
  message.writeUInt32BE(version.major * 0x10000 + version.minor, 5)
  message.writeInt32BE(unrecognized.length, 9)
  names.copy(message, 13)
  return message
}

/** Decodes the content of a NegotiateProtocolVersion. Throws `WireError`. */
export function decodeNegotiateProtocolVersion(bytes: Buffer, start = 0, end = bytes.length): NegotiateProtocolVersion {
  const reader = new ByteReader(bytes, start, end)
  const code = reader.uint32be()
  const count = reader.uint32be()
  if (count > reader.remaining) throw new WireError('more options counted than sent')
  const unrecognized: string[] = []
  for (let i = 0; i < count; i++) unrecognized.push(textOf(reader))
  reader.finish()
  return { type: 'negotiate-protocol-version', version: { major: code >>> 16, minor: code & 0xffff }, unrecognized }
}

function cancelKey(reader: ByteReader): CancelKey {
  const processId = reader.uint32be()
  const secret = reader.rest()
  if (secret.length < 4 || secret.length > MAXIMUM_CANCEL_SECRET_BYTES)
    throw new WireError('invalid length of cancel key')
  return { processId, secret }
}

function parametersOf(reader: ByteReader): (readonly [string, string])[] {
  const parameters: (readonly [string, string])[] = []
  for (let name = textOf(reader); name !== ''; name = textOf(reader)) parameters.push([name, textOf(reader)])
  reader.finish()
  return parameters
}

function textOf(reader: ByteReader): string {
  const bytes = reader.untilNul()
  if (!isUtf8(bytes)) throw new WireError('startup packet holds text that is not UTF-8')
  return bytes.toString('utf8')
}

function encodePacket(code: number, ...parts: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32BE(code, 4)
  const packet = Buffer.concat([header, ...parts])
  packet.writeUInt32BE(packet.length, 0)
  return packet
}

function encodeText(text: string): Buffer {
  if (text.includes('\0')) throw new WireError('text holds a NUL')
  return Buffer.from(`${text}\0`)
}
