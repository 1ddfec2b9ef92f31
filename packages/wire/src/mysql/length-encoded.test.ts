import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteReader } from '../byte-reader.js'
import { WireError } from '../wire-error.js'
import {
  encodeLengthEncodedInteger,
  encodeLengthEncodedString,
  lengthEncodedIntegerSize,
  readLengthEncodedInteger,
  readLengthEncodedString,
} from './length-encoded.js'

test('an integer takes the shortest form that holds it', () => {
  const forms: [number, string][] = [
    [0, '00'],
    [0xfa, 'fa'],
    [0xfb, 'fcfb00'],
    [0xffff, 'fcffff'],
    [0x10000, 'fd000001'],
    [0xffffff, 'fdffffff'],
    [0x1000000, 'fe0000000100000000'],
    [Number.MAX_SAFE_INTEGER, 'feffffffffffff1f00'],
  ]
  for (const [value, hex] of forms) {
    expect(encodeLengthEncodedInteger(value).toString('hex')).toBe(hex)
    expect(lengthEncodedIntegerSize(value)).toBe(hex.length / 2)
  }
})

test('what was written is read back, whatever the integer', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) => {
      const reader = new ByteReader(encodeLengthEncodedInteger(value))
      expect(readLengthEncodedInteger(reader)).toBe(value)
      expect(reader.remaining).toBe(0)
    }),
  )
})

test('what was written is read back, whatever the string', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70_000 }), (bytes) => {
      expect(readLengthEncodedString(new ByteReader(encodeLengthEncodedString(Buffer.from(bytes))))).toEqual(
        Buffer.from(bytes),
      )
    }),
    { numRuns: 30 },
  )
})

test('null, 0xff and integers beyond 2^53 are refused', () => {
  for (const hex of ['fb', 'ff', 'feffffffffffffffff', 'fe00000000000020ff']) {
    expect(() => readLengthEncodedInteger(new ByteReader(Buffer.from(hex, 'hex')))).toThrow(WireError)
  }
})

test('a length beyond the end of the message is refused before anything is allocated', () => {
  expect(() => readLengthEncodedString(new ByteReader(Buffer.from('feffffffffffff1f00', 'hex')))).toThrow(WireError)
})

test('arbitrary bytes throw nothing but a WireError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
      try {
        readLengthEncodedString(new ByteReader(Buffer.from(bytes)))
      } catch (error) {
        expect(error).toBeInstanceOf(WireError)
      }
    }),
  )
})
