import { createSecureContext } from 'node:tls'
import { encodeStartupPacket, type StartupPacket } from '@sluice/wire/postgres'
import { describe, expect, test } from 'vitest'
import type { TlsFacts } from '../channel.js'
import { MemoryChannel } from '../memory-channel.js'
import type { LoginServices } from '../protocol.js'
import { greet } from './greet.js'

const TLS: TlsFacts = {
  protocol: 'TLSv1.3',
  serverEndPoint: Buffer.alloc(32, 1),
  clientCommonName: undefined,
  alpn: 'postgresql',
}
const SSL_REQUEST = encodeStartupPacket({ type: 'ssl-request' })
const GSS_REQUEST = encodeStartupPacket({ type: 'gss-encryption-request' })

function startup(parameters: Record<string, string> = {}, minor = 0): Buffer {
  const packet: StartupPacket = {
    type: 'startup',
    version: { major: 3, minor },
    parameters: Object.entries({ user: 'ada', database: 'shop', ...parameters }),
  }
  return encodeStartupPacket(packet)
}

function services(tls?: { require: boolean }) {
  const cancelled: Buffer[] = []
  const value: LoginServices = {
    connectionId: 1,
    tls: tls && { ...tls, context: createSecureContext(), requestCertificate: false },
    users: undefined as never, // a greeting looks nobody up
    serverGreeting: () => Promise.reject(new Error('asked for by MySQL only')),
    cancel: async (key) => {
      cancelled.push(key)
    },
  }
  return { ...value, cancelled }
}

/** A client that sends everything at once and then no more. */
function sending(bytes: Buffer, options: { chunk?: number; tls?: TlsFacts } = {}): MemoryChannel {
  const channel = new MemoryChannel(options)
  channel.receive(bytes)
  channel.end()
  return channel
}

/** Runs a greeting whose client answers each of the gateway's answers with the next packet. */
async function conversation(
  packets: Buffer[],
  tls: { require: boolean } | undefined,
  facts: TlsFacts | undefined = TLS,
) {
  const [client, gateway] = MemoryChannel.pair({}, facts ? { tls: facts } : {})
  const greeting = greet(gateway, services(tls))
  const answers: string[] = []
  for (const [i, packet] of packets.entries()) {
    client.write(packet)
    if (i < packets.length - 1) answers.push((await client.read(1)).toString())
  }
  client.close()
  return { hello: await greeting, answers, log: gateway.log }
}

describe('startup', () => {
  test('tells who asks for what, however the bytes are split', async () => {
    const bytes = startup({ application_name: 'psql', options: '-c statement_timeout=5s', datestyle: 'ISO' }, 2)
    for (let chunk = 1; chunk <= bytes.length; chunk++) {
      expect(await greet(sending(bytes, { chunk }), services())).toEqual({
        user: 'ada',
        database: 'shop',
        application: 'psql',
        version: { major: 3, minor: 2 },
        settings: new Map([
          ['statement_timeout', '5s'],
          ['application_name', 'psql'],
          ['DateStyle', 'ISO'],
        ]),
        clientEncoding: 'UTF8',
      })
    }
  })

  test('leaves what follows it to the next step', async () => {
    const channel = sending(Buffer.concat([startup(), Buffer.from('p')]))
    await greet(channel, services())
    expect((await channel.read(1)).toString()).toBe('p')
  })

  test('names the protocol options that are not known and the version that is', async () => {
    const channel = sending(startup({ '_pq_.fancy': 'on' }, 9999))
    expect((await greet(channel, services()))?.version).toEqual({ major: 3, minor: 2 })
    expect(channel.written.toString('latin1')).toBe('v\0\0\0\x17\0\x03\0\x02\0\0\0\x01_pq_.fancy\0')
  })

  test('says nothing to a client of a version that is known', async () => {
    for (const minor of [0, 2]) {
      const channel = sending(startup({}, minor))
      await greet(channel, services())
      expect(channel.written).toHaveLength(0)
    }
  })

  test('refuses another major version', async () => {
    const bytes = encodeStartupPacket({ type: 'startup', version: { major: 2, minor: 0 }, parameters: [] })
    await expect(greet(sending(bytes), services())).rejects.toMatchObject({ code: 'feature_unsupported' })
  })

  test('refuses a packet of an impossible length before reading it', async () => {
    await expect(greet(sending(Buffer.from('7fffffff', 'hex')), services())).rejects.toMatchObject({
      code: 'protocol_violation',
    })
  })
})

describe('tls', () => {
  test('starts when asked for', async () => {
    const { hello, answers, log } = await conversation([SSL_REQUEST, startup()], { require: true })
    expect([hello?.user, answers, log]).toEqual(['ada', ['S'], ['tls server postgresql']])
  })

  test('is declined without a certificate, and the client may go on', async () => {
    const { hello, answers } = await conversation([SSL_REQUEST, startup()], undefined)
    expect([hello?.user, answers]).toEqual(['ada', ['N']])
  })

  test('may be asked for after gssapi encryption was declined', async () => {
    const { hello, answers } = await conversation([GSS_REQUEST, SSL_REQUEST, startup()], { require: true })
    expect([hello?.user, answers]).toEqual(['ada', ['N', 'S']])
  })

  test('is refused where bytes in the clear came with the request', async () => {
    const channel = sending(Buffer.concat([SSL_REQUEST, startup()]), { tls: TLS })
    await expect(greet(channel, services({ require: false }))).rejects.toMatchObject({ code: 'protocol_violation' })
    expect([channel.log, channel.written.length]).toEqual([[], 0])
  })

  test.each([
    ['tls', SSL_REQUEST],
    ['gssapi encryption', GSS_REQUEST],
  ])('a second request for %s is refused', async (_, request) => {
    await expect(conversation([request, request], undefined)).rejects.toMatchObject({
      code: 'protocol_violation',
    })
  })

  test('is insisted on where it is required', async () => {
    await expect(greet(sending(startup()), services({ require: true }))).rejects.toMatchObject({ code: 'tls_required' })
  })

  test('may start directly, if its ALPN says so', async () => {
    const hello = Buffer.from([0x16])
    const direct = async (alpn: string | undefined) => {
      const channel = new MemoryChannel({ tls: { ...TLS, alpn } })
      channel.receive(hello)
      const greeting = greet(channel, services({ require: true }))
      return { channel, greeting }
    }
    const refused = await direct(undefined)
    await expect(refused.greeting).rejects.toMatchObject({ code: 'protocol_violation' })
    const { channel, greeting } = await direct('postgresql')
    await Promise.resolve()
    await channel.read(1) // the handshake took its bytes
    channel.receive(startup())
    expect((await greeting)?.user).toBe('ada')
  })

  test('cannot start directly without a certificate', async () => {
    await expect(greet(sending(Buffer.from([0x16])), services())).rejects.toMatchObject({ code: 'protocol_violation' })
  })
})

describe('a cancel request', () => {
  const secret = Buffer.alloc(32, 5)
  const request = encodeStartupPacket({ type: 'cancel-request', processId: 0x01020304, secret })

  test('is handed on with its whole key, in the clear too', async () => {
    const login = services({ require: true })
    const channel = sending(request)
    expect(await greet(channel, login)).toBeUndefined()
    expect(login.cancelled).toEqual([Buffer.concat([Buffer.from([1, 2, 3, 4]), secret])])
    expect(channel.written).toHaveLength(0)
  })

  test('may come over tls', async () => {
    const { hello, answers } = await conversation([SSL_REQUEST, request], { require: true })
    expect([hello, answers]).toEqual([undefined, ['S']])
  })
})
