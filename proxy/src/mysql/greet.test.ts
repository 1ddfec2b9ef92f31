import type { SecureContext } from 'node:tls'
import { SluiceError } from '@sluice/domain'
import {
  CAPABILITY,
  capabilities,
  decodeErrPacket,
  decodeGreeting,
  encodeHandshakeResponse,
  encodeSslRequest,
  type Greeting,
  type HandshakeResponse,
  hasCapability,
} from '@sluice/wire/mysql'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TlsFacts } from '../channel.js'
import { MemoryChannel } from '../memory-channel.js'
import type { LoginServices, MysqlServerGreeting } from '../protocol.js'
import { freshNonce, greet } from './greet.js'
import { encodeLoginError } from './login-error.js'
import { PacketChannel } from './packet-channel.js'

const server: MysqlServerGreeting = {
  serverVersion: '9.7.4',
  capabilities: 0xffffffff,
  mariadbCapabilities: 0,
  characterSet: 255,
  status: 2,
}
const facts: TlsFacts = { protocol: 'TLSv1.3', serverEndPoint: undefined, clientCommonName: undefined }

function services(parts: { tls?: 'offered' | 'required'; users?: string[]; greeting?: MysqlServerGreeting } = {}) {
  const tls = { context: {} as SecureContext, requestCertificate: false, require: parts.tls === 'required' }
  return {
    tls: parts.tls ? tls : undefined,
    connectionId: 4711,
    isDatabase: (name: string) => name === 'shop',
    users: { find: (name: string) => (parts.users?.includes(name) ? {} : undefined) },
    serverGreeting: async () => parts.greeting ?? server,
    cancel: async () => {},
  } as unknown as LoginServices
}

const response: HandshakeResponse = {
  type: 'handshake-response',
  capabilities: capabilities(
    CAPABILITY.mysql,
    CAPABILITY.protocol41,
    CAPABILITY.secureConnection,
    CAPABILITY.pluginAuth,
    CAPABILITY.connectWithDatabase,
    CAPABILITY.connectAttributes,
    CAPABILITY.deprecateEof,
  ),
  mariadbCapabilities: 0,
  maxPacketBytes: 1 << 24,
  characterSet: 255,
  user: 'alice',
  authResponse: Buffer.alloc(32, 7),
  database: 'shop',
  authPlugin: 'caching_sha2_password',
  attributes: [['program_name', 'mysql']],
  zstdLevel: undefined,
}

/** Greets a client that answers so. */
async function meet(answer: Partial<HandshakeResponse>, given = services(), chunk?: number) {
  const [here, there] = MemoryChannel.pair({ tls: facts, ...(chunk ? { chunk } : {}) })
  const client = new PacketChannel(there, 1 << 20)
  const hello = greet(here, given)
  hello.catch(() => {})
  const greeting = decodeGreeting(await client.read())
  const full = { ...response, ...answer }
  if (given.tls && hasCapability(full.capabilities, CAPABILITY.ssl)) client.write(encodeSslRequest(full))
  client.write(encodeHandshakeResponse(full))
  return { greeting, hello, here, there, client }
}

async function failure(hello: Promise<unknown>): Promise<SluiceError> {
  return hello.then(
    () => expect.fail('it should have been refused'),
    (error: SluiceError) => error,
  )
}

describe('the greeting', () => {
  test("has the server's version, the gateway's number and caching_sha2_password", async () => {
    const { greeting } = await meet({})
    expect(greeting).toMatchObject({
      serverVersion: '9.7.4',
      connectionId: 4711,
      characterSet: 255,
      authPlugin: 'caching_sha2_password',
    })
  })

  test('offers no compression, no results without columns, and tls only where there is a certificate', async () => {
    const offered = (greeting: Greeting, name: keyof typeof CAPABILITY) =>
      hasCapability(greeting.capabilities, CAPABILITY[name])
    const plain = (await meet({})).greeting
    for (const name of ['compress', 'zstd', 'optionalResultMetadata', 'multiFactorAuthentication', 'ssl'] as const) {
      expect(offered(plain, name), name).toBe(false)
    }
    for (const name of ['deprecateEof', 'sessionTrack', 'queryAttributes', 'multiStatements', 'pluginAuth'] as const) {
      expect(offered(plain, name), name).toBe(true)
    }
    expect(offered((await meet({}, services({ tls: 'offered' }))).greeting, 'ssl')).toBe(true)
  })

  test('offers nothing that the server lacks', async () => {
    const { greeting } = await meet({}, services({ greeting: { ...server, capabilities: 0x81fff7fe } }))
    expect(hasCapability(greeting.capabilities, CAPABILITY.queryAttributes)).toBe(false)
    expect(hasCapability(greeting.capabilities, CAPABILITY.mysql)).toBe(false)
  })

  test("offers of MariaDB's own flags those that the relay can carry, to MariaDB's clients", async () => {
    const mariadb = services({ greeting: { ...server, capabilities: 0x81fff7fe, mariadbCapabilities: 0x1d } })
    const { greeting, hello } = await meet(
      { capabilities: response.capabilities - 1, mariadbCapabilities: 0x1f },
      mariadb,
    )
    expect(greeting.mariadbCapabilities).toBe(0x0c)
    expect((await hello).mariadbCapabilities).toBe(0x0c)
    const mysqlClient = await meet({}, mariadb)
    expect((await mysqlClient.hello).mariadbCapabilities).toBe(0)
  })

  test('has a challenge without NUL and $', () => {
    for (let i = 0; i < 200; i++) {
      const nonce = freshNonce()
      expect(nonce).toHaveLength(20)
      expect(nonce.includes(0) || nonce.includes('$')).toBe(false)
    }
  })
})

describe('the hello', () => {
  test('says who wants where, with the capabilities that both ends have', async () => {
    const hello = await (await meet({ capabilities: capabilities(response.capabilities, CAPABILITY.zstd) })).hello
    expect(hello).toMatchObject({ user: 'alice', database: 'shop', application: 'mysql', characterSet: 'utf8mb4' })
    expect(hasCapability(hello.capabilities, CAPABILITY.deprecateEof)).toBe(true)
    expect(hasCapability(hello.capabilities, CAPABILITY.zstd)).toBe(false)
    expect(hello.packets.sequence).toBe(2)
  })

  test('is the same however the bytes are cut', async () => {
    for (const chunk of [1, 2, 3, 7, 50]) {
      const hello = await (await meet({}, services(), chunk)).hello
      expect(hello).toMatchObject({ user: 'alice', database: 'shop' })
    }
  })

  test('takes the database from the user where no schema is given', async () => {
    const without = { database: '' }
    expect(await (await meet({ ...without, user: 'alice@shop' })).hello).toMatchObject({
      user: 'alice',
      database: 'shop',
      login: 'alice@shop',
    })
    expect(await (await meet({ ...without, user: 'a@corp.example@shop' })).hello).toMatchObject({
      user: 'a@corp.example',
      database: 'shop',
    })
    expect(await (await meet({ ...without, user: 'alice' })).hello).toMatchObject({
      user: 'alice',
      database: undefined,
    })
    const known = services({ users: ['a@corp.example'] })
    expect(await (await meet({ ...without, user: 'a@corp.example' }, known)).hello).toMatchObject({
      user: 'a@corp.example',
      database: undefined,
    })
  })

  test('keeps a user with an @ whole where a schema is given, unless a database stands behind it', async () => {
    expect(await (await meet({ user: 'a@b' })).hello).toMatchObject({ user: 'a@b', database: 'shop' })
    expect(await (await meet({ user: 'alice@shop', database: 'stock' })).hello).toMatchObject({
      user: 'alice',
      database: 'stock',
    })
    expect(
      await (await meet({ user: 'a@shop', database: 'stock' }, services({ users: ['a@shop'] }))).hello,
    ).toMatchObject({ user: 'a@shop', database: 'stock' })
  })

  test('takes no collation for utf8mb4', async () => {
    expect(await (await meet({ characterSet: 0 })).hello).toMatchObject({ characterSet: 'utf8mb4', collation: 45 })
  })

  test('in a character set that hides code behind quotes is refused', async () => {
    for (const collation of [28, 1, 13, 95, 248]) {
      const error = await failure((await meet({ characterSet: collation })).hello)
      expect(error.code).toBe('feature_unsupported')
      expect(error.hint).toContain('utf8mb4')
    }
  })

  test('of a client before 4.1 is refused, with an error that the client can place', async () => {
    const [here, there] = MemoryChannel.pair()
    const hello = greet(here, services())
    hello.catch(() => {})
    const client = new PacketChannel(there, 1 << 20)
    await client.read()
    client.write(Buffer.from('0500000000616c69636500', 'hex'))
    const error = await failure(hello)
    expect(error.code).toBe('protocol_violation')
    expect(encodeLoginError(error, undefined)[3]).toBe(2)
  })

  test('of 100 MB is refused before it is read', async () => {
    const [here, there] = MemoryChannel.pair()
    const hello = greet(here, services())
    there.write(Buffer.from('00f0ff01', 'hex'))
    expect(await failure(hello)).toMatchObject({ code: 'protocol_violation' })
  })

  test('out of order is refused', async () => {
    const [here, there] = MemoryChannel.pair()
    const hello = greet(here, services())
    there.write(Buffer.from('0100000900', 'hex'))
    expect(await failure(hello)).toMatchObject({ code: 'protocol_violation' })
  })

  test('made of arbitrary bytes is a hello or a refusal, never another error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 120 }), fc.nat(0xffffffff), async (bytes, flags) => {
        const [here, there] = MemoryChannel.pair()
        const hello = greet(here, services())
        const payload = Buffer.concat([Buffer.alloc(4), Buffer.from(bytes)])
        payload.writeUInt32LE(capabilities(flags, CAPABILITY.protocol41))
        const client = new PacketChannel(there, 1 << 20)
        await client.read()
        client.write(payload)
        there.close()
        const error = await hello.then(
          () => undefined,
          (thrown: unknown) => thrown,
        )
        if (error) expect((error as SluiceError).code).toMatch(/protocol_violation|feature_unsupported/)
      }),
    )
  })
})

describe('tls', () => {
  const wanting = capabilities(response.capabilities, CAPABILITY.ssl)

  test('starts at the request, and the hello comes after it', async () => {
    const { hello, here } = await meet({ capabilities: wanting }, services({ tls: 'offered' }))
    expect((await hello).packets.sequence).toBe(3)
    expect(here.log).toEqual(['tls server'])
  })

  test('that is required and was not asked for is an error that says so', async () => {
    const { hello } = await meet({}, services({ tls: 'required' }))
    const error = await failure(hello)
    expect(error.code).toBe('tls_required')
    const packet = encodeLoginError(error, undefined)
    expect(packet[3]).toBe(2)
    expect(decodeErrPacket(packet.subarray(4))).toMatchObject({ errno: 3159, sqlState: 'HY000' })
  })

  test('that was not offered is refused', async () => {
    const [here, there] = MemoryChannel.pair({ tls: facts })
    const hello = greet(here, services())
    hello.catch(() => {})
    const client = new PacketChannel(there, 1 << 20)
    await client.read()
    client.write(encodeSslRequest({ ...response, capabilities: wanting }))
    expect(await failure(hello)).toMatchObject({ code: 'protocol_violation' })
    expect(here.log).toEqual([])
  })

  test('inside of tls is refused', async () => {
    const [here, there] = MemoryChannel.pair({ tls: facts })
    const hello = greet(here, services({ tls: 'offered' }))
    hello.catch(() => {})
    const client = new PacketChannel(there, 1 << 20)
    await client.read()
    client.write(encodeSslRequest({ ...response, capabilities: wanting }))
    client.write(encodeSslRequest({ ...response, capabilities: wanting }))
    expect(await failure(hello)).toMatchObject({ code: 'protocol_violation' })
  })
})

test('an error before the greeting is packet 0 without sqlstate', () => {
  const packet = encodeLoginError(new SluiceError('too_many_sessions', 'too many connections'), undefined)
  expect(packet[3]).toBe(0)
  expect(decodeErrPacket(packet.subarray(4))).toEqual({
    errno: 1040,
    sqlState: undefined,
    message: 'too many connections',
  })
})
