import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SocketChannel } from './socket-channel.js'

let server: Server
const open: Socket[] = []

beforeAll(async () => {
  server = createServer({ allowHalfOpen: true })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterAll(() => {
  for (const socket of open) socket.destroy()
  server.close()
})

async function pair(limits: { milliseconds: number; bytes: number }) {
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const peer = connect((server.address() as { port: number }).port, '127.0.0.1')
  peer.on('error', () => {})
  const [socket] = await accepted
  socket.on('error', () => {})
  open.push(peer, socket)
  return { peer, channel: new SocketChannel(socket, 'client', limits) }
}

describe('a channel over a socket', () => {
  it('hands out as many bytes as are asked for, however they come', async () => {
    const { peer, channel } = await pair({ milliseconds: 5_000, bytes: 100 })
    const reading = channel.read(5)
    for (const byte of 'hello, you') peer.write(byte)
    expect((await reading).toString()).toBe('hello')
    expect((await channel.peek(5)).toString()).toBe(', you')
    expect((await channel.read(5)).toString()).toBe(', you')
  })

  it('fails after its time, and not once the peer has done its part', async () => {
    const late = await pair({ milliseconds: 50, bytes: 100 })
    await expect(late.channel.read(1)).rejects.toThrow('took too long to log in')
    const done = await pair({ milliseconds: 50, bytes: 100 })
    done.channel.stopClock()
    await new Promise((resolve) => setTimeout(resolve, 120))
    const told = once(done.peer, 'data')
    done.channel.write(Buffer.from('the database cannot be reached'))
    expect(String((await told)[0])).toContain('cannot be reached')
  })

  it('takes no more bytes than a login needs', async () => {
    const { peer, channel } = await pair({ milliseconds: 5_000, bytes: 10 })
    await expect(channel.read(11)).rejects.toThrow('more than a login needs')
    const other = await pair({ milliseconds: 5_000, bytes: 10 })
    const reading = other.channel.read(9)
    other.peer.write(Buffer.alloc(4))
    other.peer.write(Buffer.alloc(1000))
    await expect(reading).rejects.toThrow('more than a login needs')
    peer.end()
  })

  it('fails where the peer goes before it has said all', async () => {
    const { peer, channel } = await pair({ milliseconds: 5_000, bytes: 100 })
    const reading = channel.read(5)
    peer.end('abc')
    await expect(reading).rejects.toThrow('closed the connection during the login')
  })
})
