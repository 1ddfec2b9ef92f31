import { SluiceError } from '@sluice/domain'
import {
  decodeStartupLength,
  decodeStartupPacket,
  encodeNegotiateProtocolVersion,
  type ProtocolVersion,
  type StartupMessage,
  type StartupPacket,
} from '@sluice/wire/postgres'
import type { Channel } from '../channel.js'
import type { Hello, LoginServices } from '../protocol.js'
import { DEFAULT_CLIENT_ENCODING } from './character-set.js'
import { readStartupParameters } from './startup-parameters.js'
import { asProtocolViolation } from './wire-violation.js'

/** The application protocol of direct TLS (manual, "SSL Session Encryption"). */
export const ALPN = 'postgresql'
/** The newest protocol that the gateway speaks. */
const NEWEST: ProtocolVersion = { major: 3, minor: 2 }
const TLS_HANDSHAKE = 0x16
const ACCEPTED = Buffer.from('S')
const DECLINED = Buffer.from('N')

/** What a PostgreSQL client said before it proved anything. */
export interface PostgresHello extends Hello {
  /** As agreed: never above 3.2. */
  readonly version: ProtocolVersion
  /** Settings for the server by its own spelling of their names; only allowed ones. */
  readonly settings: ReadonlyMap<string, string>
  /**
   * The server's name of the client encoding. In any but UTF8 and SQL_ASCII the server reads bytes above 0x7f as other
   * characters than the parser does.
   */
  readonly clientEncoding: string
}

/**
 * TLS and startup: SSLRequest or direct TLS, GSSENCRequest (declined), CancelRequest (handed on), StartupMessage.
 * Undefined after a cancel request. Rejects with `tls_required`, `feature_unsupported` or `protocol_violation`.
 */
export async function greet(channel: Channel, services: LoginServices): Promise<PostgresHello | undefined> {
  if ((await channel.peek(1))[0] === TLS_HANDSHAKE) await startDirectTls(channel, services)
  let askedForTls = channel.tls !== undefined
  let askedForGss = false
  for (;;) {
    const packet = await readPacket(channel)
    switch (packet.type) {
      case 'ssl-request':
        if (askedForTls) throw violation('a second request for tls')
        askedForTls = true
        await answerTlsRequest(channel, services)
        break
      case 'gss-encryption-request':
        if (askedForGss) throw violation('a second request for gssapi encryption')
        askedForGss = true
        channel.write(DECLINED)
        break
      case 'cancel-request':
        await services.cancel(cancelKeyOf(packet))
        return undefined
      case 'startup':
        return startSession(channel, services, packet)
    }
  }
}

async function startDirectTls(channel: Channel, services: LoginServices): Promise<void> {
  if (!services.tls) throw violation('a tls handshake, but this gateway has no certificate')
  await channel.startTlsAsServer({ ...services.tls, alpn: [ALPN] })
  // Without a name for the protocol another service's TLS traffic could be turned to this port (manual, "SSL Session Encryption").
  if (channel.tls?.alpn !== ALPN) throw violation(`direct tls without alpn \`${ALPN}\``)
}

async function answerTlsRequest(channel: Channel, services: LoginServices): Promise<void> {
  if (!services.tls) {
    channel.write(DECLINED)
    return
  }
  // Bytes in the clear after the request would be taken as if they had come encrypted (CVE-2021-23214).
  if (channel.buffered > 0) throw violation('unencrypted data after the request for tls')
  channel.write(ACCEPTED)
  await channel.startTlsAsServer({ ...services.tls, alpn: [ALPN] })
}

function startSession(channel: Channel, services: LoginServices, message: StartupMessage): PostgresHello {
  const { major, minor } = message.version
  if (major !== NEWEST.major) {
    throw new SluiceError('feature_unsupported', `unsupported frontend protocol \`${major}.${minor}\``, {
      hint: 'use a driver that speaks protocol 3.0 or 3.2',
    })
  }
  if (services.tls?.require && !channel.tls) {
    throw new SluiceError('tls_required', 'this gateway takes encrypted connections only', {
      hint: 'connect with sslmode=require or stronger',
    })
  }
  const { user, database, settings, protocolOptions } = readStartupParameters(message.parameters)
  const version = { major, minor: Math.min(minor, NEWEST.minor) }
  if (minor > NEWEST.minor || protocolOptions.length > 0) {
    const answer = { type: 'negotiate-protocol-version', version, unrecognized: protocolOptions } as const
    channel.write(encodeNegotiateProtocolVersion(answer))
  }
  const clientEncoding = settings.get('client_encoding') ?? DEFAULT_CLIENT_ENCODING
  return { user, database, application: settings.get('application_name'), version, settings, clientEncoding }
}

async function readPacket(channel: Channel): Promise<StartupPacket> {
  const header = await channel.peek(4)
  const length = asProtocolViolation(() => decodeStartupLength(header))
  const bytes = await channel.read(length)
  return asProtocolViolation(() => decodeStartupPacket(bytes))
}

function cancelKeyOf(packet: StartupPacket & { type: 'cancel-request' }): Buffer {
  const processId = Buffer.alloc(4)
  processId.writeUInt32BE(packet.processId)
  return Buffer.concat([processId, packet.secret])
}

function violation(what: string): SluiceError {
  return new SluiceError('protocol_violation', `the client sent ${what}`)
}
