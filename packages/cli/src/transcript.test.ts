import { expect, test } from 'vitest'
import { createTranscript } from './transcript.js'

const started = {
  type: 'session-started',
  version: 1,
  at: Date.UTC(2026, 10, 20, 11, 30),
  user: 'alice',
  groups: ['analysts'],
  method: 'scram-sha-256',
  address: '10.0.0.7',
  database: 'shop',
  dialect: 'postgres',
  application: 'psql',
} as const

test('a session reads as it went: who, what, decision, rows', () => {
  const render = createTranscript()
  const at = started.at + 1234
  const text = [
    render(started),
    render({
      type: 'statement',
      at,
      statement: 1,
      text: 'select id, email from users where id = $1\n',
      parameters: ['7'],
      decision: 'allow',
    }),
    render({
      type: 'result',
      at,
      statement: 1,
      columns: [
        { name: 'id', type: 'int4' },
        { name: 'email', type: 'text', masked: true },
      ],
      rows: [
        ['7', 'a***@example.com'],
        ['8', null],
        [{ bytes: 3 }, 'x'.repeat(70)],
      ],
    }),
    render({ type: 'finished', at, statement: 1, tag: 'SELECT 3', rows: 3, bytes: 99, milliseconds: 1.234 }),
    render({
      type: 'statement',
      at,
      statement: 2,
      text: 'drop database shop',
      decision: 'deny',
      rule: 'nobody destroys',
      reason: 'no',
    }),
    render({ type: 'error', at, code: '57014', message: 'canceled' }),
    render({ type: 'session-ended', at, reason: 'client left', statements: 2, denied: 1 }),
  ].join('')
  expect(
    text.replace(/^.{19}/, ''),
  ).toBe(`  alice (analysts) on shop (postgres) from 10.0.0.7 by scram-sha-256, with psql

+1.234s  alice@shop> select id, email from users where id = $1
   $1 = 7
    id        | email (masked)
   -----------+--------------------------------------------------------------
    7         | a***@example.com
    8         |
    <3 bytes> | ${'x'.repeat(59)}…
   SELECT 3, 1.2 ms

+1.234s  alice@shop> drop database shop
   refused by rule \`nobody destroys\`: no
   error 57014: canceled

+1.234s  end: client left (statements: 2, 1 of them refused)
`)
})

test('nothing recorded is obeyed by the terminal', () => {
  const render = createTranscript()
  const evil = '\u001b]0;owned\u0007\u009b2J\r\u202e'
  const texts = [
    render({ ...started, user: evil, application: evil }),
    render({
      type: 'statement',
      at: 1,
      statement: 1,
      text: evil,
      parameters: [evil],
      decision: 'deny',
      rule: evil,
      reason: evil,
    }),
    render({ type: 'result', at: 1, statement: 1, columns: [{ name: evil, type: 'text' }], rows: [[`${evil}\n`]] }),
    render({ type: 'finished', at: 1, statement: 1, tag: evil, rows: 0, bytes: 0, milliseconds: 1 }),
    render({ type: 'error', at: 1, code: evil, message: evil }),
    render({ type: 'session-ended', at: 1, reason: evil, statements: 0, denied: 0 }),
  ]
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  for (const text of texts) expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
  expect(texts[1]).toContain('\\x1b]0;owned')
})
