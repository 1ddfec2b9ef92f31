import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ChainedLines } from './chained-lines.js'
import { genesis, parseLine, serialiseEvent } from './format.js'

const ID = '1hdw3k2c0-7q2m4x9z'

function bodyOf(text: string): string {
  return serialiseEvent({ type: 'statement', at: 1, statement: 1, text, decision: 'allow' })
}

/** What the taken bytes say, in order; fails where the chain does not hold. */
function textsOf(taken: readonly Buffer[]): string[] {
  let previous = genesis(ID)
  let seq = 1
  return Buffer.concat(taken)
    .toString()
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const parsed = parseLine(Buffer.from(line))
      if (parsed.kind !== 'event' || parsed.stored.event.type !== 'statement')
        throw new Error(`not a statement: ${line}`)
      expect(parsed.stored.previous).toBe(previous)
      expect(parsed.stored.seq).toBe(seq++)
      previous = parsed.stored.hash
      return parsed.stored.event.text
    })
}

it('chains every text, whenever the lines are taken, and never touches what was taken', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('ä'.repeat(3_000), '€'.repeat(5_000), 'x'.repeat(100_000)),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(text, fc.boolean()), { maxLength: 20 }), (steps) => {
      const lines = new ChainedLines(ID)
      const taken: Buffer[] = []
      for (const [each, take] of steps) {
        lines.add(bodyOf(each))
        if (take) taken.push(lines.take())
      }
      taken.push(lines.take())
      expect(lines.length).toBe(0)
      expect(textsOf(taken)).toEqual(steps.map(([each]) => each))
    }),
    { numRuns: 200 },
  )
})
