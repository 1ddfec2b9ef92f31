import type { Channel } from '../channel.js'
import type { Target } from '../protocol.js'
import { logInForGateway, type MysqlUpstream } from './log-in.js'
import { PacketChannel } from './packet-channel.js'
import { queryRows } from './query.js'

const COM_QUIT = 0x01

/** Ends what the server runs for a session, over a connection of its own with the same credential. */
export async function cancelUpstream(
  open: () => Promise<Channel>,
  upstream: MysqlUpstream,
  target: Target,
): Promise<void> {
  const channel = await open()
  await logInForGateway(channel, target)
  await queryRows(channel, `kill query ${upstream.connectionId}`)
  new PacketChannel(channel, 0).write(Buffer.of(COM_QUIT))
}
