import { SluiceError } from '@sluice/domain'
import { serialize } from 'pg-protocol'
import type { Channel } from '../channel.js'
import type { Target } from '../protocol.js'
import { ALPN } from './greet.js'

const ACCEPTED = 0x53 // 'S'

/**
 * Asks the server for TLS and starts it, where the target wants TLS. Rejects with `upstream_refused` where the server
 * declines: the connection never goes on in the clear.
 */
export async function startUpstreamTls(channel: Channel, target: Target): Promise<void> {
  if (!target.tls) return
  channel.write(serialize.requestSsl())
  const answer = (await channel.read(1))[0]
  if (answer !== ACCEPTED) {
    throw new SluiceError('upstream_refused', 'the server does not offer tls, which its configuration here asks for', {
      clientMessage: 'the connection to the database cannot be encrypted',
      hint: 'ask the operator of the gateway',
    })
  }
  // Bytes in the clear would be taken as if they had come encrypted (CVE-2021-23222).
  if (channel.buffered > 0) {
    throw new SluiceError(
      'upstream_refused',
      'the server sent unencrypted data after its answer to the request for tls',
      {
        clientMessage: 'the connection to the database cannot be encrypted',
        hint: 'ask the operator of the gateway',
      },
    )
  }
  await channel.startTlsAsClient({ ...target.tls, alpn: [ALPN] })
}
