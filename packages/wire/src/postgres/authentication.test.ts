import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WireError } from '../wire-error.js'
import {
  type AuthenticationRequest,
  decodeAuthenticationRequest,
  decodeBackendKeyData,
  decodeParameterStatus,
  decodePasswordMessage,
  decodeSaslInitialResponse,
  encodeAuthenticationRequest,
  encodeBackendKeyData,
  encodeParameterStatus,
  encodePasswordMessage,
  encodeSaslInitialResponse,
  encodeSaslResponse,
} from './authentication.js'

const buffer = (options: { minLength?: number; maxLength: number }) =>
  fc.uint8Array(options).map((bytes) => Buffer.from(bytes))

const requests: fc.Arbitrary<AuthenticationRequest> = fc.oneof(
  fc.constantFrom<AuthenticationRequest>(
    { type: 'ok' },
    { type: 'cleartext-password' },
    { type: 'unsupported', code: 7 },
  ),
  buffer({ minLength: 4, maxLength: 4 }).map((salt) => ({ type: 'md5-password' as const, salt })),
  buffer({ maxLength: 40 }).map((data) => ({ type: 'sasl-continue' as const, data })),
  buffer({ maxLength: 40 }).map((data) => ({ type: 'sasl-final' as const, data })),
  fc
    .array(fc.constantFrom('SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS', 'OAUTHBEARER'))
    .map((mechanisms) => ({ type: 'sasl' as const, mechanisms })),
)

describe('what is encoded decodes to itself:', () => {
  test('authentication requests', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const bytes = encodeAuthenticationRequest(request)
        expect(bytes.readUInt32BE(1)).toBe(bytes.length - 1)
        expect(decodeAuthenticationRequest(bytes, 5)).toEqual(request)
      }),
    )
  })

  test('SASL responses', () => {
    for (const data of [undefined, Buffer.alloc(0), Buffer.from('n,,n=,r=x')]) {
      const message = { type: 'sasl-initial-response' as const, mechanism: 'SCRAM-SHA-256', data }
      expect(decodeSaslInitialResponse(encodeSaslInitialResponse(message), 5)).toEqual(message)
    }
    expect(encodeSaslResponse(Buffer.from('c=biws')).toString('latin1')).toBe('p\0\0\0\x0ac=biws')
  })

  test('passwords, keys and parameters', () => {
    expect(decodePasswordMessage(encodePasswordMessage('gehe\u0131m'), 5)).toBe('gehe\u0131m')
    const key = { processId: 0xfffffffe, secret: Buffer.alloc(32, 9) }
    expect(decodeBackendKeyData(encodeBackendKeyData(key), 5)).toEqual(key)
    const status = { name: 'TimeZone', value: 'Europe/Vienna' }
    expect(decodeParameterStatus(encodeParameterStatus(status), 5)).toEqual(status)
  })
})

test('a NUL cannot be smuggled into a text', () => {
  expect(() => encodePasswordMessage('a\0b')).toThrow(WireError)
  expect(() => encodeParameterStatus({ name: 'a', value: 'b\0' })).toThrow(WireError)
})

test('a SASL response whose length is beyond its message is refused', () => {
  const bytes = Buffer.from('SCRAM-SHA-256\0\x7f\xff\xff\xffabc', 'latin1')
  expect(() => decodeSaslInitialResponse(bytes)).toThrow(WireError)
})

test.each([3, 257])('a cancel secret of %i bytes is refused', (length) => {
  expect(() => decodeBackendKeyData(Buffer.alloc(4 + length))).toThrow(WireError)
})

test('arbitrary bytes never make a decoder throw anything but a WireError', () => {
  const decoders = [
    decodeAuthenticationRequest,
    decodeBackendKeyData,
    decodeParameterStatus,
    decodePasswordMessage,
    decodeSaslInitialResponse,
  ]
  const coded = fc
    .tuple(fc.constantFrom(0, 3, 5, 10, 11, 12), buffer({ maxLength: 40 }))
    .map(([code, rest]) => Buffer.concat([Buffer.from([0, 0, 0, code]), rest]))
  fc.assert(
    fc.property(fc.oneof(coded, buffer({ maxLength: 60 })), (bytes) => {
      for (const decode of decoders) {
        try {
          decode(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }
    }),
    { numRuns: 500 },
  )
})
