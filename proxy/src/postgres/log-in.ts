import { SluiceError } from '@sluice/domain'
import { WireError } from '@sluice/wire'
import {
  type CancelKey,
  decodeAuthenticationRequest,
  decodeBackendKeyData,
  decodeErrorFields,
  decodeParameterStatus,
  encodeStartupPacket,
} from '@sluice/wire/postgres'
import type { Channel } from '../channel.js'
import type { Target, Upstream } from '../protocol.js'
import { DEFAULT_CLIENT_ENCODING } from './character-set.js'
import type { PostgresHello } from './greet.js'
import { ServerAuthentication } from './server-authentication.js'
import { startUpstreamTls } from './upstream-tls.js'

/** No message of a login is longer than this, its length included. */
const MESSAGE_LIMIT = 64 * 1024
/** SQLSTATEs of errors that are about the client's own settings: invalid_parameter_value, undefined_object. */
const ABOUT_SETTINGS: ReadonlySet<string> = new Set(['22023', '42704'])

/** A PostgreSQL server that let the gateway in. */
export interface PostgresUpstream extends Upstream {
  /** As the server reported them, in its order. */
  readonly parameters: Map<string, string>
  /** The server's own; clients are told another. Undefined where the server has none. */
  readonly cancelKey: CancelKey | undefined
}

/** Logs in for a client, with its settings and those that must not change (DESIGN: how the server reads SQL). */
export function logIn(channel: Channel, hello: PostgresHello, target: Target): Promise<PostgresUpstream> {
  return logInWith(channel, target, hello.settings)
}

/** Logs in for the gateway's own questions: read only, and with nobody's objects in the way of the catalog's. */
export function logInForGateway(channel: Channel, target: Target): Promise<PostgresUpstream> {
  const settings = new Map([
    ['application_name', 'sluice'],
    ['search_path', 'pg_catalog'],
    ['default_transaction_read_only', 'on'],
  ])
  return logInWith(channel, target, settings)
}

async function logInWith(
  channel: Channel,
  target: Target,
  settings: ReadonlyMap<string, string>,
): Promise<PostgresUpstream> {
  const pinned = new Map([
    ['client_encoding', settings.get('client_encoding') ?? DEFAULT_CLIENT_ENCODING],
    ['standard_conforming_strings', 'on'],
  ])
  try {
    await startUpstreamTls(channel, target)
    const parameters = new Map([['user', target.username], ['database', target.database], ...settings, ...pinned])
    // 3.0 is what every server speaks; 3.2 would add nothing but a longer cancel key.
    channel.write(
      encodeStartupPacket({ type: 'startup', version: { major: 3, minor: 0 }, parameters: [...parameters] }),
    )
    const upstream = await readLogin(channel, new ServerAuthentication(channel, target))
    checkPinned(upstream, pinned)
    return upstream
  } catch (error) {
    throw asUpstreamError(error)
  }
}

/** From the first answer to ReadyForQuery; reads no byte beyond it. */
async function readLogin(channel: Channel, authentication: ServerAuthentication): Promise<PostgresUpstream> {
  const parameters = new Map<string, string>()
  let cancelKey: CancelKey | undefined
  for (;;) {
    const { type, content } = await readMessage(channel)
    if (type === 'R') {
      await authentication.take(decodeAuthenticationRequest(content))
      continue
    }
    if (type === 'E') throw refusal(content)
    if (type === 'N') continue // about the gateway's own login, so not for the client
    if (!authentication.done) throw new WireError(`message \`${type}\` before the end of authentication`)
    switch (type) {
      case 'S': {
        const { name, value } = decodeParameterStatus(content)
        parameters.set(name, value)
        break
      }
      case 'K': {
        const { processId, secret } = decodeBackendKeyData(content)
        cancelKey = { processId, secret: Buffer.from(secret) }
        break
      }
      case 'Z':
        return { serverVersion: parameters.get('server_version') ?? '', parameters, cancelKey }
      default:
        throw new WireError(`message \`${type}\` in a login`)
    }
  }
}

// pg-protocol's own parser takes an authentication request of a wrong length for AuthenticationOk and never comes back
// from an ErrorResponse without an end, so what a server sends before it is trusted is decoded strictly here.
async function readMessage(channel: Channel): Promise<{ type: string; content: Buffer }> {
  const header = await channel.read(5)
  const length = header.readUInt32BE(1)
  if (length < 4 || length > MESSAGE_LIMIT) throw new WireError('message of an impossible length')
  return { type: String.fromCharCode(header[0]!), content: await channel.read(length - 4) }
}

function checkPinned(upstream: PostgresUpstream, pinned: ReadonlyMap<string, string>): void {
  for (const [name, value] of pinned) {
    const actual = upstream.parameters.get(name)
    if (actual === value) continue
    throw new SluiceError(
      'upstream_refused',
      `the server reports ${name} \`${actual}\` where \`${value}\` was asked for`,
    )
  }
}

function refusal(content: Buffer): SluiceError {
  const { code, message } = decodeErrorFields(content)
  const text = `the server refused the login: ${message} (${code})`
  if (!ABOUT_SETTINGS.has(code)) return new SluiceError('upstream_refused', text)
  return new SluiceError('upstream_refused', text, {
    clientMessage: message,
    hint: 'check the settings of the connection',
  })
}

/** Whatever went wrong is the server's doing here; its words and the credential's name are for the log alone. */
function asUpstreamError(error: unknown): unknown {
  if (error instanceof WireError)
    return asUpstreamError(new SluiceError('upstream_refused', `the server sent a malformed login: ${error.message}`))
  if (!(error instanceof SluiceError) || error.code === 'upstream_unreachable') return error
  if (error.code === 'upstream_refused' && error.clientMessage !== error.message) return error
  return new SluiceError('upstream_refused', error.message, {
    clientMessage: 'the database refused the login of the gateway',
    hint: 'ask the operator of the gateway',
    cause: error,
  })
}
