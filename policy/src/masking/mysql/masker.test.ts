import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Mask } from '../../mask.js'
import { type MysqlColumn, mysqlMasker } from './masker.js'
import { TYPE } from './redacted-values.js'

const options = { hashKey: Buffer.from('key') }

const MASKS: Mask[] = [
  { kind: 'redact' },
  { kind: 'partial', keepFirst: 1, keepLast: 0, keepDomain: true },
  { kind: 'partial', keepFirst: 0, keepLast: 4 },
  { kind: 'email' },
  { kind: 'hash' },
  { kind: 'fixed', value: 'hidden é😀' },
  { kind: 'fixed', value: '-12.50' },
  { kind: 'fixed', value: '200' },
  { kind: 'fixed', value: '2001-02-03' },
]

const UTF8MB4 = 255
const column = (type: number, parts: Partial<MysqlColumn> = {}): MysqlColumn => ({
  type,
  charset: 63,
  flags: 0,
  length: 20,
  decimals: 0,
  ...parts,
})

const matching = (pattern: RegExp) => (bytes: Buffer) => pattern.test(bytes.toString('latin1'))
const sized = (size: number) => (bytes: Buffer) => bytes.length === size
const range = (low: bigint, high: bigint) => (bytes: Buffer) =>
  /^-?\d+$/.test(bytes.toString()) && BigInt(bytes.toString()) >= low && BigInt(bytes.toString()) <= high
const isJson = (bytes: Buffer) => typeof JSON.parse(bytes.toString()) === 'string'
const isDate = (bytes: Buffer) =>
  bytes.length === 4 && bytes.readUInt16LE(0) >= 1000 && (bytes[2] as number) <= 12 && (bytes[3] as number) <= 31

type Valid = [column: MysqlColumn, text: (bytes: Buffer) => boolean, binary: (bytes: Buffer) => boolean]

/** What a client may read for each kind of column. */
const VALID: Record<string, Valid> = {
  tinyint: [column(TYPE.tiny), range(-128n, 127n), sized(1)],
  'tinyint unsigned': [column(TYPE.tiny, { flags: 0x20 }), range(0n, 255n), sized(1)],
  smallint: [column(TYPE.short), range(-32768n, 32767n), sized(2)],
  mediumint: [
    column(TYPE.int24),
    range(-(2n ** 23n), 2n ** 23n - 1n),
    (b) => b.length === 4 && b.readInt32LE() >= -(2 ** 23) && b.readInt32LE() < 2 ** 23,
  ],
  int: [column(TYPE.long), range(-(2n ** 31n), 2n ** 31n - 1n), sized(4)],
  bigint: [column(TYPE.longlong), range(-(2n ** 63n), 2n ** 63n - 1n), sized(8)],
  'bigint unsigned': [column(TYPE.longlong, { flags: 0x20 }), range(0n, 2n ** 64n - 1n), sized(8)],
  float: [column(TYPE.float), matching(/^-?\d+(\.\d+)?$/), sized(4)],
  double: [column(TYPE.double), matching(/^-?\d+(\.\d+)?$/), sized(8)],
  decimal: [column(TYPE.newDecimal, { decimals: 2 }), matching(/^-?\d+(\.\d+)?$/), matching(/^-?\d+(\.\d+)?$/)],
  date: [column(TYPE.date), matching(/^\d{4}-\d\d-\d\d$/), isDate],
  datetime: [column(TYPE.datetime, { decimals: 3 }), matching(/^\d{4}-\d\d-\d\d 00:00:00\.000$/), isDate],
  timestamp: [column(TYPE.timestamp), matching(/^\d{4}-\d\d-\d\d 00:00:00$/), isDate],
  time: [column(TYPE.time), matching(/^00:00:00$/), sized(0)],
  year: [column(TYPE.year), matching(/^1970$/), (b) => b.length === 2 && b.readUInt16LE() === 1970],
  bit: [column(TYPE.bit, { length: 12 }), sized(2), sized(2)],
  json: [column(TYPE.json), isJson, isJson],
  set: [column(TYPE.string, { flags: 0x800 }), sized(0), sized(0)],
  'binary(20)': [column(TYPE.string), sized(20), sized(20)],
  'varbinary(20)': [column(TYPE.varString), (b) => b.length <= 20, (b) => b.length <= 20],
}

describe('mysqlMasker', () => {
  it.each(Object.entries(VALID))('gives a valid %s in both formats, whatever came', (_, [definition, text, binary]) => {
    fc.assert(
      fc.property(
        fc.constantFrom(...MASKS),
        fc.constantFrom('text' as const, 'binary' as const),
        fc.uint8Array({ maxLength: 20 }),
        (mask, format, bytes) => {
          const masked = mysqlMasker(mask, definition, format, options)(Buffer.from(bytes), 0, bytes.length)
          expect(masked).not.toBeNull()
          expect((format === 'text' ? text : binary)(masked as Buffer)).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })

  it.each([
    ['utf8mb4', UTF8MB4, 4],
    ['utf8mb4 of MariaDB', 2304, 4],
    ['utf8mb3', 33, 3],
    ['latin1', 8, 1],
    ['ascii', 11, 1],
  ])('never makes a %s text longer than the column', (_, charset, most) => {
    fc.assert(
      fc.property(fc.constantFrom(...MASKS), fc.nat(12), fc.string({ unit: 'binary' }), (mask, characters, text) => {
        const definition = column(TYPE.varString, { charset, length: characters * most })
        const value =
          most === 1
            ? Buffer.from(text, 'latin1').subarray(0, characters)
            : Buffer.from([...text].slice(0, characters).join(''))
        const masked = mysqlMasker(mask, definition, 'text', options)(value, 0, value.length) as Buffer
        if (most === 1)
          return (
            masked.length <= characters && (charset !== 11 || mask.kind !== 'fixed' || masked.every((b) => b < 128))
          )
        return [...new TextDecoder('utf-8', { fatal: true }).decode(masked)].length <= characters
      }),
    )
  })

  it('never throws on bytes that are no text, and makes NULL of what it cannot write', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...MASKS),
        fc.nat(255),
        fc.nat(3000),
        fc.uint8Array(),
        (mask, type, charset, bytes) => {
          for (const format of ['text', 'binary'] as const)
            mysqlMasker(mask, column(type, { charset }), format, options)(Buffer.from(bytes), 0, bytes.length)
        },
      ),
    )
    const redact = (definition: MysqlColumn) =>
      mysqlMasker({ kind: 'redact' }, definition, 'text', options)(Buffer.from('x'), 0, 1)
    expect(redact(column(255))).toBeNull() // GEOMETRY
    expect(redact(column(TYPE.string, { flags: 0x100 }))).toBeNull() // ENUM
    expect(redact(column(TYPE.varString, { charset: 28 }))).toBeNull() // gbk
  })

  it('counts bytes in latin1 and characters in utf8mb4', () => {
    const last: Mask = { kind: 'partial', keepFirst: 0, keepLast: 2 }
    const mask = (charset: number, value: Buffer) =>
      mysqlMasker(last, column(TYPE.varString, { charset, length: 100 }), 'binary', options)(value, 0, value.length)
    expect(mask(8, Buffer.from('Grüßé', 'latin1'))?.toString('latin1')).toBe('***ßé')
    expect(mask(UTF8MB4, Buffer.from('Grüßé'))?.toString()).toBe('***ßé')
  })

  it('hashes an integer alike in text and in binary', () => {
    const hash = (format: 'text' | 'binary', source: Buffer) =>
      mysqlMasker({ kind: 'hash' }, column(TYPE.long), format, options)(source, 0, source.length) as Buffer
    const binary = Buffer.alloc(4)
    binary.writeInt32LE(-5)
    expect(hash('binary', binary).readInt32LE().toString()).toBe(hash('text', Buffer.from('-5')).toString())
  })
})
