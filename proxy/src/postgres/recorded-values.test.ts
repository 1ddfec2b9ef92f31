import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { recordedRow } from './recorded-values.js'
import { dataRow } from './scripted-session.js'
import { binaryText, typeName } from './type-text.js'

// Each value as `select (...)::type` gives it in binary format on a real server, in hex, beside its text.
const VALUES: [type: number, hex: string, text: string][] = [
  [16, '01', 't'],
  [16, '00', 'f'],
  [17, 'deadbeef', '\\xdeadbeef'],
  [20, 'fffffffffffffffe', '-2'],
  [21, '8000', '-32768'],
  [23, '000000ff', '255'],
  [25, 'c3a9', 'é'],
  [26, 'ffffffff', '4294967295'],
  [700, '3dcccccd', '0.1'],
  [701, '3ff8000000000000', '1.5'],
  [1082, '00000000', '2000-01-01'],
  [1082, 'ffffffff', '1999-12-31'],
  [1082, '7fffffff', 'infinity'],
  [1083, '0000000000000001', '00:00:00.000001'],
  [1083, '0000001411eb9e00', '23:56:40'],
  [1114, '0000000000000000', '2000-01-01 00:00:00'],
  [1114, 'ffffffffffffffff', '1999-12-31 23:59:59.999999'],
  [1184, '00000000000f4240', '2000-01-01 00:00:01+00'],
  [1184, '8000000000000000', '-infinity'],
  [2950, '00112233445566778899aabbccddeeff', '00112233-4455-6677-8899-aabbccddeeff'],
  [3802, '017b7d', '{}'],
]

describe('binary values', () => {
  test.each(VALUES)('type %d, %s reads `%s`', (type, hex, text) => {
    const bytes = Buffer.from(hex, 'hex')
    expect(binaryText(bytes, 0, bytes.length, type)).toBe(text)
  })

  test('a value of a wrong length or unknown type has no text', () => {
    expect(binaryText(Buffer.alloc(3), 0, 3, 23)).toBeUndefined()
    expect(binaryText(Buffer.alloc(4), 0, 4, 99999)).toBeUndefined()
  })

  test('any bytes of any known type read as something or nothing', () => {
    fc.assert(
      fc.property(fc.constantFrom(...VALUES.map(([type]) => type)), fc.uint8Array({ maxLength: 20 }), (type, bytes) => {
        expect(['string', 'undefined']).toContain(typeof binaryText(Buffer.from(bytes), 0, bytes.length, type))
      }),
    )
  })

  test('types have the names of the manual, or their number', () => {
    expect(typeName(1184)).toBe('timestamp with time zone')
    expect(typeName(70000)).toBe('oid 70000')
  })
})

test('a row is recorded by the formats that were asked for', () => {
  const row = dataRow(Buffer.from([0, 0, 0, 7]), 'x', null)
  const columns = [23, 25, 25].map((type) => ({ name: 'c', table: 0, attribute: 0, type, format: 0 as const }))
  expect(recordedRow(row, 0, row.length, columns, [1])).toEqual(['7', 'x', null])
  expect(recordedRow(row, 0, row.length, undefined, [1, 0, 0])).toEqual([{ bytes: 4 }, 'x', null])
})

test('any bytes for a row are read as far as they go', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(Array.isArray(recordedRow(Buffer.from(bytes), 0, bytes.length, undefined, undefined))).toBe(true)
    }),
  )
})
