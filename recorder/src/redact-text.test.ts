import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { redactText } from './redact-text.js'

describe('redaction', () => {
  test('replaces byte ranges, counted in UTF-8', () => {
    const text = "ALTER ROLE müller PASSWORD 'geheim'; SELECT 1"
    const start = Buffer.from(text).indexOf("'geheim'")
    expect(redactText(text, [{ start, end: start + 8 }])).toBe('ALTER ROLE müller PASSWORD <redacted>; SELECT 1')
  })

  test('joins ranges that overlap or touch', () => {
    const ranges = [
      { start: 4, end: 6 },
      { start: 0, end: 3 },
      { start: 2, end: 4 },
    ]
    expect(redactText('abcdefgh', ranges)).toBe('<redacted>gh')
  })

  test('hides everything where a range makes no sense', () => {
    expect(redactText('secret', [{ start: 3, end: 99 }])).toBe('<redacted>')
    expect(redactText('secret', [{ start: 3, end: 1 }])).toBe('<redacted>')
    expect(redactText('secret', [{ start: Number.NaN, end: 1 }])).toBe('<redacted>')
  })

  test('leaves no byte of any range', () => {
    const range = fc.tuple(fc.nat(40), fc.nat(40)).map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }))
    fc.assert(
      fc.property(fc.array(range), (ranges) => {
        const bytes = Buffer.from(Array.from({ length: 41 }, (_, i) => 0x80 + i)) // two bytes each in UTF-8
        const text = redactText(
          bytes.toString('latin1'),
          ranges.map(({ start, end }) => ({ start: 2 * start, end: 2 * end })),
        )
        bytes.forEach((byte, i) => {
          const hidden = ranges.some(({ start, end }) => start <= i && i < end)
          expect(text.includes(String.fromCharCode(byte))).toBe(!hidden)
        })
      }),
    )
  })
})
