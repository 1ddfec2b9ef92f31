import { randomBytes } from 'node:crypto'
import { Secret, SluiceError } from '@sluice/domain'
import {
  CAPABILITY,
  type ConnectionAttributes,
  capabilities,
  commonCapabilities,
  decodeHandshakeResponse,
  encodeGreeting,
  type HandshakeResponse,
  hasCapability,
  MARIADB_CAPABILITY,
  NONCE_BYTES,
} from '@sluice/wire/mysql'
import type { Channel } from '../channel.js'
import type { Hello, LoginServices, MysqlServerGreeting } from '../protocol.js'
import { type CharacterSet, characterSetOf, UTF8MB4_GENERAL } from './character-set.js'
import { brokeOffAt } from './login-error.js'
import { asClientFault, LOGIN_PACKET_LIMIT, PacketChannel } from './packet-channel.js'

/** What a MySQL client said, and what was agreed with it. */
export interface MysqlHello extends Hello {
  /** The user as the client wrote it, with `@database` where it did. */
  readonly login: string
  /** The number that the client knows this connection by. */
  readonly connectionId: number
  /** Capabilities that both ends announced. */
  readonly capabilities: number
  readonly mariadbCapabilities: number
  readonly collation: number
  readonly characterSet: CharacterSet
  readonly maxPacketBytes: number
  readonly attributes: ConnectionAttributes
  /** The challenge of the greeting, and the client's answer for `authPlugin`; undefined: a client without plugins. */
  readonly nonce: Buffer
  readonly authPlugin: string | undefined
  readonly authResponse: Secret<Buffer>
  /** The status flags that the gateway greeted with. */
  readonly status: number
  /** The login's packets, whose sequence ids go on until the client is welcome. */
  readonly packets: PacketChannel
}

/** Capabilities that concern the login alone. */
export const LOGIN_CAPABILITIES = capabilities(
  CAPABILITY.mysql,
  CAPABILITY.connectWithDatabase,
  CAPABILITY.protocol41,
  CAPABILITY.ssl,
  CAPABILITY.secureConnection,
  CAPABILITY.pluginAuth,
  CAPABILITY.pluginAuthLengthEncoded,
  CAPABILITY.connectAttributes,
)

/**
 * Capabilities that the relay can carry, where the server has them: the same are in force on both of its sides. Not among
 * them: compression, and results without column definitions, in which no masked column could be told.
 */
const RELAYED_CAPABILITIES = capabilities(
  CAPABILITY.foundRows,
  CAPABILITY.longFlag,
  CAPABILITY.odbc,
  CAPABILITY.localFiles,
  CAPABILITY.ignoreSpace,
  CAPABILITY.interactive,
  CAPABILITY.ignoreSigpipe,
  CAPABILITY.transactions,
  CAPABILITY.multiStatements,
  CAPABILITY.multiResults,
  CAPABILITY.preparedMultiResults,
  CAPABILITY.sessionTrack,
  CAPABILITY.deprecateEof,
  CAPABILITY.queryAttributes,
)

/** MariaDB's own that the relay can carry. Not among them: cached metadata, in which no masked column could be told. */
const RELAYED_MARIADB_CAPABILITIES = capabilities(
  MARIADB_CAPABILITY.bulkOperations,
  MARIADB_CAPABILITY.extendedMetadata,
)

/** Greets as the real server would, takes TLS up where the client wants it, and reads who is there. */
export async function greet(channel: Channel, services: LoginServices): Promise<MysqlHello> {
  const server = await services.serverGreeting()
  const packets = new PacketChannel(channel, LOGIN_PACKET_LIMIT)
  try {
    const offered = offer(server, services)
    const nonce = freshNonce()
    packets.write(
      encodeGreeting({
        type: 'greeting',
        serverVersion: server.serverVersion,
        connectionId: services.connectionId,
        nonce,
        ...offered,
        characterSet: server.characterSet,
        status: server.status,
        authPlugin: 'caching_sha2_password',
      }),
    )
    const response = await readResponse(channel, packets, services)
    const agreed = {
      capabilities: commonCapabilities(response.capabilities, offered.capabilities),
      mariadbCapabilities: commonCapabilities(response.mariadbCapabilities, offered.mariadbCapabilities),
    }
    return { ...helloOf(response, services), ...agreed, nonce, status: server.status, packets }
  } catch (thrown) {
    const error = asClientFault(thrown)
    throw error instanceof SluiceError ? brokeOffAt(error, packets.sequence) : error
  }
}

/** A challenge without NUL, which ends it, and without `$`, which parts a stored verifier. */
export function freshNonce(): Buffer {
  return randomBytes(NONCE_BYTES).map((byte) => {
    const plain = byte & 0x7f
    return plain === 0 || plain === 0x24 ? plain + 1 : plain
  }) as Buffer
}

function offer(server: MysqlServerGreeting, services: LoginServices) {
  const own = capabilities(LOGIN_CAPABILITIES & ~CAPABILITY.mysql & ~CAPABILITY.ssl, services.tls ? CAPABILITY.ssl : 0)
  const relayed = commonCapabilities(server.capabilities, capabilities(RELAYED_CAPABILITIES, CAPABILITY.mysql))
  return {
    capabilities: capabilities(own, relayed),
    mariadbCapabilities: commonCapabilities(server.mariadbCapabilities, RELAYED_MARIADB_CAPABILITIES),
  }
}

async function readResponse(
  channel: Channel,
  packets: PacketChannel,
  services: LoginServices,
): Promise<HandshakeResponse> {
  let response = decodeHandshakeResponse(await packets.read())
  if (response.type === 'ssl-request') {
    if (!services.tls) {
      throw new SluiceError('protocol_violation', 'the client asks for tls, which was not offered', {
        hint: 'connect without tls, or ask the operator of the gateway for a certificate',
      })
    }
    // What follows the request is the TLS handshake already: whatever has arrived goes into it, never past it.
    await channel.startTlsAsServer(services.tls)
    response = decodeHandshakeResponse(await packets.read())
    if (response.type === 'ssl-request') {
      throw new SluiceError('protocol_violation', 'the client asks for tls inside of tls')
    }
  }
  if (services.tls?.require && !channel.tls) {
    throw new SluiceError('tls_required', 'connections without tls are not allowed here', {
      hint: 'connect with --ssl-mode=REQUIRED, or --ssl with MariaDB',
    })
  }
  return response
}

function helloOf(response: HandshakeResponse, services: LoginServices) {
  const collation = response.characterSet === 0 ? UTF8MB4_GENERAL : response.characterSet
  const characterSet = characterSetOf(collation)
  if (characterSet === undefined) {
    throw new SluiceError(
      'feature_unsupported',
      `the connection's character set (collation ${collation}) is not supported`,
      {
        hint: 'connect with --default-character-set=utf8mb4; utf8mb3, latin1 and ascii do too',
      },
    )
  }
  return {
    ...whoAndWhere(response, services),
    login: response.user,
    connectionId: services.connectionId,
    application: response.attributes.find(([name]) => name === 'program_name')?.[1],
    collation,
    characterSet,
    maxPacketBytes: response.maxPacketBytes,
    attributes: response.attributes,
    authPlugin: hasCapability(response.capabilities, CAPABILITY.pluginAuth) ? response.authPlugin : undefined,
    authResponse: new Secret(response.authResponse), // of some plugins the password itself
  }
}

/**
 * The initial schema is the database; without one, `alice@shop` is alice at shop. With one, she is alice too, as tools connect
 * that name the schema later: but only where shop is a database, since a user may have an @ in the name.
 */
function whoAndWhere(response: HandshakeResponse, services: LoginServices): Pick<Hello, 'user' | 'database'> {
  const { user, database } = response
  const at = user.lastIndexOf('@')
  const suffix = user.slice(at + 1)
  if (at < 0 || services.users.find(user)) return { user, database: database || undefined }
  if (database && !services.isDatabase?.(suffix)) return { user, database }
  return { user: user.slice(0, at), database: database || suffix || undefined }
}
