import { Secret, SluiceError } from '@sluice/domain'
import { deriveScramVerifier, ScramServer } from '@sluice/identity'
import {
  type AuthenticationRequest,
  decodeSaslInitialResponse,
  decodeStartupPacket,
  encodeAuthenticationRequest,
  encodeBackendKeyData,
  encodeErrorResponse,
  encodeParameterStatus,
} from '@sluice/wire/postgres'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TlsFacts } from '../channel.js'
import { MemoryChannel } from '../memory-channel.js'
import type { Target } from '../protocol.js'
import type { PostgresHello } from './greet.js'
import { logIn, logInForGateway } from './log-in.js'

const PASSWORD = 'hunter2-hunter2'
const TARGET: Target = {
  host: 'db.internal',
  port: 5432,
  database: 'shop',
  tls: undefined,
  username: 'shop_app',
  password: new Secret(PASSWORD),
}
const WITH_TLS: Target = { ...TARGET, tls: { host: 'db.internal', mode: 'verify-full' } }
const TLS: TlsFacts = { protocol: 'TLSv1.3', serverEndPoint: Buffer.alloc(32, 3), clientCommonName: undefined }
const READY = Buffer.from('Z\0\0\0\x05I', 'latin1')
const PARAMETERS = { server_version: '18.4', client_encoding: 'UTF8', standard_conforming_strings: 'on' }

const ask = encodeAuthenticationRequest
const OK = ask({ type: 'ok' })

function parameters(values: Record<string, string> = PARAMETERS): Buffer {
  return Buffer.concat(Object.entries(values).map(([name, value]) => encodeParameterStatus({ name, value })))
}

function hello(settings: Record<string, string> = {}): PostgresHello {
  return {
    user: 'ada',
    database: 'shop',
    application: undefined,
    version: { major: 3, minor: 0 },
    settings: new Map(Object.entries(settings)),
    clientEncoding: settings.client_encoding ?? 'UTF8',
  }
}

/** Logs in to a server that has said all it will say. */
async function logInTo(bytes: Buffer | Buffer[], options: { target?: Target; address?: string; chunk?: number } = {}) {
  const channel = new MemoryChannel({ tls: TLS, ...options })
  channel.receive(Array.isArray(bytes) ? Buffer.concat(bytes) : bytes)
  channel.end()
  const result = await logIn(channel, hello(), options.target ?? TARGET).catch((error: unknown) => error)
  return { result, channel }
}

async function refusalOf(bytes: Buffer | Buffer[], options: Parameters<typeof logInTo>[1] = {}): Promise<SluiceError> {
  const { result, channel } = await logInTo(bytes, options)
  if (!(result instanceof SluiceError)) throw new Error('the login was not refused')
  expect(result.clientMessage).not.toMatch(/shop_app|db\.internal|hunter2/)
  expect(`${result.message} ${result.stack}`).not.toContain(PASSWORD)
  expect(channel.written.includes(PASSWORD)).toBe(false)
  return result
}

/** A server that speaks SCRAM; `spoil` may change what it sends. */
async function scramServer(
  channel: MemoryChannel,
  mechanisms: string[],
  spoil: (request: AuthenticationRequest) => AuthenticationRequest = (request) => request,
): Promise<string> {
  await channel.read((await channel.peek(4)).readUInt32BE(0))
  channel.write(ask({ type: 'sasl', mechanisms }))
  const choice = decodeSaslInitialResponse(await content(channel))
  const server = new ScramServer({
    verifier: await deriveScramVerifier(PASSWORD),
    known: true,
    mechanism: choice.mechanism as 'SCRAM-SHA-256',
    channelBinding: mechanisms.length > 1 ? TLS.serverEndPoint : undefined,
  })
  channel.write(ask(spoil({ type: 'sasl-continue', data: server.first(choice.data!) })))
  channel.write(ask(spoil({ type: 'sasl-final', data: server.final(await content(channel)) })))
  channel.write(Buffer.concat([OK, parameters(), READY]))
  return choice.mechanism
}

async function content(channel: MemoryChannel): Promise<Buffer> {
  return channel.read((await channel.read(5)).readUInt32BE(1) - 4)
}

describe('a login', () => {
  const whole = Buffer.concat([
    OK,
    parameters(),
    encodeBackendKeyData({ processId: 7, secret: Buffer.from('abcd') }),
    READY,
  ])

  test('collects what the server reports, however its bytes are split', async () => {
    for (let chunk = 1; chunk < 40; chunk++) {
      const { result } = await logInTo(whole, { chunk })
      expect(result).toEqual({
        serverVersion: '18.4',
        parameters: new Map(Object.entries(PARAMETERS)),
        cancelKey: { processId: 7, secret: Buffer.from('abcd') },
      })
    }
  })

  test('leaves every byte after ReadyForQuery to the relay', async () => {
    const { channel } = await logInTo([whole, Buffer.from('NOTICE')])
    expect(channel.buffered).toBe(6)
    expect((await channel.read(6)).toString()).toBe('NOTICE')
  })

  test("sends the client's settings and pins how SQL is read", async () => {
    const channel = new MemoryChannel()
    channel.receive(Buffer.concat([OK, parameters({ ...PARAMETERS, client_encoding: 'LATIN1' }), READY]))
    await logIn(channel, hello({ TimeZone: 'UTC', client_encoding: 'LATIN1' }), TARGET)
    expect(decodeStartupPacket(channel.written)).toEqual({
      type: 'startup',
      version: { major: 3, minor: 0 },
      parameters: [
        ['user', 'shop_app'],
        ['database', 'shop'],
        ['TimeZone', 'UTC'],
        ['client_encoding', 'LATIN1'],
        ['standard_conforming_strings', 'on'],
      ],
    })
  })

  test("of the gateway's own is read only", async () => {
    const channel = new MemoryChannel()
    channel.receive(Buffer.concat([OK, parameters(), READY]))
    await logInForGateway(channel, TARGET)
    expect(channel.written.toString()).toContain('default_transaction_read_only\0on\0')
  })

  test.each([
    [['SCRAM-SHA-256'], undefined, 'SCRAM-SHA-256'],
    [['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'], TLS, 'SCRAM-SHA-256-PLUS'],
    [['SCRAM-SHA-256'], TLS, 'SCRAM-SHA-256'],
  ])('proves itself by SCRAM to a server that offers %s', async (mechanisms, tls, expected) => {
    const [server, gateway] = MemoryChannel.pair()
    gateway.tls = tls
    const [mechanism] = await Promise.all([scramServer(server, mechanisms), logIn(gateway, hello(), TARGET)])
    expect(mechanism).toBe(expected)
  })

  test('answers md5 as the manual says', async () => {
    const { channel } = await logInTo([
      ask({ type: 'md5-password', salt: Buffer.from([1, 2, 3, 4]) }),
      OK,
      parameters(),
      READY,
    ])
    expect(channel.written.toString('latin1')).toContain('p\0\0\0\x28md56cdda6c0d40a48150e7dd1ae7344fcc0\0')
  })

  test.each(['127.0.0.1', '::1'])('gives the password in the clear to %s', async (address) => {
    const { channel } = await logInTo([ask({ type: 'cleartext-password' }), OK, parameters(), READY], { address })
    expect(channel.written.includes(`${PASSWORD}\0`)).toBe(true)
  })
})

describe('tls to the server', () => {
  test('starts before anything else is said', async () => {
    const channel = new MemoryChannel({ tls: TLS })
    const login = logIn(channel, hello(), WITH_TLS)
    channel.receive(Buffer.from('S'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(channel.log).toEqual(['tls client verify-full'])
    channel.receive(Buffer.concat([OK, parameters(), READY]))
    await login
  })

  test.each([
    ['declines', 'N'],
    ['answers with an error', 'E\0\0\0\x20'],
    ['sends bytes in the clear behind its answer', 'SR\0\0\0\x08\0\0\0\0'],
  ])('is not given up where the server %s', async (_, bytes) => {
    const { result, channel } = await logInTo(Buffer.from(bytes, 'latin1'), { target: WITH_TLS })
    expect(result).toMatchObject({ code: 'upstream_refused' })
    expect([channel.tls, channel.written.length]).toEqual([undefined, 8])
  })
})

describe('a server that says no', () => {
  test('is quoted in the log only', async () => {
    const message = 'password authentication failed for user "shop_app"'
    const error = await refusalOf(encodeErrorResponse({ severity: 'FATAL', code: '28P01', message }))
    expect(error.code).toBe('upstream_refused')
    expect(error.message).toContain(message)
  })

  test("is quoted to the client where it is about the client's settings", async () => {
    const message = 'invalid value for parameter "TimeZone": "x"'
    const error = await refusalOf(encodeErrorResponse({ severity: 'FATAL', code: '22023', message }))
    expect(error.clientMessage).toBe(message)
  })
})

describe('a hostile server gets nothing out of', () => {
  const sasl = ask({ type: 'sasl', mechanisms: ['SCRAM-SHA-256'] })
  const md5 = ask({ type: 'md5-password', salt: Buffer.alloc(4) })
  test.each<[string, Buffer[]]>([
    ['a message of 2 GB', [Buffer.from('N\x7f\xff\xff\xff', 'latin1')]],
    ['a message shorter than its length field', [Buffer.from('N\0\0\0\x03', 'latin1')]],
    ['asking for the password in the clear', [ask({ type: 'cleartext-password' })]],
    [
      'an authentication request of the wrong length',
      [Buffer.from('R\0\0\0\x09\0\0\0\x03x', 'latin1'), parameters(), READY],
    ],
    ['an error without an end', [Buffer.from('E\0\0\0\x06Sx', 'latin1')]],
    ['letting the gateway in halfway through SCRAM', [sasl, OK, parameters(), READY]],
    ['SASL messages nobody asked for', [ask({ type: 'sasl-final', data: Buffer.from('v=') })]],
    ['asking twice', [md5, md5, OK, parameters(), READY]],
    ['going on before authentication', [READY]],
    ['authentication after it was done', [OK, md5]],
    ['a row in the login', [OK, Buffer.from('D\0\0\0\x06\0\0', 'latin1')]],
    ['GSSAPI', [ask({ type: 'unsupported', code: 7 })]],
    ['an unknown mechanism', [ask({ type: 'sasl', mechanisms: ['OAUTHBEARER'] })]],
    ['strings that do not conform', [OK, parameters({ ...PARAMETERS, standard_conforming_strings: 'off' }), READY]],
    ['another encoding', [OK, parameters({ ...PARAMETERS, client_encoding: 'SJIS' }), READY]],
    ['not reporting how it reads SQL', [OK, READY]],
  ])('%s', async (_, bytes) => {
    expect((await refusalOf(bytes)).code).toBe('upstream_refused')
  })

  test.each<[string, (request: AuthenticationRequest) => AuthenticationRequest]>([
    [
      'a billion iterations',
      (request) =>
        request.type === 'sasl-continue'
          ? { ...request, data: Buffer.from(request.data.toString().replace('i=4096', 'i=1000000000')) }
          : request,
    ],
    [
      'a signature that it cannot make',
      (request) =>
        request.type === 'sasl-final'
          ? { ...request, data: Buffer.from(`v=${Buffer.alloc(32).toString('base64')}`) }
          : request,
    ],
  ])('%s', async (_, spoil) => {
    const [server, gateway] = MemoryChannel.pair()
    void scramServer(server, ['SCRAM-SHA-256'], spoil).catch(() => {}) // it never gets to its end
    await expect(logIn(gateway, hello(), TARGET)).rejects.toMatchObject({
      code: 'upstream_refused',
      clientMessage: 'the database refused the login of the gateway',
    })
  })

  test('arbitrary messages', async () => {
    const message = fc.tuple(fc.constantFrom(...'RSKZENv'), fc.uint8Array({ maxLength: 20 })).map(([type, bytes]) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length + 4)
      return Buffer.concat([Buffer.from(type), length, bytes])
    })
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 4 }), fc.uint8Array({ maxLength: 9 }), async (messages, rest) => {
        const { result, channel } = await logInTo([...messages, Buffer.from(rest)])
        expect(result).toBeInstanceOf(SluiceError)
        expect(channel.written.includes(PASSWORD)).toBe(false)
      }),
      { numRuns: 300 },
    )
  })
})
