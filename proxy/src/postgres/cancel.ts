import { SluiceError } from '@sluice/domain'
import { encodeStartupPacket } from '@sluice/wire/postgres'
import type { Channel } from '../channel.js'
import type { Target } from '../protocol.js'
import type { PostgresUpstream } from './log-in.js'
import { startUpstreamTls } from './upstream-tls.js'

/** Cancels what the server runs for a session. Resolves when the server has taken the request, which it says by closing. */
export async function cancelUpstream(
  open: () => Promise<Channel>,
  upstream: PostgresUpstream,
  target: Target,
): Promise<void> {
  if (!upstream.cancelKey) throw new SluiceError('feature_unsupported', 'the server gave no cancel key')
  const channel = await open()
  await startUpstreamTls(channel, target)
  channel.write(encodeStartupPacket({ type: 'cancel-request', ...upstream.cancelKey }))
  try {
    await channel.read(1)
  } catch {
    // The server answers a cancel request by closing the connection, never by bytes.
  }
}
