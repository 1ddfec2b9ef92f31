import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SessionEvent } from './events.js'
import { genesis } from './format.js'
import { replay } from './replay.js'
import { displayWidth, escapeControls, wrap } from './terminal-text.js'
import { started } from './testing/sample-session.js'

async function show(events: SessionEvent[], columns = 80): Promise<string> {
  async function* stored() {
    for (const [i, event] of events.entries()) yield { seq: i + 1, previous: genesis('s'), hash: genesis('s'), event }
  }
  let shown = ''
  await replay(stored(), { speed: 'instant', columns }, (text) => {
    shown += text
  })
  return shown
}

const at = started.at

describe('a replay', () => {
  test('shows who, what, the decision, the rows and the outcome', async () => {
    const shown = await show([
      started,
      {
        type: 'statement',
        at: at + 1204,
        statement: 1,
        text: 'SELECT id, email, note\n  FROM users WHERE id < $1',
        parameters: ['3'],
        decision: 'allow',
        rule: 'reading',
      },
      {
        type: 'result',
        at: at + 1206,
        statement: 1,
        columns: [
          { name: 'id', type: 'int4' },
          { name: 'email', type: 'text', masked: true },
          { name: 'note', type: 'text' },
        ],
        rows: [
          ['1', 'a***@example.com', null],
          ['10', 'b***@example.com', 'naïve 日本'],
        ],
      },
      { type: 'finished', at: at + 1207, statement: 1, tag: 'SELECT 2', rows: 2, bytes: 99, milliseconds: 1.5 },
      {
        type: 'statement',
        at: at + 61_000,
        statement: 2,
        text: 'DROP DATABASE shop',
        decision: 'deny',
        rule: 'nobody destroys',
        reason: 'drop database is denied',
      },
      { type: 'error', at: at + 62_000, code: '57P01', message: 'terminating connection' },
      { type: 'session-ended', at: at + 63_000, reason: 'client left', statements: 2, denied: 1 },
    ])
    expect(shown).toBe(`ana (analysts) on shop
2023-11-14 22:13:20 UTC, postgres, from 10.0.0.7, psql, by scram-sha-256

0:01.204  shop=> SELECT id, email, note
          shop->   FROM users WHERE id < $1
          $1 = 3
          id │ email (masked)   │ note
          ───┼──────────────────┼───────────
           1 │ a***@example.com │ NULL
          10 │ b***@example.com │ naïve 日本
          SELECT 2  2 rows, 1.50 ms

1:01.000  shop=> DROP DATABASE shop
          DENIED, rule \`nobody destroys\`: drop database is denied
          ERROR 57P01: terminating connection

1:03.000  ended: client left (2 statements, 1 denied)
`)
  })

  test('says which statement an outcome in a pipeline belongs to', async () => {
    const statement = { type: 'statement', at, text: 'SELECT 1', decision: 'allow' } as const
    const finished = { type: 'finished', at, tag: 'SELECT 1', rows: 1, bytes: 1, milliseconds: 0 } as const
    const shown = await show([
      started,
      { ...statement, statement: 1 },
      { ...statement, statement: 2 },
      { ...finished, statement: 1 },
    ])
    expect(shown).toContain('to statement 1:')
  })

  test('writes no control character, whatever was recorded, and stays within its columns', async () => {
    const text = fc.string({ unit: 'binary' })
    await fc.assert(
      fc.asyncProperty(text, text, fc.array(text, { maxLength: 12 }), async (sql, other, cells) => {
        const shown = await show([
          { ...started, user: other, application: other },
          {
            type: 'statement',
            at,
            statement: 1,
            text: sql,
            parameters: cells,
            decision: 'deny',
            rule: other,
            reason: sql,
          },
          { type: 'result', at, statement: 1, columns: cells.map((name) => ({ name, type: 'text' })), rows: [cells] },
          { type: 'error', at, statement: 1, code: other, message: sql },
        ])
        expect(shown).not.toMatch(/[^\n\P{Cc}]|[\p{Cf}\p{Cs}]/u)
        for (const line of shown.split('\n').slice(3)) expect(displayWidth(line)).toBeLessThanOrEqual(81)
      }),
    )
  })

  test('cuts long values, and says how many rows and columns it leaves out', async () => {
    const columns = Array.from({ length: 20 }, (_, i) => ({ name: `c${i}`, type: 'text' }))
    const rows = Array.from({ length: 50 }, () => columns.map(() => 'x'.repeat(100)))
    const shown = await show([started, { type: 'result', at, statement: 1, columns, rows }])
    expect(shown).toContain('… 10 more rows on record')
    expect(shown).toMatch(/… \d+ more columns on record/)
    for (const line of shown.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(80)
  })

  test('never loses a character of a statement', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 2, max: 40 }), (text, columns) => {
        expect(wrap(text, columns).join('')).toBe(text)
      }),
    )
  })
})

test('escapes what would steer a terminal', () => {
  expect(escapeControls('a\x1b[2J\u202eb\x9b\ud800\n')).toBe('a\\x1b[2J\\u{202e}b\\x9b\\u{d800}\\n')
})
