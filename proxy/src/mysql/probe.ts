import { decodeErrPacket, decodeGreeting, type Greeting } from '@sluice/wire/mysql'
import type { Channel } from '../channel.js'
import type { MysqlServerGreeting } from '../protocol.js'
import { asServerFault, LOGIN_PACKET_LIMIT, PacketChannel } from './packet-channel.js'
import { loginRefusal } from './server-authentication.js'

/**
 * How a server greets. Closing a connection before the login counts against the gateway's host there (max_connect_errors,
 * which the next login sets back), so ask seldom; `MysqlUpstream.greeting` tells the same after every login.
 */
export async function probeServer(channel: Channel): Promise<MysqlServerGreeting> {
  try {
    return shownGreeting(await readGreeting(new PacketChannel(channel, LOGIN_PACKET_LIMIT)))
  } catch (error) {
    throw asServerFault(error)
  }
}

/** The server's first packet; rejects with `upstream_refused` where it is an error: too many connections, host blocked. */
export async function readGreeting(packets: PacketChannel): Promise<Greeting> {
  const payload = await packets.read()
  if (payload[0] === 0xff) throw loginRefusal(decodeErrPacket(payload))
  return decodeGreeting(payload)
}

/** What of a greeting clients are to see again. */
export function shownGreeting(greeting: Greeting): MysqlServerGreeting {
  const { serverVersion, mariadbCapabilities, characterSet, status } = greeting
  return { serverVersion, capabilities: greeting.capabilities, mariadbCapabilities, characterSet, status }
}
