import { ByteReader } from '../byte-reader.js'
import { WireError } from '../wire-error.js'
import { CAPABILITY, hasCapability } from './capabilities.js'
import {
  encodeLengthEncodedInteger,
  encodeLengthEncodedString,
  readLengthEncodedInteger,
  readLengthEncodedString,
} from './length-encoded.js'

/** Bytes of an auth plugin's challenge. The first 8 and the other 12 sit apart in the greeting. */
export const NONCE_BYTES = 20
/** Bytes of an SSLRequest, which is the fixed part of a HandshakeResponse41. */
const SSL_REQUEST_BYTES = 32
/** Connection attributes of one client; MySQL's own bound is 64 KiB of them all. */
const MAX_ATTRIBUTES = 512

/** The first packet of a server. Manual: "Protocol::HandshakeV10"; MariaDB: "Connection", initial handshake packet. */
export interface Greeting {
  readonly type: 'greeting'
  readonly serverVersion: string
  readonly connectionId: number
  /** The challenge without its trailing NUL: `NONCE_BYTES`. */
  readonly nonce: Buffer
  readonly capabilities: number
  /** MariaDB's flags 32 to 63; 0 from MySQL. */
  readonly mariadbCapabilities: number
  /** Collation id of the server's default, its lower 8 bits. */
  readonly characterSet: number
  readonly status: number
  /** The plugin that the challenge is for; empty where the server has no plugins. */
  readonly authPlugin: string
}

/** The client wants TLS now. Manual: "Protocol::SSLRequest". */
export interface SslRequest {
  readonly type: 'ssl-request'
  readonly capabilities: number
  readonly maxPacketBytes: number
  readonly characterSet: number
  readonly mariadbCapabilities: number
}

/** A client's answer to the greeting. Manual: "Protocol::HandshakeResponse41". */
export interface HandshakeResponse {
  readonly type: 'handshake-response'
  readonly capabilities: number
  readonly mariadbCapabilities: number
  readonly maxPacketBytes: number
  /** Collation id, its lower 8 bits. */
  readonly characterSet: number
  readonly user: string
  readonly authResponse: Buffer
  readonly database: string | undefined
  readonly authPlugin: string | undefined
  readonly attributes: ConnectionAttributes
  readonly zstdLevel: number | undefined
}

/** Pairs in the order of the wire; a key may come twice. */
export type ConnectionAttributes = readonly (readonly [name: string, value: string])[]

/** COM_CHANGE_USER without its command byte. Manual: "COM_CHANGE_USER". */
export interface ChangeUser {
  readonly type: 'change-user'
  readonly user: string
  readonly authResponse: Buffer
  /** Empty: none. */
  readonly database: string
  readonly characterSet: number | undefined
  readonly authPlugin: string | undefined
  readonly attributes: ConnectionAttributes
}

/** The payload of a greeting. */
export function encodeGreeting(greeting: Greeting): Buffer {
  const version = Buffer.from(greeting.serverVersion, 'utf8')
  const plugin = Buffer.from(greeting.authPlugin, 'utf8')
  const head = Buffer.alloc(1 + version.length + 1 + 4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10)
  head[0] = 10
  version.copy(head, 1)
  let at = 1 + version.length + 1
  at = head.writeUInt32LE(greeting.connectionId >>> 0, at)
  at += greeting.nonce.copy(head, at, 0, 8) + 1
  at = head.writeUInt16LE(greeting.capabilities & 0xffff, at)
  at = head.writeUInt8(greeting.characterSet & 0xff, at)
  at = head.writeUInt16LE(greeting.status, at)
  at = head.writeUInt16LE(greeting.capabilities >>> 16, at)
  at = head.writeUInt8(NONCE_BYTES + 1, at) + 6
  head.writeUInt32LE(greeting.mariadbCapabilities, at)
  return Buffer.concat([head, greeting.nonce.subarray(8, NONCE_BYTES), NUL, plugin, NUL])
}

/** Reads a server's greeting. Throws `WireError`, also for protocol versions before 10. */
export function decodeGreeting(payload: Buffer): Greeting {
  const reader = new ByteReader(payload)
  const version = reader.uint8()
  if (version !== 10) throw new WireError(`handshake version ${version} is not 10`)
  const serverVersion = reader.untilNul().toString('utf8')
  const connectionId = reader.uint32le()
  const first = reader.bytes(8)
  reader.skip(1)
  const low = reader.uint16le()
  const characterSet = reader.uint8()
  const status = reader.uint16le()
  const capabilities = (low | (reader.uint16le() << 16)) >>> 0
  const nonceBytes = reader.uint8()
  reader.skip(6)
  const extended = reader.uint32le()
  if (!hasCapability(capabilities, CAPABILITY.secureConnection)) throw new WireError('challenge of 8 bytes')
  const second = reader.bytes(Math.max(13, nonceBytes - 8)) // with a NUL at its end
  const authPlugin = hasCapability(capabilities, CAPABILITY.pluginAuth)
    ? untilNulOrEnd(reader, payload).toString('utf8')
    : ''
  return {
    type: 'greeting',
    serverVersion,
    connectionId,
    nonce: Buffer.concat([first, second.subarray(0, NONCE_BYTES - 8)]),
    capabilities,
    mariadbCapabilities: hasCapability(capabilities, CAPABILITY.mysql) ? 0 : extended,
    characterSet,
    status,
    authPlugin,
  }
}

/** The payload of an SSLRequest. */
export function encodeSslRequest(request: Omit<SslRequest, 'type'>): Buffer {
  const bytes = Buffer.alloc(SSL_REQUEST_BYTES)
  bytes.writeUInt32LE(request.capabilities, 0)
  bytes.writeUInt32LE(request.maxPacketBytes, 4)
  bytes.writeUInt8(request.characterSet & 0xff, 8)
  bytes.writeUInt32LE(request.mariadbCapabilities, 28)
  return bytes
}

/** The payload of a HandshakeResponse41. Its layout follows from `capabilities`. */
export function encodeHandshakeResponse(response: Omit<HandshakeResponse, 'type'>): Buffer {
  const { capabilities } = response
  const parts = [encodeSslRequest(response), cString(response.user)]
  if (hasCapability(capabilities, CAPABILITY.pluginAuthLengthEncoded)) {
    parts.push(encodeLengthEncodedString(response.authResponse))
  } else {
    if (response.authResponse.length > 0xff) throw new WireError('auth response is longer than 255 bytes')
    parts.push(Buffer.of(response.authResponse.length), response.authResponse)
  }
  if (hasCapability(capabilities, CAPABILITY.connectWithDatabase)) parts.push(cString(response.database ?? ''))
  if (hasCapability(capabilities, CAPABILITY.pluginAuth)) parts.push(cString(response.authPlugin ?? ''))
  if (hasCapability(capabilities, CAPABILITY.connectAttributes)) parts.push(encodeAttributes(response.attributes))
  if (hasCapability(capabilities, CAPABILITY.zstd)) parts.push(Buffer.of(response.zstdLevel ?? 0))
  return Buffer.concat(parts)
}

/** Reads what a client sends after the greeting, or after TLS. Throws `WireError`; also for clients before MySQL 4.1. */
export function decodeHandshakeResponse(payload: Buffer): SslRequest | HandshakeResponse {
  const reader = new ByteReader(payload)
  if (payload.length >= 2 && !hasCapability(payload.readUInt16LE(0), CAPABILITY.protocol41)) {
    throw new WireError('client older than 4.1')
  }
  const capabilities = reader.uint32le()
  const maxPacketBytes = reader.uint32le()
  const characterSet = reader.uint8()
  reader.skip(19)
  const extended = reader.uint32le()
  const mariadbCapabilities = hasCapability(capabilities, CAPABILITY.mysql) ? 0 : extended
  const head = { capabilities, mariadbCapabilities, maxPacketBytes, characterSet }
  if (reader.remaining === 0 && hasCapability(capabilities, CAPABILITY.ssl)) return { type: 'ssl-request', ...head }
  const user = reader.untilNul().toString('utf8')
  const authResponse = readAuthResponse(reader, capabilities)
  const database = hasCapability(capabilities, CAPABILITY.connectWithDatabase)
    ? text(untilNulOrEnd(reader, payload))
    : undefined
  const authPlugin = hasCapability(capabilities, CAPABILITY.pluginAuth)
    ? text(untilNulOrEnd(reader, payload))
    : undefined
  const attributes = hasCapability(capabilities, CAPABILITY.connectAttributes) ? readAttributes(reader) : []
  const zstdLevel = hasCapability(capabilities, CAPABILITY.zstd) && reader.remaining > 0 ? reader.uint8() : undefined
  return { type: 'handshake-response', ...head, user, authResponse, database, authPlugin, attributes, zstdLevel }
}

/** Reads a COM_CHANGE_USER's payload after the command byte; `capabilities` are those in force. Throws `WireError`. */
export function decodeChangeUser(payload: Buffer, capabilities: number): ChangeUser {
  const reader = new ByteReader(payload)
  const user = reader.untilNul().toString('utf8')
  const authResponse = hasCapability(capabilities, CAPABILITY.secureConnection)
    ? Buffer.from(reader.bytes(reader.uint8()))
    : Buffer.from(reader.untilNul())
  const database = text(untilNulOrEnd(reader, payload))
  const characterSet = reader.remaining >= 2 ? reader.uint16le() : undefined
  const withPlugin = hasCapability(capabilities, CAPABILITY.pluginAuth) && reader.remaining > 0
  const authPlugin = withPlugin ? text(untilNulOrEnd(reader, payload)) : undefined
  const attributes = hasCapability(capabilities, CAPABILITY.connectAttributes) ? readAttributes(reader) : []
  return { type: 'change-user', user, authResponse, database, characterSet, authPlugin, attributes }
}

/** A COM_CHANGE_USER's payload after the command byte, for a connection with plugins and attributes as `capabilities` say. */
export function encodeChangeUser(change: Omit<ChangeUser, 'type'>, capabilities: number): Buffer {
  if (change.authResponse.length > 0xff) throw new WireError('auth response is longer than 255 bytes')
  const parts = [cString(change.user), Buffer.of(change.authResponse.length), change.authResponse]
  parts.push(cString(change.database), Buffer.of((change.characterSet ?? 0) & 0xff, (change.characterSet ?? 0) >> 8))
  if (hasCapability(capabilities, CAPABILITY.pluginAuth)) parts.push(cString(change.authPlugin ?? ''))
  if (hasCapability(capabilities, CAPABILITY.connectAttributes)) parts.push(encodeAttributes(change.attributes))
  return Buffer.concat(parts)
}

const NUL = Buffer.of(0)

function cString(value: string): Buffer {
  if (value.includes('\0')) throw new WireError('string with a NUL inside')
  return Buffer.from(`${value}\0`, 'utf8')
}

function text(bytes: Buffer): string {
  return bytes.toString('utf8')
}

/** Some peers leave the last strings of a packet out, and MySQL 5.5 forgets the NUL after the plugin's name (bug 59453). */
function untilNulOrEnd(reader: ByteReader, payload: Buffer): Buffer {
  return payload.includes(0, reader.offset) ? reader.untilNul() : reader.rest()
}

/** A copy: what proves a password must not keep the whole chunk alive. */
function readAuthResponse(reader: ByteReader, capabilities: number): Buffer {
  if (hasCapability(capabilities, CAPABILITY.pluginAuthLengthEncoded))
    return Buffer.from(readLengthEncodedString(reader))
  if (hasCapability(capabilities, CAPABILITY.secureConnection)) return Buffer.from(reader.bytes(reader.uint8()))
  return Buffer.from(reader.untilNul())
}

function readAttributes(reader: ByteReader): ConnectionAttributes {
  if (reader.remaining === 0) return []
  const total = readLengthEncodedInteger(reader)
  if (total > reader.remaining) throw new WireError('connection attributes are longer than the message')
  const last = reader.remaining - total
  const attributes: (readonly [string, string])[] = []
  while (reader.remaining > last) {
    if (attributes.length === MAX_ATTRIBUTES) throw new WireError('too many connection attributes')
    const name = text(readLengthEncodedString(reader))
    attributes.push([name, text(readLengthEncodedString(reader))])
  }
  if (reader.remaining !== last) throw new WireError('connection attributes end inside a value')
  return attributes
}

function encodeAttributes(attributes: ConnectionAttributes): Buffer {
  const pairs = Buffer.concat(attributes.flat().map((each) => encodeLengthEncodedString(Buffer.from(each, 'utf8'))))
  return Buffer.concat([encodeLengthEncodedInteger(pairs.length), pairs])
}
