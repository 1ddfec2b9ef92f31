import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Mask } from '../../mask.js'
import { postgresMasker } from './masker.js'
import { OID } from './redacted-values.js'

const options = { hashKey: Buffer.from('key') }

const MASKS: Mask[] = [
  { kind: 'redact' },
  { kind: 'partial', keepFirst: 1, keepLast: 0, keepDomain: true },
  { kind: 'partial', keepFirst: 2, keepLast: 3 },
  { kind: 'email' },
  { kind: 'hash' },
  { kind: 'fixed', value: 'hidden <b> "q" \\ é😀' },
  { kind: 'fixed', value: '-12.50' },
  { kind: 'fixed', value: '7' },
  { kind: 'fixed', value: '2001-02-03' },
]

const ISO_DATE = String.raw`\d{4}-\d{2}-\d{2}`
const TIME = String.raw`\d{2}:\d{2}:\d{2}`
const matching = (pattern: string) => (bytes: Buffer) => new RegExp(`^(?:${pattern})$`, 'u').test(utf8(bytes))
const sized = (size: number) => (bytes: Buffer) => bytes.length === size
const within = (low: bigint, high: bigint) => (bytes: Buffer) =>
  /^-?\d+$/.test(utf8(bytes)) && BigInt(utf8(bytes)) >= low && BigInt(utf8(bytes)) <= high

/** Throws where the bytes are not UTF-8. */
function utf8(bytes: Buffer): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
}

function isJson(bytes: Buffer): boolean {
  JSON.parse(utf8(bytes))
  return true
}

/** numeric_recv's checks. */
function isNumeric(bytes: Buffer): boolean {
  const digits = bytes.readInt16BE(0)
  const sign = bytes.readUInt16BE(4)
  if (bytes.length !== 8 + digits * 2 || (sign !== 0 && sign !== 0x4000) || bytes.readInt16BE(6) < 0) return false
  for (let i = 0; i < digits; i++)
    if (bytes.readInt16BE(8 + i * 2) < 0 || bytes.readInt16BE(8 + i * 2) > 9999) return false
  return true
}

/** For each type: is this a value in text, and in binary? */
const VALID: Record<number, [text: (bytes: Buffer) => boolean, binary: (bytes: Buffer) => boolean]> = {
  [OID.bool]: [matching('t|f'), (b) => b.length === 1 && (b[0] as number) < 2],
  [OID.int2]: [within(-(2n ** 15n), 2n ** 15n - 1n), sized(2)],
  [OID.int4]: [within(-(2n ** 31n), 2n ** 31n - 1n), sized(4)],
  [OID.int8]: [within(-(2n ** 63n), 2n ** 63n - 1n), sized(8)],
  [OID.oid]: [within(0n, 2n ** 32n - 1n), sized(4)],
  [OID.float4]: [matching(String.raw`-?\d+(\.\d+)?`), sized(4)],
  [OID.float8]: [matching(String.raw`-?\d+(\.\d+)?`), sized(8)],
  [OID.numeric]: [matching(String.raw`-?\d+(\.\d+)?`), isNumeric],
  [OID.money]: [matching(String.raw`-?\$\d+\.\d\d`), sized(8)],
  [OID.date]: [matching(ISO_DATE), sized(4)],
  [OID.timestamp]: [matching(`${ISO_DATE} ${TIME}`), sized(8)],
  [OID.timestamptz]: [matching(`${ISO_DATE} ${TIME}[+]00`), sized(8)],
  [OID.time]: [matching(TIME), sized(8)],
  [OID.timetz]: [matching(`${TIME}[+]00`), sized(12)],
  [OID.interval]: [matching(TIME), sized(16)],
  [OID.uuid]: [matching('[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'), sized(16)],
  [OID.bytea]: [matching(String.raw`\\x([0-9a-f]{2})*`), () => true],
  [OID.json]: [isJson, isJson],
  [OID.jsonb]: [isJson, (b) => b[0] === 1 && isJson(b.subarray(1))],
  [OID.inet]: [matching('0.0.0.0'), (b) => b.length === 8 && b[0] === 2 && b[3] === 4],
  [OID.cidr]: [matching('0.0.0.0/32'), (b) => b.length === 8 && b[0] === 2 && b[2] === 1 && b[3] === 4],
  [OID.macaddr]: [matching('00(:00){5}'), sized(6)],
  [OID.macaddr8]: [matching('00(:00){7}'), sized(8)],
  [OID.pgLsn]: [matching('0/0'), sized(8)],
  [OID.varbit]: [matching('[01]*'), (b) => b.length === 4 + Math.ceil(b.readInt32BE(0) / 8)],
  [OID.xml]: [matching('[^<&]*'), matching('[^<&]*')],
}

describe('postgresMasker', () => {
  it.each(Object.entries(VALID))('gives a valid value of type %s in both formats, whatever came', (oid, valid) => {
    fc.assert(
      fc.property(
        fc.constantFrom(...MASKS),
        fc.constantFrom(0 as const, 1 as const),
        fc.uint8Array({ maxLength: 40 }),
        fc.nat(5),
        (mask, format, bytes, offset) => {
          const source = Buffer.concat([Buffer.alloc(offset, 0xff), bytes, Buffer.alloc(3, 0xff)])
          const masked = postgresMasker(mask, Number(oid), format, options)(source, offset, offset + bytes.length)
          return masked !== null && valid[format](masked)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('keeps text UTF-8 and no longer than it was, except for fixed values, hashes and redaction', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...MASKS.slice(1, 4)),
        fc.constantFrom(OID.text, OID.varchar, OID.bpchar, OID.name),
        fc.string({ unit: 'binary', maxLength: 30 }),
        (mask, oid, text) => {
          const source = Buffer.from(text)
          const masked = postgresMasker(mask, oid, 0, options)(source, 0, source.length) as Buffer
          return [...utf8(masked)].length <= [...utf8(source)].length
        },
      ),
    )
  })

  it('never throws on bytes that are no text', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...MASKS),
        fc.constantFrom(OID.text, OID.bpchar, OID.char, OID.bit, OID.name, 1007, 99_999),
        fc.constantFrom(0 as const, 1 as const),
        fc.uint8Array({ maxLength: 40 }),
        (mask, oid, format, bytes) => {
          postgresMasker(mask, oid, format, options)(Buffer.from(bytes), 0, bytes.length)
        },
      ),
    )
  })

  it('keeps the number of characters of char(n), for every mask', () => {
    fc.assert(
      fc.property(fc.constantFrom(...MASKS), fc.string({ unit: 'grapheme', maxLength: 12 }), (mask, text) => {
        const source = Buffer.from(text)
        const masked = postgresMasker(mask, OID.bpchar, 0, options)(source, 0, source.length) as Buffer
        return [...utf8(masked)].length === [...text].length
      }),
    )
  })

  it('keeps the number of bits of bit(n)', () => {
    const redact = (format: 0 | 1, source: Buffer) =>
      postgresMasker({ kind: 'redact' }, OID.bit, format, options)(source, 0, source.length)
    expect(redact(0, Buffer.from('10110'))?.toString()).toBe('00000')
    expect(redact(1, Buffer.of(0, 0, 0, 5, 0b10110000))).toEqual(Buffer.of(0, 0, 0, 5, 0))
    expect(redact(1, Buffer.of(0, 0, 0, 50, 1))).toBeNull()
  })

  it.each([
    ['partial', 'ada.lovelace@example.com', 'a***@example.com'],
    ['partial', 'ab@example.com', 'a*@example.com'],
    ['partial', 'a@example.com', '*@example.com'],
    ['partial', 'Österreich', 'Ö***'],
    ['partial', '😀😀😀', '😀**'],
    ['partial', 'x', '*'],
    ['partial', '', ''],
    ['partial', 'p@ssw0rd', 'p***'],
    ['partial', 'two words@example.com', 't***'],
    ['partial', 'a@b@example.com', 'a***'],
    ['email', 'ada@example.com', 'a**@example.com'],
    ['email', 'not an address', '***'],
    ['last', '4111 1111 1111 1234', '***1234'],
    ['last', '12345', '***'],
    ['last', 'héllo wörld', '***örld'],
  ])('%s: `%s` becomes `%s`', (name, value, expected) => {
    const masks: Record<string, Mask> = {
      partial: { kind: 'partial', keepFirst: 1, keepLast: 0, keepDomain: true },
      email: { kind: 'email' },
      last: { kind: 'partial', keepFirst: 0, keepLast: 4 },
    }
    const source = Buffer.from(`<<${value}>>`)
    const masked = postgresMasker(masks[name] as Mask, OID.text, 0, options)(source, 2, source.length - 2)
    expect(masked?.toString()).toBe(expected)
  })

  it('keeps both ends of a long text', () => {
    const source = Buffer.from(`é${'x'.repeat(500)}wörld`)
    const mask: Mask = { kind: 'partial', keepFirst: 2, keepLast: 64 }
    const masked = postgresMasker(mask, OID.text, 1, options)(source, 0, source.length)
    expect(masked?.toString()).toBe(`éx***${'x'.repeat(59)}wörld`)
  })

  it('hashes a value alike in text and in binary, and otherwise under another key', () => {
    const hash = (oid: number, format: 0 | 1, source: Buffer, hashKey = options.hashKey) =>
      postgresMasker({ kind: 'hash' }, oid, format, { hashKey })(source, 0, source.length) as Buffer
    const binary = Buffer.alloc(4)
    binary.writeInt32BE(-77)
    expect(hash(OID.int4, 1, binary).readInt32BE().toString()).toBe(hash(OID.int4, 0, Buffer.from('-77')).toString())
    const uuid = '0123abcd-0123-4567-89ab-0123456789ab'
    const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex')
    expect(hash(OID.uuid, 0, Buffer.from(uuid)).toString().replaceAll('-', '')).toBe(
      hash(OID.uuid, 1, bytes).toString('hex'),
    )
    expect(hash(OID.text, 0, Buffer.from('x'))).not.toEqual(hash(OID.text, 0, Buffer.from('x'), Buffer.from('other')))
  })

  it('makes NULL of types that have no harmless value, and of everything with `null`', () => {
    for (const oid of [1007, 3904, 600, 2249, 123_456])
      expect(postgresMasker({ kind: 'redact' }, oid, 0, options)(Buffer.from('x'), 0, 1)).toBeNull()
    expect(postgresMasker({ kind: 'null' }, OID.text, 0, options)(Buffer.from('x'), 0, 1)).toBeNull()
  })

  it('hands out one buffer where the value does not matter', () => {
    const masker = postgresMasker({ kind: 'redact' }, OID.text, 0, options)
    expect(masker(Buffer.from('a'), 0, 1)).toBe(masker(Buffer.from('bcd'), 0, 3))
  })
})
