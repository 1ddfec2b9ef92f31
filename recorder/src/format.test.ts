import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SessionEvent } from './events.js'
import { eventLine, genesis, hashLine, parseLine, serialiseEvent } from './format.js'

const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value))
const value = fc.oneof(fc.string({ unit: 'binary' }), fc.constant(null), fc.record({ bytes: fc.nat() }))
const statement = fc.record(
  {
    type: fc.constant('statement' as const),
    at: fc.nat(),
    statement: fc.nat(),
    text: fc.string({ unit: 'binary' }),
    parameters: fc.array(value),
    decision: fc.constantFrom('allow' as const, 'deny' as const),
    rule: fc.string(),
    reason: fc.string(),
  },
  { requiredKeys: ['type', 'at', 'statement', 'text', 'decision'] },
)
const finished = fc.record({
  type: fc.constant('finished' as const),
  at: fc.nat(),
  statement: fc.nat(),
  tag: fc.string(),
  rows: fc.nat(),
  bytes: fc.nat(),
  milliseconds: finite,
})

describe('the line of an event', () => {
  test('reads back as the event, with its number and both hashes', () => {
    fc.assert(
      fc.property(fc.oneof(statement, finished), fc.integer({ min: 1 }), (event, seq) => {
        const previous = genesis('a')
        const line = Buffer.from(eventLine(seq, previous, serialiseEvent(event as SessionEvent)))
        expect(line.includes(10)).toBe(false)
        const read = parseLine(line)
        expect(read).toEqual({ kind: 'event', stored: { seq, previous, hash: hashLine(line), event } })
      }),
    )
  })

  test('is what JSON.stringify would make', () => {
    fc.assert(
      fc.property(fc.oneof(statement, finished), (event) => {
        expect(`{${serialiseEvent(event as SessionEvent)}`).toBe(JSON.stringify(event))
      }),
    )
  })

  test('is broken, not an exception, for arbitrary bytes and for arbitrary JSON', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(parseLine(Buffer.from(bytes)).kind).toBe('broken')
      }),
    )
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(parseLine(Buffer.from(json)).kind).toBe('broken')
      }),
    )
  })
})
