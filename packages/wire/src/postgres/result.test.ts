import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WireError } from '../wire-error.js'
import {
  decodeCommandTag,
  decodeParameterTypes,
  decodeReadyForQuery,
  decodeRowDescription,
  rowsInTag,
  TransactionStatus,
} from './result.js'

const DESCRIPTION = Buffer.concat([
  Buffer.from([0, 2]),
  Buffer.from('id\0'),
  Buffer.from([0, 0, 0x40, 0x01]), // table OID
  Buffer.from([0, 3]), // attribute
  Buffer.from([0, 0, 0, 23]), // type OID
  Buffer.from([0, 4]), // type size
  Buffer.from([255, 255, 255, 255]), // type modifier
  Buffer.from([0, 1]), // binary
  Buffer.from('?column?\0'),
  Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 255, 255, 255, 255, 255, 255, 0, 0]),
])

test('a RowDescription is decoded to its columns', () => {
  expect(decodeRowDescription(DESCRIPTION, 0, DESCRIPTION.length)).toEqual([
    { name: 'id', table: 0x4001, attribute: 3, type: 23, format: 1 },
    { name: '?column?', table: 0, attribute: 0, type: 25, format: 0 },
  ])
})

test('a RowDescription is refused wherever it is cut short or goes on', () => {
  for (let end = 0; end < DESCRIPTION.length; end++)
    expect(() => decodeRowDescription(DESCRIPTION, 0, end)).toThrow(WireError)
  const longer = Buffer.concat([DESCRIPTION, Buffer.alloc(1)])
  expect(() => decodeRowDescription(longer, 0, longer.length)).toThrow(WireError)
})

test.each([
  ['INSERT 0 12', 12],
  ['SELECT 100000', 100000],
  ['UPDATE 0', 0],
  ['COPY 5', 5],
  ['BEGIN', 0],
  ['CREATE TABLE', 0],
  ['', 0],
  ['7', 0],
])('the tag `%s` counts %d rows', (tag, rows) => {
  expect(rowsInTag(tag)).toBe(rows)
})

test('a transaction status that does not exist is refused', () => {
  expect(decodeReadyForQuery(Buffer.from('T'), 0, 1)).toBe(TransactionStatus.open)
  expect(() => decodeReadyForQuery(Buffer.from('X'), 0, 1)).toThrow(WireError)
  expect(() => decodeReadyForQuery(Buffer.from('II'), 0, 2)).toThrow(WireError)
})

test('arbitrary bytes never make a decoder throw anything but a WireError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (content) => {
      const bytes = Buffer.from(content)
      for (const decode of [decodeRowDescription, decodeCommandTag, decodeReadyForQuery, decodeParameterTypes]) {
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
