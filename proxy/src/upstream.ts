import { connect } from 'node:net'
import { SluiceError } from '@sluice/domain'
import { SocketChannel } from './socket-channel.js'

/** An upstream may send this much before it is logged in: greetings, parameters, notices. */
const LOGIN_BYTES = 1024 * 1024

export interface UpstreamAddress {
  readonly host: string
  readonly port: number
}

/**
 * Connects to a database server. Rejects with `upstream_unreachable`; `bytes` caps what may be read through the channel.
 * The address is in the log's message alone: clients do not learn it.
 */
export async function openUpstream(
  address: UpstreamAddress,
  milliseconds: number,
  bytes = LOGIN_BYTES,
): Promise<SocketChannel> {
  const socket = connect({ host: address.host, port: address.port, allowHalfOpen: true, noDelay: true })
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('timed out')), milliseconds)
      socket.once('connect', () => {
        clearTimeout(timer)
        resolve()
      })
      socket.once('error', (error) => {
        clearTimeout(timer)
        reject(error)
      })
    })
  } catch (cause) {
    socket.destroy()
    socket.on('error', () => {})
    throw new SluiceError(
      'upstream_unreachable',
      `cannot connect to ${address.host}:${address.port}: ${(cause as Error).message}`,
      {
        clientMessage: 'the database cannot be reached',
        hint: 'try again; if it stays so, ask the operator of the gateway',
        cause,
      },
    )
  }
  socket.removeAllListeners('error')
  return new SocketChannel(socket, 'server', { milliseconds, bytes })
}
