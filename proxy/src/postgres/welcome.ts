import { encodeAuthenticationRequest, encodeBackendKeyData, encodeParameterStatus } from '@sluice/wire/postgres'
import type { Channel } from '../channel.js'
import type { PostgresHello } from './greet.js'
import type { PostgresUpstream } from './log-in.js'

const READY_IDLE = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]) // 'Z', no transaction
/** Process id and secret where the protocol is older than 3.2. */
const SHORT_KEY_BYTES = 8

/**
 * Tells the client that it is in: AuthenticationOk, the server's parameters, a cancel key, ReadyForQuery. Returns the key
 * as the client was told it, its first 4 bytes being the process id.
 */
export function welcome(channel: Channel, hello: PostgresHello, upstream: PostgresUpstream, cancelKey: Buffer): Buffer {
  const key = hello.version.minor >= 2 ? cancelKey : cancelKey.subarray(0, SHORT_KEY_BYTES)
  const messages = [encodeAuthenticationRequest({ type: 'ok' })]
  for (const [name, value] of upstream.parameters) messages.push(encodeParameterStatus({ name, value }))
  messages.push(encodeBackendKeyData({ processId: key.readUInt32BE(0), secret: key.subarray(4) }), READY_IDLE)
  channel.write(Buffer.concat(messages))
  return key
}
