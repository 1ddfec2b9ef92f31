import { createSecureContext } from 'node:tls'
import { Secret } from '@sluice/domain'
import { deriveScramVerifier, ScramClient, type UserDirectory, type UserRecord } from '@sluice/identity'
import {
  type AuthenticationRequest,
  decodeAuthenticationRequest,
  encodeSaslInitialResponse,
  encodeSaslResponse,
} from '@sluice/wire/postgres'
import { beforeAll, describe, expect, test } from 'vitest'
import type { TlsFacts } from '../channel.js'
import { MemoryChannel } from '../memory-channel.js'
import type { LoginServices } from '../protocol.js'
import { authenticate } from './authenticate.js'
import { sqlstateOf } from './error.js'
import type { PostgresHello } from './greet.js'
import { encodeLoginError } from './login-error.js'

const TLS: TlsFacts = { protocol: 'TLSv1.3', serverEndPoint: Buffer.alloc(32, 3), clientCommonName: undefined }
let record: UserRecord

beforeAll(async () => {
  const scram = await deriveScramVerifier('geheim')
  record = { name: 'ada', groups: ['analysts'], scram, nativePassword: undefined, certificate: 'ada.example' }
})

function services(): LoginServices {
  const users: UserDirectory = {
    find: (name) => (name === 'ada' ? record : undefined),
    findOrDecoy: (name) => ({ record: { ...record, name }, known: name === 'ada' }),
    fastVerifier: () => undefined,
    rememberFastVerifier: () => {},
  }
  const tls = { context: createSecureContext(), requestCertificate: true, require: false }
  return {
    connectionId: 1,
    tls,
    users,
    serverGreeting: () => Promise.reject(new Error('asked for by MySQL only')),
    cancel: async () => {},
  }
}

function hello(user = 'ada'): PostgresHello {
  const version = { major: 3, minor: 0 }
  return { user, database: 'shop', application: undefined, version, settings: new Map(), clientEncoding: 'UTF8' }
}

async function requestOn(channel: MemoryChannel): Promise<AuthenticationRequest> {
  const length = (await channel.read(5)).readUInt32BE(1) - 4
  return decodeAuthenticationRequest(await channel.read(length))
}

/** A client with a password, whose bytes arrive in chunks; `lateData`: it chooses the mechanism first and says its part then. */
async function logInAs(
  user: string,
  password: string,
  options: { tls?: TlsFacts; binding?: Buffer; chunk?: number; hidePlus?: boolean; lateData?: boolean } = {},
) {
  const [client, gateway] = MemoryChannel.pair({}, options.chunk === undefined ? {} : { chunk: options.chunk })
  gateway.tls = options.tls
  const outcome = authenticate(gateway, hello(user), services()).catch((error: unknown) => error)
  const conversation = async () => {
    const request = await requestOn(client)
    if (request.type !== 'sasl') throw new Error(`unexpected ${request.type}`)
    const offered = options.hidePlus ? ['SCRAM-SHA-256'] : request.mechanisms
    const scram = new ScramClient({ password: new Secret(password), offered, channelBinding: options.binding })
    const { mechanism } = scram
    if (options.lateData) {
      client.write(encodeSaslInitialResponse({ type: 'sasl-initial-response', mechanism, data: undefined }))
      expect(await requestOn(client)).toEqual({ type: 'sasl-continue', data: Buffer.alloc(0) })
      client.write(encodeSaslResponse(scram.first()))
    } else {
      client.write(encodeSaslInitialResponse({ type: 'sasl-initial-response', mechanism, data: scram.first() }))
    }
    const challenge = await requestOn(client)
    if (challenge.type !== 'sasl-continue') throw new Error(`unexpected ${challenge.type}`)
    client.write(encodeSaslResponse(await scram.continue(challenge.data)))
    const proof = await requestOn(client)
    if (proof.type === 'sasl-final') scram.final(proof.data)
    return scram.finished
  }
  const finished = conversation().catch(() => false)
  const result = await outcome
  gateway.close()
  return { result, serverProved: await finished, said: gateway.written }
}

describe('a password', () => {
  test.each([1, 2, 7, 1000])('lets its user in, the bytes arriving %i at a time', async (chunk) => {
    const { result, serverProved } = await logInAs('ada', 'geheim', { chunk })
    expect(result).toEqual({ user: 'ada', groups: ['analysts'], method: 'scram-sha-256' })
    expect(serverProved).toBe(true)
  })

  test('may be proved by a client that chooses the mechanism first', async () => {
    expect((await logInAs('ada', 'geheim', { lateData: true })).result).toMatchObject({ method: 'scram-sha-256' })
  })

  test('is bound to the tls connection where there is one', async () => {
    const { result } = await logInAs('ada', 'geheim', { tls: TLS, binding: TLS.serverEndPoint! })
    expect(result).toMatchObject({ method: 'scram-sha-256-plus' })
  })

  test.each([
    ['bound to another certificate', { tls: TLS, binding: Buffer.alloc(32) }],
    ['whose offer of -PLUS somebody removed', { tls: TLS, binding: Buffer.alloc(32, 3), hidePlus: true }],
  ])('is refused from a client %s', async (_, options) => {
    expect((await logInAs('ada', 'geheim', options)).result).toMatchObject({ code: 'authentication_failed' })
  })

  test('that is wrong and a user that is unknown get one answer', async () => {
    for (const [user, password] of [
      ['ada', 'falsch'],
      ['eve', 'geheim'],
    ] as const) {
      const { result, serverProved, said } = await logInAs(user, password)
      expect(result).toMatchObject({
        code: 'authentication_failed',
        clientMessage: `password authentication failed for user "${user}"`,
        detail: undefined,
        hint: undefined,
      })
      expect(serverProved).toBe(false)
      // the offer and one challenge, of the same form
      expect(said.toString('latin1').replace(/r=[^,]+/, 'r=')).toBe(
        (await logInAs('ada', 'falsch')).said.toString('latin1').replace(/r=[^,]+/, 'r='),
      )
    }
  })
})

describe('a client certificate', () => {
  const certified = (clientCommonName: string) => ({ ...TLS, clientCommonName })

  test('lets the user in whose record names it, without a question', async () => {
    const channel = new MemoryChannel()
    channel.tls = certified('ada.example')
    expect(await authenticate(channel, hello(), services())).toMatchObject({ user: 'ada', method: 'certificate' })
    expect(channel.written).toHaveLength(0)
  })

  test.each([
    ['another user', 'ada', 'bob.example'],
    ['the same name, where the record names another', 'ada', 'ada'],
    ['an unknown user', 'eve', 'ada.example'],
  ])('of %s proves nothing', async (_, user, commonName) => {
    const { result } = await logInAs(user, 'falsch', { tls: certified(commonName), binding: TLS.serverEndPoint! })
    expect(result).toMatchObject({ code: 'authentication_failed' })
  })
})

describe('bytes that break the protocol are refused:', () => {
  test.each([
    ['a query instead of an answer', Buffer.from('Q\0\0\0\x0dSELECT 1\0', 'latin1')],
    ['an answer of 2 GB', Buffer.from('p\x7f\xff\xff\xff', 'latin1')],
    ['an answer shorter than its length field', Buffer.from('p\0\0\0\x03', 'latin1')],
    ['an answer that is no SASL', Buffer.from('p\0\0\0\x08abc\0', 'latin1')],
    [
      'a mechanism that was not offered',
      encodeSaslInitialResponse({
        type: 'sasl-initial-response',
        mechanism: 'SCRAM-SHA-256-PLUS',
        data: Buffer.from('p=tls-server-end-point,,n=,r=x'),
      }),
    ],
  ])('%s', async (_, bytes) => {
    const channel = new MemoryChannel()
    channel.receive(bytes)
    channel.end()
    await expect(authenticate(channel, hello(), services())).rejects.toMatchObject({ code: 'protocol_violation' })
  })
})

test('the refusal reaches the client as the server would say it', async () => {
  const { result } = await logInAs('ada', 'falsch')
  const error = result as Parameters<typeof encodeLoginError>[0]
  expect(sqlstateOf(error)).toBe('28P01')
  expect(encodeLoginError(error).subarray(5).toString()).toBe(
    'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "ada"\0\0',
  )
})
