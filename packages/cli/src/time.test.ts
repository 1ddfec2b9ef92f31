import { expect, test } from 'vitest'
import { formatDuration, parseSince } from './time.js'

const now = Date.parse('2026-11-20T12:00:00Z')

test.each([
  ['2h', '2026-11-20T10:00:00Z'],
  ['1w', '2026-11-13T12:00:00Z'],
  ['2026-11-20T11:30:00Z', '2026-11-20T11:30:00Z'],
  ['2026-11-20', '2026-11-20T00:00:00Z'],
  ['2026-11-20 11:30', '2026-11-20T11:30:00Z'],
  ['2026-11-20 11:30:15+01:00', '2026-11-20T10:30:15Z'],
])('%s is a time', (text, at) => expect(parseSince(text, now)).toBe(Date.parse(at)))

test.each(['', 'yesterday', '2 h', '-2h', '2026', '2026-13-01', '11:30'])('%j is none', (text) =>
  expect(() => parseSince(text)).toThrow('is not a time'),
)

test.each([
  [1.234, '1.2 ms'],
  [250.4, '250 ms'],
  [3400, '3.4 s'],
  [300_000, '5 min'],
  [9_000_000, '2.5 h'],
])('%d ms is %s', (milliseconds, text) => expect(formatDuration(milliseconds)).toBe(text))
