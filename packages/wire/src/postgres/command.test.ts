import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WireError } from '../wire-error.js'
import {
  decodeBind,
  decodeExecute,
  decodeParse,
  decodeQuery,
  decodeTarget,
  encodeDescribe,
  nameKey,
  Target,
} from './command.js'

const BIND = Buffer.concat([
  Buffer.from('portal\0'),
  Buffer.from('statement\0'),
  Buffer.from([0, 1, 0, 1]), // one format code: binary for all
  Buffer.from([0, 3]), // three values
  Buffer.from([0, 0, 0, 2, 65, 66]),
  Buffer.from([255, 255, 255, 255]), // NULL
  Buffer.from([0, 0, 0, 0]), // empty
  Buffer.from([0, 2, 0, 0, 0, 1]), // result formats: text, binary
])

test('a Bind is decoded to names, formats and places of values', () => {
  expect(decodeBind(BIND, 0, BIND.length)).toEqual({
    portal: 'portal',
    statement: 'statement',
    parameterFormats: [1],
    valueStarts: [27, -1, 37],
    valueLengths: [2, -1, 0],
    resultFormats: [0, 1],
  })
  expect(BIND.toString('latin1', 27, 29)).toBe('AB')
})

test('a Bind is refused wherever it is cut short or goes on', () => {
  for (let end = 0; end < BIND.length; end++) expect(() => decodeBind(BIND, 0, end)).toThrow(WireError)
  const longer = Buffer.concat([BIND, Buffer.alloc(1)])
  expect(() => decodeBind(longer, 0, longer.length)).toThrow(WireError)
})

test('a Bind with a length below -1 or an unknown format is refused', () => {
  const negative = Buffer.from('\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0', 'latin1')
  expect(() => decodeBind(negative, 0, negative.length)).toThrow('parameter with a negative length')
  const format = Buffer.from('\0\0\0\x01\0\x02\0\0\0\0', 'latin1')
  expect(() => decodeBind(format, 0, format.length)).toThrow('unknown format code 2')
})

test('a Parse is decoded to name, text and types', () => {
  const bytes = Buffer.from('p\0select $1\0\0\x01\0\0\0\x17', 'latin1')
  expect(decodeParse(bytes, 0, bytes.length)).toEqual({
    name: 'p',
    text: Buffer.from('select $1'),
    parameterTypes: [23],
  })
})

test('a query is exactly one string', () => {
  expect(decodeQuery(Buffer.from('a\0'), 0, 2)).toEqual(Buffer.from('a'))
  for (const text of ['', 'a', 'a\0b\0', 'a\0b']) {
    expect(() => decodeQuery(Buffer.from(text), 0, text.length)).toThrow(WireError)
  }
})

test('a Describe survives encoding and decoding', () => {
  const bytes = encodeDescribe(Target.portal, 'c')
  expect(bytes.readInt32BE(1)).toBe(bytes.length - 1)
  expect(decodeTarget(bytes, 5, bytes.length)).toEqual({ target: Target.portal, name: 'c' })
})

test('names are told apart by 63 bytes, as the server does', () => {
  expect(nameKey('é'.repeat(40))).toBe(Buffer.from('é'.repeat(40)).toString('latin1').slice(0, 63))
  const long = Buffer.from(`${'x'.repeat(70)}\0\0\0\0\0`)
  expect(decodeExecute(long, 0, long.length)).toBe('x'.repeat(63))
})

test('arbitrary bytes never make a decoder throw anything but a WireError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (content) => {
      const bytes = Buffer.from(content)
      for (const decode of [decodeBind, decodeExecute, decodeParse, decodeQuery, decodeTarget]) {
        try {
          decode(bytes, 0, bytes.length)
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }
    }),
    { numRuns: 2000 },
  )
})
