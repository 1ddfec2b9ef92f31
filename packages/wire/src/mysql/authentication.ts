import { ByteReader } from '../byte-reader.js'
import { WireError } from '../wire-error.js'
import { decodeErrPacket, type ErrPacket } from './error.js'
import { NONCE_BYTES } from './startup.js'

/** Auth plugins that the gateway speaks, by the names of the wire. */
export type AuthPlugin = 'caching_sha2_password' | 'mysql_native_password' | 'mysql_clear_password'

/** caching_sha2_password's own bytes, inside AuthMoreData. Manual: "Caching_sha2_password information". */
export const CACHING_SHA2 = {
  /** Client: send the server's public key. */
  requestPublicKey: 2,
  /** Server: the scramble was right. */
  fastSuccess: 3,
  /** Server: the password itself is needed, over TLS or encrypted with the public key. */
  fullAuthentication: 4,
} as const

/** Go on with another plugin. Manual: "Protocol::AuthSwitchRequest". */
export interface AuthSwitchRequest {
  readonly type: 'auth-switch-request'
  readonly plugin: string
  /** The new challenge without its trailing NUL. */
  readonly nonce: Buffer
}

/** The plugin's next words. Manual: "Protocol::AuthMoreData". */
export interface AuthMoreData {
  readonly type: 'auth-more-data'
  readonly data: Buffer
}

/** What a server may send while a client logs in. Everything else is refused, a LOCAL INFILE request above all. */
export type LoginReply =
  | AuthSwitchRequest
  | AuthMoreData
  | { readonly type: 'ok'; readonly payload: Buffer }
  | { readonly type: 'error'; readonly error: ErrPacket }

const OK = 0x00
const AUTH_MORE_DATA = 0x01
const AUTH_SWITCH = 0xfe
const ERR = 0xff

/** The payload of an AuthSwitchRequest. */
export function encodeAuthSwitchRequest(plugin: AuthPlugin, nonce: Buffer): Buffer {
  return Buffer.concat([Buffer.of(AUTH_SWITCH), Buffer.from(`${plugin}\0`, 'latin1'), nonce, Buffer.of(0)])
}

/** The payload of an AuthMoreData. */
export function encodeAuthMoreData(data: Buffer): Buffer {
  return Buffer.concat([Buffer.of(AUTH_MORE_DATA), data])
}

/** Reads a server's packet (payload) of the login phase. Throws `WireError`. */
export function decodeLoginReply(payload: Buffer): LoginReply {
  const reader = new ByteReader(payload)
  const type = reader.uint8()
  switch (type) {
    case OK:
      return { type: 'ok', payload }
    case ERR:
      return { type: 'error', error: decodeErrPacket(payload) }
    case AUTH_MORE_DATA:
      return { type: 'auth-more-data', data: reader.rest() }
    case AUTH_SWITCH:
      if (reader.remaining === 0) throw new WireError('server asks for the password hash of MySQL before 4.1')
      return readAuthSwitch(reader)
    default:
      throw new WireError(`packet 0x${type.toString(16)} has no place in a login`)
  }
}

function readAuthSwitch(reader: ByteReader): AuthSwitchRequest {
  const plugin = reader.untilNul().toString('latin1')
  return { type: 'auth-switch-request', plugin, nonce: Buffer.from(reader.rest().subarray(0, NONCE_BYTES)) }
}

/** The password of mysql_clear_password, or of caching_sha2_password in full over TLS: ends with a NUL. */
export function encodeClearPassword(password: string): Buffer {
  return Buffer.from(`${password}\0`, 'utf8')
}

/** Reads such a password. Throws `WireError` where the NUL is missing or is not the end. */
export function decodeClearPassword(payload: Buffer): string {
  const reader = new ByteReader(payload)
  const password = reader.untilNul().toString('utf8')
  reader.finish()
  return password
}
