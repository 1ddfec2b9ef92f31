import { Secret, SluiceError } from '@sluice/domain'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { saslprep } from './saslprep.js'
import { deriveScramVerifier, type ScramMechanism, verifyPassword } from './scram.js'
import { MAXIMUM_ITERATIONS, ScramClient } from './scram-client.js'
import { ScramServer } from './scram-server.js'

// RFC 7677 section 3.
const RFC = {
  salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
  clientNonce: 'rOprNGfwEbeRWgbNEkqO',
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  clientFinal:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
}
const BINDING = Buffer.alloc(32, 7)

async function rfcServer(known = true) {
  const verifier = await deriveScramVerifier('pencil', { salt: RFC.salt, iterations: 4096 })
  return new ScramServer({
    verifier,
    known,
    mechanism: 'SCRAM-SHA-256',
    channelBinding: undefined,
    nonce: RFC.serverNonce,
  })
}

function client(options: Partial<ConstructorParameters<typeof ScramClient>[0]> = {}) {
  return new ScramClient({
    password: new Secret('pencil'),
    offered: ['SCRAM-SHA-256'],
    channelBinding: undefined,
    ...options,
  })
}

async function exchange(scramClient: ScramClient, offeredBinding: Buffer | undefined, known = true) {
  const verifier = await deriveScramVerifier('pencil')
  const server = new ScramServer({
    verifier,
    known,
    mechanism: scramClient.mechanism,
    channelBinding: offeredBinding,
  })
  scramClient.final(server.final(await scramClient.continue(server.first(scramClient.first()))))
  return scramClient.finished
}

function codeOf(run: () => unknown): string | undefined {
  try {
    run()
  } catch (error) {
    if (error instanceof SluiceError) return error.code
    throw error
  }
  return undefined
}

describe('the vectors of RFC 7677', () => {
  test('hold for the server', async () => {
    const server = await rfcServer()
    expect(server.first(Buffer.from(RFC.clientFirst)).toString()).toBe(RFC.serverFirst)
    expect(server.final(Buffer.from(RFC.clientFinal)).toString()).toBe(RFC.serverFinal)
  })

  test('hold for the client', async () => {
    const scram = client({ nonce: RFC.clientNonce, userName: 'user' })
    expect(scram.first().toString()).toBe(RFC.clientFirst)
    expect((await scram.continue(Buffer.from(RFC.serverFirst))).toString()).toBe(RFC.clientFinal)
    scram.final(Buffer.from(RFC.serverFinal))
    expect(scram.finished).toBe(true)
  })
})

describe('the server', () => {
  test('refuses a correct proof for a decoy', async () => {
    const server = await rfcServer(false)
    server.first(Buffer.from(RFC.clientFirst))
    expect(codeOf(() => server.final(Buffer.from(RFC.clientFinal)))).toBe('authentication_failed')
  })

  test('refuses a wrong password', async () => {
    await expect(exchange(client({ password: new Secret('pencil ') }), undefined)).rejects.toMatchObject({
      code: 'authentication_failed',
    })
  })

  test('takes each message once and in order', async () => {
    const server = await rfcServer()
    expect(codeOf(() => server.final(Buffer.from(RFC.clientFinal)))).toBe('protocol_violation')
    server.first(Buffer.from(RFC.clientFirst))
    expect(codeOf(() => server.first(Buffer.from(RFC.clientFirst)))).toBe('protocol_violation')
  })

  test.each([
    ['an authorization identity', 'n,a=root,n=,r=abc'],
    ['a mandatory extension', 'n,,m=x,n=,r=abc'],
    ['a binding without -PLUS', 'p=tls-server-end-point,,n=,r=abc'],
    ['an unknown flag', 'z,,n=,r=abc'],
    ['a nonce that cannot be printed', 'n,,n=,r=a\tb'],
    ['no nonce', 'n,,n='],
    ['nothing', ''],
  ])('refuses %s', async (_, text) => {
    const server = await rfcServer()
    expect(codeOf(() => server.first(Buffer.from(text)))).toBe('protocol_violation')
  })

  test('refuses a nonce that is not the one it sent', async () => {
    const server = await rfcServer()
    server.first(Buffer.from(RFC.clientFirst))
    expect(codeOf(() => server.final(Buffer.from(RFC.clientFinal.replace('k0,', 'k1,'))))).toBe('protocol_violation')
  })

  test('answers arbitrary bytes with a SluiceError', async () => {
    const verifier = await deriveScramVerifier('pencil')
    const mechanism = fc.constantFrom<ScramMechanism>('SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS')
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), mechanism, (first, final, chosen) => {
        const server = new ScramServer({ verifier, known: true, mechanism: chosen, channelBinding: undefined })
        expect(codeOf(() => server.first(Buffer.from(first)))).toBe('protocol_violation')
        expect(codeOf(() => server.final(Buffer.from(final)))).toBe('protocol_violation')
      }),
    )
  })
})

describe('channel binding', () => {
  const both = ['SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS']

  test('is used where both ends have it', async () => {
    const scram = client({ offered: both, channelBinding: BINDING })
    expect(scram.mechanism).toBe('SCRAM-SHA-256-PLUS')
    expect(await exchange(scram, BINDING)).toBe(true)
  })

  test('refuses a client bound to another certificate', async () => {
    const scram = client({ offered: both, channelBinding: Buffer.alloc(32, 8) })
    await expect(exchange(scram, BINDING)).rejects.toMatchObject({ code: 'authentication_failed' })
  })

  test('finds out when somebody removed the offer of -PLUS', async () => {
    const scram = client({ channelBinding: BINDING })
    await expect(exchange(scram, BINDING)).rejects.toThrow(/negotiation/)
  })

  test('is optional for a client that cannot', async () => {
    expect(await exchange(client(), BINDING)).toBe(true)
  })

  test('is not asked for where the server does not offer it', async () => {
    expect(await exchange(client({ channelBinding: BINDING }), undefined)).toBe(true)
  })

  test('cannot be chosen where it was not offered', async () => {
    const scram = client({ offered: both, channelBinding: BINDING })
    await expect(exchange(scram, undefined)).rejects.toMatchObject({ code: 'protocol_violation' })
  })
})

describe('the client', () => {
  test('refuses a server that does not know the password', async () => {
    const scram = client({ nonce: RFC.clientNonce, userName: 'user' })
    scram.first()
    await scram.continue(Buffer.from(RFC.serverFirst))
    expect(codeOf(() => scram.final(Buffer.from(RFC.serverFinal.replace('v=6', 'v=7'))))).toBe('authentication_failed')
  })

  test.each([
    ['a nonce of its own', 'r=other,s=AAAA,i=4096', 'protocol_violation'],
    ['the nonce unchanged', 'r=abc,s=AAAA,i=4096', 'protocol_violation'],
    ['no salt', 'r=abcd,s=,i=4096', 'protocol_violation'],
    ['no iterations', 'r=abcd,s=AAAA,i=0', 'protocol_violation'],
    ['too many iterations', `r=abcd,s=AAAA,i=${MAXIMUM_ITERATIONS + 1}`, 'limit_exceeded'],
    ['a mandatory extension', 'm=x,r=abcd,s=AAAA,i=4096', 'protocol_violation'],
  ])('refuses a server that sends %s', async (_, text, code) => {
    const scram = client({ nonce: 'abc' })
    scram.first()
    await expect(scram.continue(Buffer.from(text))).rejects.toMatchObject({ code })
  })

  test('refuses a server that offers other mechanisms only', () => {
    expect(codeOf(() => client({ offered: ['OAUTHBEARER'] }))).toBe('authentication_unsupported')
    expect(codeOf(() => client({ offered: ['SCRAM-SHA-256-PLUS'] }))).toBe('authentication_unsupported')
  })
})

test('a password verifies against its own verifier only', async () => {
  const verifier = await deriveScramVerifier('café')
  expect(await verifyPassword(verifier, 'café')).toBe(true)
  expect(await verifyPassword(verifier, 'cafe\u0301')).toBe(true)
  expect(await verifyPassword(verifier, 'cafe')).toBe(false)
})

test.each([
  ['keeps ASCII, control characters too', 'a\u0007b', 'a\u0007b'],
  ['maps a soft hyphen to nothing', 'I\u00adX', 'IX'],
  ['maps other spaces to a space', 'a\u00a0b', 'a b'],
  ['normalises by NFKC', '\u00aa\u2168', 'aIX'],
  ['takes a prohibited password as it is', '\u2168\u0007', '\u2168\u0007'],
  ['takes a password that maps to nothing as it is', '\u00ad', '\u00ad'],
])('preparing a password %s', (_, password, prepared) => {
  expect(saslprep(password)).toBe(prepared)
})

test('a client answers arbitrary bytes of a server with a SluiceError', async () => {
  const text = fc.oneof(
    fc.string(),
    fc.tuple(fc.constantFrom('r=abc', 'r=abcd', 'm='), fc.string(), fc.string()).map((parts) => parts.join(',')),
    fc.tuple(fc.base64String(), fc.string({ maxLength: 12 })).map(([salt, i]) => `r=abcd,s=${salt},i=${i}`),
  )
  await fc.assert(
    fc.asyncProperty(text, text, async (first, final) => {
      const scram = client({ nonce: 'abc' })
      scram.first()
      await scram.continue(Buffer.from(first)).catch((error: unknown) => expect(error).toBeInstanceOf(SluiceError))
      expect(codeOf(() => scram.final(Buffer.from(final)))).toBeDefined()
    }),
  )
})
