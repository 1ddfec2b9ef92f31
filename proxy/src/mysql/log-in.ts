import { SluiceError } from '@sluice/domain'
import { WireError } from '@sluice/wire'
import {
  CAPABILITY,
  type ConnectionAttributes,
  capabilities,
  capabilityNames,
  commonCapabilities,
  decodeLoginReply,
  encodeHandshakeResponse,
  encodeSslRequest,
  type Greeting,
  hasCapability,
  withoutCapabilities,
} from '@sluice/wire/mysql'
import type { Channel } from '../channel.js'
import type { MysqlServerGreeting, Target, Upstream } from '../protocol.js'
import { type CharacterSet, UTF8MB4_GENERAL } from './character-set.js'
import { LOGIN_CAPABILITIES, type MysqlHello } from './greet.js'
import { asServerFault, LOGIN_PACKET_LIMIT, PacketChannel } from './packet-channel.js'
import { prepareSession, type ServerState } from './prepare-session.js'
import { readGreeting, shownGreeting } from './probe.js'
import { loginRefusal, ServerAuthentication } from './server-authentication.js'
import { flavourOf, versionNumber } from './version.js'

/** A MySQL or MariaDB server that let the gateway in. */
export interface MysqlUpstream extends Upstream, ServerState {
  readonly connectionId: number
  readonly flavour: 'mysql' | 'mariadb'
  /** As in executable comments: 80400 for 8.4.0, 101119 for 10.11.19. */
  readonly version: number
  /** In force between the gateway and the server: the client's, and CLIENT_SESSION_TRACK always. */
  readonly capabilities: number
  readonly mariadbCapabilities: number
  /** The client asked for session tracking itself; otherwise the relay strips it from OK packets. */
  readonly clientSessionTrack: boolean
  /** The current schema on the server. */
  readonly database: string
  /** How it greeted, for clients to come. */
  readonly greeting: MysqlServerGreeting
}

/** Packets that a server may send between our answer and its OK; a login in full with a switch takes 4. */
const MAX_REPLIES = 8
/** Attributes of the client that are passed on; the server has a bound of its own and cuts what is beyond. */
const MAX_ATTRIBUTE_BYTES = 8 * 1024

/** Without these the gateway cannot log in, or cannot follow how the server reads SQL. */
const REQUIRED = capabilities(
  CAPABILITY.protocol41,
  CAPABILITY.secureConnection,
  CAPABILITY.pluginAuth,
  CAPABILITY.connectWithDatabase,
  CAPABILITY.sessionTrack,
)
const WELCOME = capabilities(
  CAPABILITY.mysql,
  CAPABILITY.longFlag,
  CAPABILITY.transactions,
  CAPABILITY.pluginAuthLengthEncoded,
  CAPABILITY.connectAttributes,
)

interface Wishes {
  /** Capabilities that must be in force, besides what every login has. */
  readonly capabilities: number
  readonly mariadbCapabilities: number
  readonly collation: number
  readonly characterSet: CharacterSet
  readonly maxPacketBytes: number
  readonly attributes: ConnectionAttributes
}

/** Logs in for a client, with the capabilities that were agreed with it, so that the relay can pass bytes on unchanged. */
export async function logIn(channel: Channel, hello: MysqlHello, target: Target): Promise<MysqlUpstream> {
  const upstream = await logInWith(channel, target, {
    capabilities: withoutCapabilities(hello.capabilities, LOGIN_CAPABILITIES),
    mariadbCapabilities: hello.mariadbCapabilities,
    collation: hello.collation,
    characterSet: hello.characterSet,
    maxPacketBytes: hello.maxPacketBytes,
    attributes: [...passedOn(hello.attributes), ['sluice_user', hello.user]],
  })
  return { ...upstream, clientSessionTrack: hasCapability(hello.capabilities, CAPABILITY.sessionTrack) }
}

/** Logs in for the gateway's own questions (`queryRows`). */
export function logInForGateway(channel: Channel, target: Target): Promise<MysqlUpstream> {
  return logInWith(channel, target, {
    capabilities: 0,
    mariadbCapabilities: 0,
    collation: UTF8MB4_GENERAL,
    characterSet: 'utf8mb4',
    maxPacketBytes: 16 * 1024 * 1024,
    attributes: [['program_name', 'sluice']],
  })
}

async function logInWith(channel: Channel, target: Target, wishes: Wishes): Promise<MysqlUpstream> {
  const packets = new PacketChannel(channel, LOGIN_PACKET_LIMIT)
  try {
    const greeting = await readGreeting(packets)
    const agreed = agree(greeting, wishes, target)
    const flavour = flavourOf(greeting)
    const authentication = new ServerAuthentication(channel, target, firstPlugin(greeting, flavour), greeting.nonce)
    const head = { ...wishes, ...agreed, characterSet: wishes.collation & 0xff }
    if (target.tls) await startTls(channel, packets, head, target.tls)
    packets.write(
      encodeHandshakeResponse({
        ...head,
        user: target.username,
        authResponse: authentication.respond(),
        database: target.database,
        authPlugin: authentication.plugin,
        zstdLevel: undefined,
      }),
    )
    await proveCredential(packets, authentication)
    const state = await prepareSession(channel, wishes.characterSet, agreed.capabilities)
    return {
      ...state,
      ...agreed,
      flavour,
      version: versionNumber(state.serverVersion),
      clientSessionTrack: false,
      database: target.database,
      greeting: shownGreeting(greeting),
    }
  } catch (error) {
    throw asServerFault(error)
  }
}

/** The capabilities to log in with. Throws `upstream_refused` where the server lacks what the client was granted. */
function agree(greeting: Greeting, wishes: Wishes, target: Target) {
  const must = capabilities(wishes.capabilities, REQUIRED, target.tls ? CAPABILITY.ssl : 0)
  const missing = withoutCapabilities(must, greeting.capabilities)
  if (hasCapability(missing, CAPABILITY.ssl)) {
    throw new SluiceError('upstream_refused', 'the server does not offer tls, which its configuration here asks for', {
      clientMessage: 'the connection to the database cannot be encrypted',
      hint: 'ask the operator of the gateway',
    })
  }
  if (missing !== 0 || withoutCapabilities(wishes.mariadbCapabilities, greeting.mariadbCapabilities) !== 0) {
    const names = capabilityNames(missing).join(', ') || "some of MariaDB's own"
    throw new SluiceError('upstream_refused', `the server \`${greeting.serverVersion}\` lacks capabilities: ${names}`, {
      clientMessage: `the database server lacks what was agreed on the connection: ${names}`,
      hint: 'give servers of different versions a listener each, or upgrade the server',
    })
  }
  const bonus = commonCapabilities(WELCOME, greeting.capabilities)
  // Cleared, the first flag says that MariaDB's own follow.
  const mysql = wishes.mariadbCapabilities === 0 ? CAPABILITY.mysql : 0
  return {
    capabilities: capabilities(must, withoutCapabilities(bonus, CAPABILITY.mysql), mysql),
    mariadbCapabilities: wishes.mariadbCapabilities,
  }
}

async function startTls(
  channel: Channel,
  packets: PacketChannel,
  head: Parameters<typeof encodeSslRequest>[0],
  tls: NonNullable<Target['tls']>,
): Promise<void> {
  if (channel.buffered > 0) throw new WireError('bytes in the clear before the tls handshake')
  packets.write(encodeSslRequest(head))
  await channel.startTlsAsClient(tls)
}

/** The plugin to answer with at first: the server's default where it is a challenge, else the flavour's usual one. */
function firstPlugin(greeting: Greeting, flavour: 'mysql' | 'mariadb'): string {
  const { authPlugin } = greeting
  if (authPlugin === 'caching_sha2_password' || authPlugin === 'mysql_native_password') return authPlugin
  return flavour === 'mariadb' ? 'mysql_native_password' : 'caching_sha2_password'
}

async function proveCredential(packets: PacketChannel, authentication: ServerAuthentication): Promise<void> {
  for (let replies = 0; replies < MAX_REPLIES; replies++) {
    const reply = decodeLoginReply(await packets.read())
    switch (reply.type) {
      case 'ok':
        return
      case 'error':
        throw loginRefusal(reply.error)
      case 'auth-switch-request':
        packets.write(authentication.switchTo(reply))
        break
      case 'auth-more-data': {
        const answer = authentication.more(reply.data)
        if (answer) packets.write(answer)
      }
    }
  }
  throw new WireError('login without an end')
}

function passedOn(attributes: ConnectionAttributes): ConnectionAttributes {
  let bytes = 0
  return attributes.filter(([name, value]) => {
    if (name === 'sluice_user') return false
    bytes += name.length + value.length
    return bytes <= MAX_ATTRIBUTE_BYTES
  })
}
