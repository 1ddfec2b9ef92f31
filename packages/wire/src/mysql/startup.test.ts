import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WireError } from '../wire-error.js'
import { CAPABILITY, capabilities } from './capabilities.js'
import {
  decodeChangeUser,
  decodeGreeting,
  decodeHandshakeResponse,
  encodeChangeUser,
  encodeGreeting,
  encodeHandshakeResponse,
  encodeSslRequest,
  type Greeting,
  type HandshakeResponse,
} from './startup.js'

const nonce = Buffer.from('0102030405060708090a0b0c0d0e0f1011121314', 'hex')
const greeting: Greeting = {
  type: 'greeting',
  serverVersion: '9.7.4',
  connectionId: 0xfffffffe,
  nonce,
  capabilities: 0xdfffffff,
  mariadbCapabilities: 0,
  characterSet: 255,
  status: 2,
  authPlugin: 'caching_sha2_password',
}

const base = capabilities(
  CAPABILITY.mysql,
  CAPABILITY.protocol41,
  CAPABILITY.secureConnection,
  CAPABILITY.pluginAuth,
  CAPABILITY.connectWithDatabase,
)
const response: HandshakeResponse = {
  type: 'handshake-response',
  capabilities: base,
  mariadbCapabilities: 0,
  maxPacketBytes: 1 << 24,
  characterSet: 45,
  user: 'alice',
  authResponse: Buffer.alloc(32, 7),
  database: 'shop',
  authPlugin: 'caching_sha2_password',
  attributes: [],
  zstdLevel: undefined,
}

describe('the greeting', () => {
  test('is laid out as the manual says', () => {
    expect(encodeGreeting(greeting).toString('hex')).toBe(
      [
        '0a', // protocol version
        '392e372e3400', // server version
        'feffffff', // connection id
        '0102030405060708', // challenge, first part
        '00', // filler
        'ffff', // capabilities, low half
        'ff', // collation
        '0200', // status
        'ffdf', // capabilities, high half
        '15', // challenge length with its NUL
        '000000000000', // reserved
        '00000000', // MariaDB's capabilities
        '090a0b0c0d0e0f101112131400', // challenge, second part
        '63616368696e675f736861325f70617373776f726400', // plugin
      ].join(''),
    )
  })

  test('is read back as it was written, with MariaDB flags where CLIENT_MYSQL is clear', () => {
    expect(decodeGreeting(encodeGreeting(greeting))).toEqual(greeting)
    const mariadb = { ...greeting, capabilities: 0x81fff7fe, mariadbCapabilities: 0x1d }
    expect(decodeGreeting(encodeGreeting(mariadb))).toEqual(mariadb)
  })

  test('of MySQL 5.5 may lack the NUL after the plugin', () => {
    const bytes = encodeGreeting(greeting)
    expect(decodeGreeting(bytes.subarray(0, -1))).toEqual(greeting)
  })

  test('of another protocol version is refused', () => {
    expect(() => decodeGreeting(Buffer.from('09352e3000', 'hex'))).toThrow('handshake version 9 is not 10')
  })
})

describe('the handshake response', () => {
  test('is read back as it was written', () => {
    expect(decodeHandshakeResponse(encodeHandshakeResponse(response))).toEqual(response)
  })

  test('carries attributes, a long auth response and the zstd level', () => {
    const full: HandshakeResponse = {
      ...response,
      capabilities: capabilities(
        base,
        CAPABILITY.pluginAuthLengthEncoded,
        CAPABILITY.connectAttributes,
        CAPABILITY.zstd,
        CAPABILITY.rememberOptions,
      ),
      authResponse: Buffer.alloc(300, 1),
      attributes: [
        ['program_name', 'mysql'],
        ['_os', 'x'.repeat(300)],
      ],
      zstdLevel: 3,
    }
    expect(decodeHandshakeResponse(encodeHandshakeResponse(full))).toEqual(full)
  })

  test('carries the flags of a MariaDB client', () => {
    const mariadb = { ...response, capabilities: base & ~CAPABILITY.mysql, mariadbCapabilities: 0x1c }
    expect(decodeHandshakeResponse(encodeHandshakeResponse(mariadb))).toEqual(mariadb)
  })

  test('of 32 bytes with the ssl flag is an ssl request', () => {
    const capability = capabilities(base, CAPABILITY.ssl)
    const request = { capabilities: capability, maxPacketBytes: 5, characterSet: 45, mariadbCapabilities: 0 }
    expect(decodeHandshakeResponse(encodeSslRequest(request))).toEqual({ type: 'ssl-request', ...request })
  })

  test('may leave the last strings out', () => {
    const bytes = encodeHandshakeResponse({ ...response, database: '', authPlugin: '' })
    expect(decodeHandshakeResponse(bytes.subarray(0, -2))).toMatchObject({
      user: 'alice',
      database: '',
      authPlugin: '',
    })
  })

  test('of a client before 4.1 is refused', () => {
    expect(() => decodeHandshakeResponse(Buffer.from('0500000000616c69636500', 'hex'))).toThrow('older than 4.1')
  })

  test('with attributes that end inside a value, or beyond the message, is refused', () => {
    const withAttributes = { ...response, capabilities: capabilities(base, CAPABILITY.connectAttributes) }
    const bytes = encodeHandshakeResponse(withAttributes) // ends with the attributes' length, 0
    const attributes = (hex: string) => Buffer.concat([bytes.subarray(0, -1), Buffer.from(hex, 'hex')])
    expect(() => decodeHandshakeResponse(attributes('03016102'))).toThrow(WireError)
    expect(() => decodeHandshakeResponse(attributes('fd0000010161'))).toThrow('longer than the message')
    expect(() => decodeHandshakeResponse(attributes('0301610162'))).toThrow('end inside a value')
    expect(() => decodeHandshakeResponse(attributes(`fc0008${'00'.repeat(2048)}`))).toThrow('too many')
  })

  test('with a NUL inside a name cannot be written', () => {
    expect(() => encodeHandshakeResponse({ ...response, user: 'a\0b' })).toThrow(WireError)
  })
})

test('a change of user is read back as it was written', () => {
  const flags = capabilities(base, CAPABILITY.connectAttributes)
  const change = {
    type: 'change-user' as const,
    user: 'bob',
    authResponse: Buffer.alloc(20, 9),
    database: 'shop',
    characterSet: 255,
    authPlugin: 'mysql_native_password',
    attributes: [['a', 'b']] as const,
  }
  expect(decodeChangeUser(encodeChangeUser(change, flags), flags)).toEqual(change)
  const short = Buffer.from('626f6200' + '00' + '00', 'hex')
  expect(decodeChangeUser(short, flags)).toMatchObject({ user: 'bob', database: '', characterSet: undefined })
})

test('arbitrary bytes throw nothing but a WireError', () => {
  const flip = (valid: Buffer) =>
    fc.tuple(fc.nat(valid.length - 1), fc.nat(255), fc.nat(valid.length)).map(([at, byte, length]) => {
      const changed = Buffer.from(valid)
      changed[at] = byte
      return changed.subarray(0, length)
    })
  const full = encodeHandshakeResponse({
    ...response,
    capabilities: 0xffffffff,
    attributes: [['program_name', 'mysql']],
  })
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each)),
    flip(encodeGreeting(greeting)),
    flip(full),
  )
  fc.assert(
    fc.property(bytes, fc.nat(0xffffffff), (payload, flags) => {
      for (const decode of [
        () => decodeGreeting(payload),
        () => decodeHandshakeResponse(payload),
        () => decodeChangeUser(payload, flags),
      ]) {
        try {
          decode()
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }
    }),
    { numRuns: 2000 },
  )
})
