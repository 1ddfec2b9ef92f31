import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { createAnalyser } from './analyser.js'
import { collapsible, without } from './collapse.js'
import type { Analysis, LexicalMode, MysqlMode } from './facts.js'
import { MysqlScanner } from './mysql/scanner.js'
import { type Fields, PostgresGrammar } from './postgres/grammar.js'
import { PostgresScanner } from './postgres/scanner.js'
import { unwrap } from './postgres/tree.js'
import { walkStatement } from './postgres/walk.js'

const POSTGRES: LexicalMode = { dialect: 'postgres' }
const MYSQL: MysqlMode = {
  dialect: 'mysql',
  flavour: 'mysql',
  version: 90700,
  sqlMode: new Set(),
  multiStatements: true,
}
const LONG = 'x'.repeat(40)

function left(
  sql: string,
  dialect: 'postgres' | 'mysql',
  mode = { ansiQuotes: false, noBackslashEscapes: false },
): string {
  const text = Buffer.from(sql)
  const scanner = dialect === 'postgres' ? new PostgresScanner(text) : new MysqlScanner(text.toString('latin1'), mode)
  const ranges = collapsible(scanner)
  return ranges ? without(text, ranges).toString() : 'cannot tell'
}

describe.each(['postgres', 'mysql'] as const)('what is left of a large text of %s', (dialect) => {
  it.each([
    ['insert into t values (1),(2),(3)', 'insert into t values (1)'],
    ["insert into t (a, b) values (1, 'a') , (-2.5, null)\n,(default, true)", "insert into t (a, b) values (1, 'a')"],
    [`insert into t values (1, '${LONG}'), (2, '${LONG}')`, "insert into t values (1, '')"],
    [`select '${LONG}' from t where a = '${LONG}''${LONG}'`, "select '' from t where a = ''"],
    [
      'insert into t values (1), (2); insert into u values (1), (2)',
      'insert into t values (1); insert into u values (1)',
    ],
    ['insert into t values (1), (2), (f(3)), (4), (5)', 'insert into t values (1), (f(3)), (4)'],
    ["insert into t values ('(', 1), ('),(f(1', 2)", "insert into t values ('(', 1)"],
  ])('is what names and calls: %s', (sql, expected) => {
    expect(left(sql, dialect)).toBe(expected)
  })

  it.each([
    'insert into t values (1), (f(2))',
    'insert into t values (1), ((2))',
    'insert into t values (1), (2, 3)',
    'insert into t values (1), (a)',
    'insert into t values (1), ((select a from b))',
    'insert into t values (1), (1 + 2)',
    'insert into t values (1), ()',
    'insert into t values row(1), row(2)',
    'insert into t select 1, 2 union values (f(1))',
    'insert into t (a) select a from b where (1, 2) in (select (1), (2))',
    'select 1 in ((1), (2))',
    'update t set a = (1), b = (2)',
    "insert into t values ('a' 'b'), (\"c\")",
  ])('holds all that is not sure: %s', (sql) => {
    expect([sql, 'cannot tell']).toContain(left(sql, dialect))
  })

  it('keeps what stands behind the rows', () => {
    for (const tail of [
      'on conflict (a) do update set a = f(b)',
      'returning (select a from b)',
      'union select a from b',
      ', (f(1))',
    ])
      expect(left(`insert into t values (1), (2) ${tail}`, dialect)).toBe(`insert into t values (1) ${tail}`)
  })

  it('never loses a word of what is no literal, whatever the text', () => {
    const parts = [
      "'",
      '"',
      "''",
      'e',
      '\\',
      '$',
      '$$',
      '$a$',
      '(',
      ')',
      ',',
      '--',
      '/*',
      '*/',
      '\n',
      ' ',
      ';',
      'a',
      '1',
      '.',
      'u&',
      '`',
      '#',
    ]
    const pieces = fc.array(fc.constantFrom(...parts, 'insert', ' values ', 'f(1)', LONG), { maxLength: 40 })
    fc.assert(
      fc.property(pieces, (some) => {
        const sql = `insert into t values (1), (2), (${some.join('')})`
        const rest = left(sql, dialect)
        // What was left out once leaves nothing more to leave out, and the rest is read the same way.
        if (rest !== 'cannot tell') expect(left(rest, dialect)).toBe(rest)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('what is left of a large text of PostgreSQL', () => {
  it.each([
    [`insert into t values (E'\\'),(${LONG}'), (E'a\\\\')`, "insert into t values (E'')"],
    [`insert into t values ('\\'), (f('${LONG}'))`, "insert into t values ('\\'), (f(''))"],
    [
      `insert into t values ($$a'b${LONG}$$), ($a$),(f(1$$$a$), (U&'\\0041'), ($1), (b'1')`,
      'insert into t values ($$$$)',
    ],
    ['insert into t values (1), /* (2) */ (f(3))', undefined],
    ['insert into t values (1) -- \n, (2)', undefined],
    ["insert into t values (1), ('2'::text)", undefined],
    ["insert into t values (1), (date '2020-01-01')", undefined],
    ['insert into t values (1), (@- 1)', undefined],
    ["insert into t values (1), (- '2')", undefined],
    ['insert into t values (1), (array[2])', undefined],
    ['insert into t values (1), (nul$l)', undefined],
    ['with x as (select 1) insert into t values (1), (2)', undefined],
    [`select a$$${LONG}$$`, undefined],
    [`select /* /* */ '${LONG} */ ' ', "${LONG}" -- '${LONG}'`, undefined],
    [`insert into "values (1), (2)" values (1)`, undefined],
  ])('%s', (sql, expected) => {
    expect(left(sql, 'postgres')).toBe(expected ?? sql)
  })

  it.each([
    `select E'a'\n'\\' , f(1), '${LONG}'`,
    `select E'a' -- b\n'\\' , '${LONG}'`,
    `select '${LONG}`,
    `select $a$${LONG}$b$`,
    `select x'41''${LONG}'`,
    `select 1e'${LONG}'`,
    `select 1a, '${LONG}'`,
    `select /* '${LONG}'`,
    `select 1) '${LONG}'`,
  ])('cannot be told: %s', (sql) => {
    expect(left(sql, 'postgres')).toBe('cannot tell')
  })
})

describe('what PostgreSQL’s grammar reads in what is left', () => {
  const grammar = new PostgresGrammar()
  const facts = (sql: string) =>
    grammar.parse(Buffer.from(sql)).map((raw) => walkStatement(...unwrap((raw.stmt ?? {}) as Fields)!))

  it('is what it reads in the whole', async () => {
    await grammar.load()
    const piece = fc.constantFrom(
      ...[
        '1',
        '-1',
        '+ - 2.5e-3',
        'null',
        'default',
        'true',
        "''",
        "'a'",
        "'it''s'",
        "'\\'",
        "E'\\''",
        "E'\\\\'",
        "e'a'\n'\\''",
        "'a'\n'b'",
      ],
      ...[
        '$$a$$',
        "$a$'$a$",
        '$a$$$$a$',
        "U&'a'",
        "b'1'",
        "x'4f'",
        "n'a'",
        '$1',
        '"a"',
        'f(1)',
        "g('(')",
        'a$b',
        '(select b from c)',
        'a.b',
      ],
      ...[
        `'${LONG}'`,
        `E'${LONG}\\'${LONG}'`,
        `$x$${LONG}'$x$`,
        "'a'::text",
        'row(1)',
        '1 + 2',
        "- '1'",
        '@ 1',
        'array[1]',
        '/* , (1) */ 1',
      ],
      ...['-- (\n 1', "/* ' */ 1", "'--'", "'/*'", '"(" ', "u&'a' uescape '!'", "interval '1 day'"],
    )
    const row = fc.array(piece, { minLength: 1, maxLength: 3 }).map((items) => `(${items.join(', ')})`)
    const list = fc.array(row, { minLength: 1, maxLength: 6 }).map((all) => all.join(','))
    const tail = fc.constantFrom(
      '',
      ' on conflict do nothing',
      ' returning h(1)',
      ' union select a from d',
      '; select i(2) from e',
    )
    let read = 0
    fc.assert(
      fc.property(list, tail, (rows, end) => {
        const sql = `insert into t values ${rows}${end}`
        let whole: ReturnType<typeof facts>
        try {
          whole = facts(sql)
        } catch {
          return
        }
        const rest = left(sql, 'postgres')
        if (rest === 'cannot tell') return
        read++
        expect(facts(rest), rest).toEqual(whole)
      }),
      { numRuns: 3000 },
    )
    expect(read).toBeGreaterThan(500)
  })
})

describe('what is left of a large text of MySQL', () => {
  it('goes by the sql_mode in force', () => {
    const none = { ansiQuotes: false, noBackslashEscapes: false }
    const escaped = "insert into t values ('\\'), (f(1), ('), (2)"
    expect(left(escaped, 'mysql', none)).toBe("insert into t values ('\\'), (f(1), (')")
    expect(left(escaped, 'mysql', { ...none, noBackslashEscapes: true })).toBe('cannot tell')
    const other = "insert into t values ('\\'), (f('2'))"
    expect(left(other, 'mysql', { ...none, noBackslashEscapes: true })).toBe(other)
    expect(left('insert into t values (1), ("a")', 'mysql', none)).toBe('insert into t values (1)')
    const name = 'insert into t values (1), ("a")'
    expect(left(name, 'mysql', { ...none, ansiQuotes: true })).toBe(name)
  })

  it.each([
    [
      `replace t value (_binary '${LONG}', ?, n'a', 0x41, x'41'), (_utf8mb4 'b', 2, 3, 4, 5)`,
      `replace t value (_binary '', ?, n'a', 0x41, x'41')`,
    ],
    ["insert into t values (1), (_gbk '2')", undefined],
    ['insert into t values (1), (@a)', undefined],
    ['insert into t values (1), (`a`)', undefined],
    ["insert into t values (1), (date '2020-01-01')", undefined],
    [
      'insert into t values (1), (2) on duplicate key update a = values(a), b = f(1)',
      'insert into t values (1) on duplicate key update a = values(a), b = f(1)',
    ],
    [
      'insert into t values (1), (2) as n on duplicate key update a = (select 1 from u)',
      'insert into t values (1) as n on duplicate key update a = (select 1 from u)',
    ],
    ['insert into t set a = (1), b = (2)', undefined],
  ])('%s', (sql, expected) => {
    expect(left(sql, 'mysql')).toBe(expected ?? sql)
  })
})

describe('a large text', () => {
  const analyser = createAnalyser()
  afterAll(() => analyser.close())
  const analyse = (sql: string | Buffer, mode: LexicalMode): Analysis | Promise<Analysis> =>
    analyser.analyse(Buffer.from(sql), mode)
  const rows = (count: number, row = "(1, 'it''s -- 20 MB', null)") =>
    Array.from({ length: count }, () => row).join(',')

  it.each([POSTGRES, MYSQL])('of 20 MB has the facts of its first row, and the bytes that came', async (mode) => {
    for (const tail of [rows(700_000), `(1, '${'y'.repeat(20 << 20)}', null)`]) {
      const text = Buffer.from(`insert into big values ${tail}`)
      const started = performance.now()
      const pending = analyser.analyse(text, mode)
      expect(performance.now() - started).toBeLessThan(100)
      const analysis = await pending
      expect(analysis).toMatchObject({
        ok: true,
        statements: [{ verb: 'insert', relations: [{ relation: { name: 'big' } }] }],
      })
      expect((analysis as { text: Buffer }).text.equals(text)).toBe(true)
    }
  })

  it.each([POSTGRES, MYSQL])('hides nothing in it', async (mode) => {
    const many = rows(300_000)
    const names = async (sql: string) => {
      const analysis = await analyse(sql, mode)
      if (!analysis.ok) return analysis.cause
      return analysis.statements.flatMap((s) => [
        ...s.relations.map((r) => r.relation.name),
        ...s.functions.map((f) => f.name),
      ])
    }
    expect(await names(`insert into big values ${many}, (1, f(2), null), ${many}`)).toEqual(['big', 'f'])
    expect(await names(`insert into big values ${many}, (1, (select a from secret), null), ${many}`)).toEqual([
      'big',
      'secret',
    ])
    expect(await names(`insert into big values ${many}; select g(a) from other`)).toEqual(['big', 'other', 'g'])
    expect(await names(`insert into big values ${many}, ${rows(400_000, '(1, f(2), null)')}`)).toBe('limit')
    expect(await names(`insert into big values ${many} oops`)).not.toEqual(['big'])
  })

  it('that is a setting, a program or a password keeps the smaller limit', async () => {
    const huge = 'y'.repeat(5 << 20)
    for (const sql of [`set search_path = '${huge}'`, `select set_config('a.b', '${huge}', false)`, `do $$${huge}$$`])
      expect(await analyse(sql, POSTGRES)).toMatchObject({ ok: false, cause: 'limit' })
    expect(await analyse(`create user a identified by '${huge}'`, MYSQL)).toMatchObject({ ok: false, cause: 'limit' })
    expect(await analyse(`create role a password '${'y'.repeat(1 << 20)}'`, POSTGRES)).toMatchObject({
      ok: true,
      secrets: [{ start: 23, end: 23 + 2 + (1 << 20) }],
    })
  })

  it('is forwarded in canonical form where it has comments', async () => {
    const text = `/* a */ insert into big values ${rows(100_000)} /*!99999 , (f(1)) */`
    const analysis = await analyse(text, MYSQL)
    expect(analysis).toMatchObject({ ok: true, statements: [{ functions: [] }] })
    const sent = (analysis as { text: Buffer }).text.toString()
    expect(sent).toBe(`  insert into big values ${rows(100_000)}  `)
    const zero = Buffer.from(`insert into big values ${rows(10_000)}\0`)
    expect(((await analyse(zero, MYSQL)) as { text: Buffer }).text.equals(zero.subarray(0, -1))).toBe(true)
  })

  it('that is no text is refused', async () => {
    const text = Buffer.from(`insert into big values ${rows(300_000)}`)
    text[text.length - 20] = 0xff
    expect(await analyse(text, POSTGRES)).toMatchObject({ ok: false })
    text[text.length - 20] = 0
    expect(await analyse(text, POSTGRES)).toMatchObject({ ok: false })
  })
})
