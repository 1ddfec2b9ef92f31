import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { Pipe } from './pipe.js'
import type { Relay, RelayPorts } from './relay.js'

const open: { destroy(): void }[] = []

afterEach(() => {
  for (const each of open.splice(0)) each.destroy()
})

/** Two ends of a real connection over the loopback address. */
async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  const [far] = (await once(server, 'connection')) as [Socket]
  server.close()
  open.push(near, far)
  for (const socket of [near, far]) socket.on('error', () => {})
  return [near, far]
}

/** A relay that passes everything on, and what a test wants to change in it. */
function echo(ports: RelayPorts, changes: Partial<Relay> = {}): Relay {
  return {
    idle: true,
    fromClient: (chunk) => ports.toServer(chunk),
    fromServer: (chunk) => ports.toClient(chunk),
    clientEnded: () => ports.end('client left'),
    serverEnded: () => ports.end('server left'),
    terminate: () => ports.end('terminated'),
    ...changes,
  }
}

async function start(relay: (ports: RelayPorts) => Relay, leftovers: { client?: string; server?: string } = {}) {
  const [client, fromClient] = await socketPair()
  const [server, toServer] = await socketPair()
  const defects: unknown[] = []
  const pipe = new Pipe({
    client: fromClient,
    server: toServer,
    clientLeftover: Buffer.from(leftovers.client ?? ''),
    serverLeftover: Buffer.from(leftovers.server ?? ''),
    relay,
    queueBytes: 256 * 1024,
    onDefect: (error) => defects.push(error),
  })
  return { client, server, pipe, defects, fromClient, toServer }
}

function textOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk
    })
    socket.on('end', () => resolve(text))
    socket.on('close', () => resolve(text))
  })
}

describe('a pipe', () => {
  it('feeds what was left over from the login before anything that comes later', async () => {
    const { client, server } = await start(echo, { client: 'first ' })
    const received = textOf(server)
    client.end('second')
    expect(await received).toBe('first second')
  })

  it('flushes what the client is owed before it closes', async () => {
    const { client, server, pipe } = await start(echo)
    const received = textOf(client)
    server.end('the last words')
    expect(await received).toBe('the last words')
    client.end()
    expect(await pipe.done).toBe('server left')
  })

  it('stops reading from the server while the client does not read, and goes on when it does', async () => {
    const { client, server, toServer } = await start(echo)
    const megabyte = Buffer.alloc(1024 * 1024, 'x')
    let sent = 0
    for (; sent < 64 && !toServer.isPaused(); sent++) {
      server.write(megabyte)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect(toServer.isPaused()).toBe(true) // the buffers in between are full, and the pipe keeps no more
    let received = 0
    client.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    server.end()
    await once(client, 'end')
    expect(received).toBe(sent * megabyte.length)
  })

  it('does not feed a held side, and feeds it after the release', async () => {
    let ports: RelayPorts | undefined
    const { client, server } = await start((given) => {
      ports = given
      given.hold('client')
      return echo(given)
    })
    let received = ''
    server.on('data', (chunk: Buffer) => {
      received += chunk
    })
    client.write('wait')
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(received).toBe('')
    ports!.release('client')
    await once(server, 'data')
    expect(received).toBe('wait')
  })

  it('ends one session alone when its relay throws', async () => {
    const { client, pipe, defects } = await start((ports) =>
      echo(ports, {
        fromClient: () => {
          throw new Error('a defect')
        },
      }),
    )
    client.write('x')
    expect(await pipe.done).toBe('internal error')
    expect(defects).toEqual([new Error('a defect')])
  })

  it('ends when a peer resets its connection', async () => {
    const { client, pipe } = await start(echo)
    client.resetAndDestroy()
    expect(await pipe.done).toMatch(/client left|connection closed/)
  })
})
