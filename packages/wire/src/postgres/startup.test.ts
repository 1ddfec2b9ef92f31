import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WireError } from '../wire-error.js'
import {
  decodeNegotiateProtocolVersion,
  decodeStartupLength,
  decodeStartupPacket,
  encodeNegotiateProtocolVersion,
  encodeStartupPacket,
  MAXIMUM_STARTUP_BYTES,
  type StartupPacket,
} from './startup.js'

const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((s) => !s.includes('\0'))
const name = text.filter((s) => s !== '')
const packet: fc.Arbitrary<StartupPacket> = fc.oneof(
  fc.constantFrom<StartupPacket>({ type: 'ssl-request' }, { type: 'gss-encryption-request' }),
  fc.record({
    type: fc.constant('cancel-request' as const),
    processId: fc.nat(0xffffffff),
    secret: fc.uint8Array({ minLength: 4, maxLength: 256 }).map((bytes) => Buffer.from(bytes)),
  }),
  fc.record({
    type: fc.constant('startup' as const),
    version: fc.record({ major: fc.constant(3), minor: fc.nat(9999) }),
    parameters: fc.array(fc.tuple(name, text), { maxLength: 5 }),
  }),
)

test('a startup packet survives encoding and decoding', () => {
  fc.assert(
    fc.property(packet, (value) => {
      expect(decodeStartupPacket(encodeStartupPacket(value))).toEqual(value)
    }),
  )
})

test('a startup packet is laid out as the server expects it', () => {
  const bytes = encodeStartupPacket({
    type: 'startup',
    version: { major: 3, minor: 2 },
    parameters: [['user', 'ada']],
  })
  expect(bytes.toString('latin1')).toBe('\0\0\0\x12\0\x03\0\x02user\0ada\0\0')
})

describe('decoding refuses', () => {
  const cases: [string, Buffer][] = [
    ['a length that differs from the bytes', Buffer.from('0000000904d2162f', 'hex')],
    ['an SSLRequest with more in it', Buffer.from('0000000904d2162f00', 'hex')],
    ['a cancel key of 3 bytes', Buffer.from('0000000f04d2162e00000001aabbcc', 'hex')],
    ['a cancel key of 257 bytes', Buffer.concat([Buffer.from('0000010d04d2162e00000001', 'hex'), Buffer.alloc(257)])],
    ['a name without value', Buffer.concat([Buffer.from('0000000e00030000', 'hex'), Buffer.from('user\0\0')])],
    ['bytes after the end', Buffer.concat([Buffer.from('0000000b00030000', 'hex'), Buffer.from('\0ab')])],
    [
      'text that is not UTF-8',
      Buffer.concat([Buffer.from('0000000d00030000', 'hex'), Buffer.from('61ff00ff00', 'hex')]),
    ],
  ]
  test.each(cases)('%s', (_, bytes) => {
    expect(() => decodeStartupPacket(bytes)).toThrow(WireError)
  })

  test.each([0, 7, MAXIMUM_STARTUP_BYTES + 1, 0xffffffff])('a packet of %i bytes', (length) => {
    const header = Buffer.alloc(4)
    header.writeUInt32BE(length)
    expect(() => decodeStartupLength(header)).toThrow(WireError)
  })
})

test('a version other than 3 is told and its content left alone', () => {
  expect(decodeStartupPacket(Buffer.from('0000000a000200001234', 'hex'))).toEqual({
    type: 'startup',
    version: { major: 2, minor: 0 },
    parameters: [],
  })
})

test('NegotiateProtocolVersion survives encoding and decoding', () => {
  const message = {
    type: 'negotiate-protocol-version' as const,
    version: { major: 3, minor: 2 },
    unrecognized: ['_pq_.a', '_pq_.b'],
  }
  const bytes = encodeNegotiateProtocolVersion(message)
  expect(bytes.readUInt32BE(1)).toBe(bytes.length - 1)
  expect(decodeNegotiateProtocolVersion(bytes, 5)).toEqual(message)
})

test('arbitrary bytes never make a decoder throw anything but a WireError', () => {
  const startup = fc.uint8Array({ maxLength: 60 }).map((rest) => {
    const bytes = Buffer.from([0, 0, 0, rest.length + 8, 0, 3, 0, 0, ...rest])
    return bytes
  })
  const any = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes))
  fc.assert(
    fc.property(fc.oneof(startup, any), (bytes) => {
      for (const decode of [decodeStartupPacket, decodeStartupLength, decodeNegotiateProtocolVersion]) {
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
