import { createPublicKey } from 'node:crypto'
import { Secret, SluiceError } from '@sluice/domain'
import {
  cachingSha2Digest,
  cachingSha2Response,
  deriveScramVerifier,
  encryptPassword,
  nativePasswordResponse,
  nativePasswordVerifier,
  type UserDirectory,
  type UserRecord,
} from '@sluice/identity'
import { decodeErrPacket, decodeLoginReply, encodeClearPassword } from '@sluice/wire/mysql'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { MemoryChannel } from '../memory-channel.js'
import type { LoginServices } from '../protocol.js'
import { authenticate } from './authenticate.js'
import type { MysqlHello } from './greet.js'
import { encodeLoginError } from './login-error.js'
import { PacketChannel } from './packet-channel.js'

const nonce = Buffer.from('0102030405060708090a0b0c0d0e0f1011121314', 'hex')
const PASSWORD = 'wonder'

/** Users in memory: `alice` and, with a native verifier, `old`. */
class Users implements UserDirectory {
  readonly #records: ReadonlyMap<string, UserRecord>
  readonly #decoy: UserRecord
  readonly remembered = new Map<UserRecord, Buffer>()

  constructor(records: readonly UserRecord[], decoy: UserRecord) {
    this.#records = new Map(records.map((each) => [each.name, each]))
    this.#decoy = decoy
  }

  find(name: string) {
    return this.#records.get(name)
  }

  findOrDecoy(name: string) {
    const record = this.#records.get(name)
    return record ? { record, known: true } : { record: { ...this.#decoy, name }, known: false }
  }

  fastVerifier(record: UserRecord) {
    return this.remembered.get(record)
  }

  rememberFastVerifier(record: UserRecord, digest: Buffer) {
    this.remembered.set(record, digest)
  }
}

let records: readonly UserRecord[]
let decoy: UserRecord
let users: Users

beforeAll(async () => {
  const scram = await deriveScramVerifier(PASSWORD)
  records = [
    { name: 'alice', groups: ['analysts'], scram, nativePassword: undefined, certificate: 'alice.corp' },
    { name: 'old', groups: [], scram, nativePassword: nativePasswordVerifier(PASSWORD) },
  ]
  // The decoy is made of the right password: only `known` may stand between it and a login.
  decoy = { name: '', groups: [], scram, nativePassword: undefined, certificate: 'nobody' }
})
beforeEach(() => {
  users = new Users(records, decoy)
})

interface Client {
  readonly user?: string
  readonly plugin?: string | undefined
  readonly response?: Buffer
  readonly tls?: boolean
  readonly commonName?: string
}

/** A client whose hello said so, and the login that the gateway begins with it. */
function begin({ user = 'alice', plugin, response, tls = false, commonName }: Client) {
  const [here, there] = MemoryChannel.pair()
  if (tls) here.tls = { protocol: 'TLSv1.3', serverEndPoint: undefined, clientCommonName: commonName }
  const hello = {
    user,
    login: user,
    nonce,
    authPlugin: plugin,
    authResponse: new Secret(response ?? Buffer.alloc(0)),
    packets: new PacketChannel(here, 1 << 16),
  } as unknown as MysqlHello
  const outcome = authenticate(here, hello, { users } as unknown as LoginServices).catch((error: unknown) => error)
  const packets = new PacketChannel(there, 1 << 16)
  const read = async () => decodeLoginReply(await packets.read())
  return { outcome, hello, read, write: (bytes: Buffer) => packets.write(bytes), close: () => there.close(), here }
}

const sha2 = (password: string, challenge = nonce) => ({
  plugin: 'caching_sha2_password',
  response: cachingSha2Response(password, challenge),
})
const FULL = { type: 'auth-more-data', data: Buffer.of(4) }
const FAST = { type: 'auth-more-data', data: Buffer.of(3) }

function expectDenied(outcome: unknown, user = 'alice', given = 'YES') {
  expect(outcome).toBeInstanceOf(SluiceError)
  const error = outcome as SluiceError
  expect(error.code).toBe('authentication_failed')
  expect(error.clientMessage).toBe(`Access denied for user '${user}'@'192.0.2.1' (using password: ${given})`)
}

describe('caching_sha2_password', () => {
  test('in full over tls: the password itself, then remembered for the fast way', async () => {
    const login = begin({ ...sha2(PASSWORD), tls: true })
    expect(await login.read()).toEqual(FULL)
    login.write(encodeClearPassword(PASSWORD))
    expect(await login.outcome).toEqual({ user: 'alice', groups: ['analysts'], method: 'caching_sha2_password' })
    expect(users.remembered.get(records[0]!)).toEqual(cachingSha2Digest(PASSWORD))
  })

  test('the fast way needs no password', async () => {
    users.rememberFastVerifier(records[0]!, cachingSha2Digest(PASSWORD))
    const login = begin(sha2(PASSWORD))
    expect(await login.read()).toEqual(FAST)
    expect(await login.outcome).toMatchObject({ user: 'alice', method: 'caching_sha2_password' })
  })

  test('in full without tls: encrypted with the key that the client asks for', async () => {
    const login = begin(sha2(PASSWORD))
    expect(await login.read()).toEqual(FULL)
    login.write(Buffer.of(2))
    const reply = await login.read()
    const key = createPublicKey(reply.type === 'auth-more-data' ? reply.data : '')
    expect(key.asymmetricKeyDetails?.modulusLength).toBe(2048)
    login.write(encryptPassword(PASSWORD, nonce, key))
    expect(await login.outcome).toMatchObject({ method: 'caching_sha2_password' })
  })

  test('the password in the clear without tls is refused', async () => {
    const login = begin(sha2(PASSWORD))
    await login.read()
    login.write(encodeClearPassword(PASSWORD))
    expectDenied(await login.outcome)
    expect(users.remembered.size).toBe(0)
  })

  test('a wrong password is refused after the same packets, whether or not the right one is remembered', async () => {
    for (const remembered of [false, true]) {
      if (remembered) users.rememberFastVerifier(records[0]!, cachingSha2Digest(PASSWORD))
      const login = begin({ ...sha2('wrong'), tls: true })
      expect(await login.read()).toEqual(FULL)
      login.write(encodeClearPassword('wrong'))
      expectDenied(await login.outcome)
    }
  })

  test('an unknown user gets the same packets and the same answer', async () => {
    const login = begin({ ...sha2(PASSWORD), user: 'nobody', tls: true })
    expect(await login.read()).toEqual(FULL)
    login.write(encodeClearPassword(PASSWORD))
    expectDenied(await login.outcome, 'nobody')
    expect(users.remembered.size).toBe(0)
  })

  test('no password is refused, known or not', async () => {
    for (const user of ['alice', 'nobody']) {
      const login = begin({ user, plugin: 'caching_sha2_password' })
      expectDenied(await login.outcome, user, 'NO')
    }
  })

  test('the error is the packet that the client expects next', async () => {
    const login = begin({ ...sha2('wrong'), tls: true })
    await login.read()
    login.write(encodeClearPassword('wrong'))
    const error = (await login.outcome) as SluiceError
    const packet = encodeLoginError(error, login.hello)
    expect(packet[3]).toBe(2)
    expect(decodeErrPacket(packet.subarray(4))).toMatchObject({ errno: 1045, sqlState: '28000' })
  })
})

describe('mysql_native_password', () => {
  test('is enough for a user who has a verifier for it', async () => {
    const response = nativePasswordResponse(PASSWORD, nonce)
    const login = begin({ user: 'old', plugin: 'mysql_native_password', response })
    expect(await login.outcome).toMatchObject({ user: 'old', method: 'mysql_native_password' })
  })

  test('is enough for such a user with a client that knows no plugins', async () => {
    const login = begin({ user: 'old', response: nativePasswordResponse(PASSWORD, nonce) })
    expect(await login.outcome).toMatchObject({ method: 'mysql_native_password' })
  })

  test('is asked for anew where the client waits for a challenge of its own plugin', async () => {
    const login = begin({ user: 'old', plugin: 'mysql_native_password' })
    const reply = await login.read()
    if (reply.type !== 'auth-switch-request') expect.fail(reply.type)
    expect(reply.plugin).toBe('mysql_native_password')
    login.write(nativePasswordResponse(PASSWORD, reply.nonce))
    expect(await login.outcome).toMatchObject({ method: 'mysql_native_password' })
  })

  test('with a wrong answer goes on as for a user without a verifier, and as for an unknown one', async () => {
    for (const user of ['old', 'alice', 'nobody']) {
      const response = nativePasswordResponse('wrong', nonce)
      const login = begin({ user, plugin: 'mysql_native_password', response, tls: true })
      const reply = await login.read()
      if (reply.type !== 'auth-switch-request') expect.fail(reply.type)
      expect(reply.plugin).toBe('caching_sha2_password')
      expect(reply.nonce).not.toEqual(nonce)
      login.write(cachingSha2Response('wrong', reply.nonce))
      expect(await login.read()).toEqual(FULL)
      login.write(encodeClearPassword('wrong'))
      expectDenied(await login.outcome, user)
    }
  })

  test('of a client without plugins is refused for everybody else', async () => {
    for (const user of ['old', 'alice', 'nobody']) {
      expectDenied(await begin({ user, response: nativePasswordResponse('wrong', nonce) }).outcome, user)
    }
  })
})

describe('other plugins', () => {
  test('a client of an unknown one is switched to caching_sha2_password', async () => {
    users.rememberFastVerifier(records[0]!, cachingSha2Digest(PASSWORD))
    const login = begin({ plugin: 'sha256_password' })
    const reply = await login.read()
    if (reply.type !== 'auth-switch-request') expect.fail(reply.type)
    login.write(cachingSha2Response(PASSWORD, reply.nonce))
    expect(await login.read()).toEqual(FAST)
    expect(await login.outcome).toMatchObject({ method: 'caching_sha2_password' })
  })

  test('a clear password is taken over tls', async () => {
    const clear = { plugin: 'mysql_clear_password', tls: true }
    expect(await begin({ ...clear, response: encodeClearPassword(PASSWORD) }).outcome).toMatchObject({
      method: 'mysql_clear_password',
    })
    expectDenied(await begin({ ...clear, response: encodeClearPassword('wrong') }).outcome)
    expectDenied(await begin({ ...clear, user: 'nobody', response: encodeClearPassword(PASSWORD) }).outcome, 'nobody')
  })

  test('a clear password without tls is not taken', async () => {
    const login = begin({ plugin: 'mysql_clear_password', response: encodeClearPassword(PASSWORD) })
    expect(await login.read()).toMatchObject({ type: 'auth-switch-request', plugin: 'caching_sha2_password' })
    login.write(Buffer.alloc(0))
    expectDenied(await login.outcome, 'alice', 'NO')
  })
})

describe('a client certificate', () => {
  test('that the user was given is enough', async () => {
    const bare = begin({ plugin: 'caching_sha2_password', tls: true, commonName: 'alice.corp' })
    expect(await bare.outcome).toMatchObject({ user: 'alice', method: 'certificate' })
    const withPassword = begin({ ...sha2('whatever'), tls: true, commonName: 'alice.corp' })
    expect(await withPassword.read()).toEqual(FAST)
    expect(await withPassword.outcome).toMatchObject({ method: 'certificate' })
  })

  test('of somebody else, or for an unknown user, proves nothing', async () => {
    expectDenied(await begin({ plugin: 'caching_sha2_password', tls: true, commonName: 'old' }).outcome, 'alice', 'NO')
    const name = begin({ user: 'old', plugin: 'caching_sha2_password', tls: true, commonName: 'old' })
    expectDenied(await name.outcome, 'old', 'NO') // a name alone is not enough: this user was given no certificate
    expectDenied(await begin({ user: 'old', plugin: 'caching_sha2_password', tls: true }).outcome, 'old', 'NO')
    const unknown = begin({ user: 'nobody', plugin: 'caching_sha2_password', tls: true, commonName: 'nobody' })
    expectDenied(await unknown.outcome, 'nobody', 'NO')
  })
})

test('a client that goes away ends its own login', async () => {
  const login = begin({ ...sha2(PASSWORD), tls: true })
  await login.read()
  login.close()
  expect(await login.outcome).toBeInstanceOf(SluiceError)
})

test('a password without its NUL breaks the protocol', async () => {
  const login = begin({ ...sha2(PASSWORD), tls: true })
  await login.read()
  login.write(Buffer.from('wonder'))
  expect(await login.outcome).toMatchObject({ code: 'protocol_violation' })
})
