import { ByteReader } from '../byte-reader.js'
import { WireError } from '../wire-error.js'
import { type CancelKey, MAXIMUM_CANCEL_SECRET_BYTES } from './startup.js'

/** Longest SASL message: the server's own PG_MAX_SASL_MESSAGE_LENGTH. */
export const MAXIMUM_SASL_BYTES = 1024

/** What the server asks of the client, or grants (manual, "Message Formats", Authentication*). */
export type AuthenticationRequest =
  | { readonly type: 'ok' }
  | { readonly type: 'cleartext-password' }
  | { readonly type: 'md5-password'; readonly salt: Buffer }
  | { readonly type: 'sasl'; readonly mechanisms: readonly string[] }
  | { readonly type: 'sasl-continue'; readonly data: Buffer }
  | { readonly type: 'sasl-final'; readonly data: Buffer }
  /** Kerberos, GSSAPI, SSPI, and what comes after this was written. */
  | { readonly type: 'unsupported'; readonly code: number }

const CODES = {
  ok: 0,
  'cleartext-password': 3,
  'md5-password': 5,
  sasl: 10,
  'sasl-continue': 11,
  'sasl-final': 12,
} as const

/** Decodes the content of an AuthenticationRequest, `R`. Throws `WireError`. */
export function decodeAuthenticationRequest(bytes: Buffer, start = 0, end = bytes.length): AuthenticationRequest {
  const reader = new ByteReader(bytes, start, end)
  const request = authenticationRequest(reader)
  reader.finish()
  return request
}

function authenticationRequest(reader: ByteReader): AuthenticationRequest {
  const code = reader.uint32be()
  switch (code) {
    case CODES.ok:
      return { type: 'ok' }
    case CODES['cleartext-password']:
      return { type: 'cleartext-password' }
    case CODES['md5-password']:
      return { type: 'md5-password', salt: reader.bytes(4) }
    case CODES.sasl: {
      const mechanisms: string[] = []
      for (let name = reader.untilNul(); name.length > 0; name = reader.untilNul())
        mechanisms.push(name.toString('latin1'))
      return { type: 'sasl', mechanisms }
    }
    case CODES['sasl-continue']:
      return { type: 'sasl-continue', data: reader.rest() }
    case CODES['sasl-final']:
      return { type: 'sasl-final', data: reader.rest() }
    default:
      reader.rest()
      return { type: 'unsupported', code }
  }
}

/** Encodes a whole AuthenticationRequest, type byte and length included. */
export function encodeAuthenticationRequest(request: AuthenticationRequest): Buffer {
  const code = Buffer.alloc(4)
  code.writeUInt32BE(request.type === 'unsupported' ? request.code : CODES[request.type])
  switch (request.type) {
    case 'md5-password':
      return encodeMessage('R', code, request.salt)
    case 'sasl':
      return encodeMessage('R', code, ...request.mechanisms.map(encodeText), Buffer.alloc(1))
    case 'sasl-continue':
    case 'sasl-final':
      return encodeMessage('R', code, request.data)
    default:
      return encodeMessage('R', code)
  }
}

/** A client's choice of SASL mechanism with its first data. */
export interface SaslInitialResponse {
  readonly type: 'sasl-initial-response'
  readonly mechanism: string
  readonly data: Buffer | undefined
}

/** Decodes the content of a SASLInitialResponse, `p`. Throws `WireError`. */
export function decodeSaslInitialResponse(bytes: Buffer, start = 0, end = bytes.length): SaslInitialResponse {
  const reader = new ByteReader(bytes, start, end)
  const mechanism = reader.untilNul().toString('latin1')
  const length = reader.int32be()
  const data = length === -1 ? undefined : reader.bytes(length)
  reader.finish()
  return { type: 'sasl-initial-response', mechanism, data }
}

/** Encodes a whole SASLInitialResponse. */
export function encodeSaslInitialResponse({ mechanism, data }: SaslInitialResponse): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(data?.length ?? -1)
  return encodeMessage('p', encodeText(mechanism), length, data ?? Buffer.alloc(0))
}

/** Encodes a whole SASLResponse; its content is the data alone. */
export function encodeSaslResponse(data: Buffer): Buffer {
  return encodeMessage('p', data)
}

/** Decodes the content of a PasswordMessage, `p`. Throws `WireError`. */
export function decodePasswordMessage(bytes: Buffer, start = 0, end = bytes.length): string {
  const reader = new ByteReader(bytes, start, end)
  const password = reader.untilNul().toString('utf8')
  reader.finish()
  return password
}

/** Encodes a whole PasswordMessage: a password, or its md5 answer. */
export function encodePasswordMessage(password: string): Buffer {
  return encodeMessage('p', encodeText(password))
}

/** Decodes the content of a BackendKeyData, `K`. Throws `WireError`. */
export function decodeBackendKeyData(bytes: Buffer, start = 0, end = bytes.length): CancelKey {
  const reader = new ByteReader(bytes, start, end)
  const processId = reader.uint32be()
  const secret = reader.rest()
  if (secret.length < 4 || secret.length > MAXIMUM_CANCEL_SECRET_BYTES)
    throw new WireError('invalid length of cancel key')
  return { processId, secret }
}

/** Encodes a whole BackendKeyData. */
export function encodeBackendKeyData({ processId, secret }: CancelKey): Buffer {
  const id = Buffer.alloc(4)
  id.writeUInt32BE(processId)
  return encodeMessage('K', id, secret)
}

/** A setting that the server reports, at startup and at each change. */
export interface ParameterStatus {
  readonly name: string
  readonly value: string
}

/** Decodes the content of a ParameterStatus, `S`. Throws `WireError`. */
export function decodeParameterStatus(bytes: Buffer, start = 0, end = bytes.length): ParameterStatus {
  const reader = new ByteReader(bytes, start, end)
  const name = reader.untilNul().toString('utf8')
  const value = reader.untilNul().toString('utf8')
  reader.finish()
  return { name, value }
}

/** Encodes a whole ParameterStatus. */
export function encodeParameterStatus({ name, value }: ParameterStatus): Buffer {
  return encodeMessage('S', encodeText(name), encodeText(value))
}

function encodeMessage(type: string, ...parts: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(5)
  header.write(type, 'latin1')
  const message = Buffer.concat([header, ...parts])
  message.writeUInt32BE(message.length - 1, 1)
  return message
}

function encodeText(text: string): Buffer {
  if (text.includes('\0')) throw new WireError('text holds a NUL')
  return Buffer.from(`${text}\0`)
}
