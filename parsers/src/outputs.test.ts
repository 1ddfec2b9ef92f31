import { afterAll, describe, expect, it } from 'vitest'
import { createAnalyser } from './analyser.js'
import type { LexicalMode } from './facts.js'

const POSTGRES: LexicalMode = { dialect: 'postgres' }
const MYSQL: LexicalMode = {
  dialect: 'mysql',
  flavour: 'mysql',
  version: 90700,
  sqlMode: new Set(),
  multiStatements: true,
}

const analyser = createAnalyser()
afterAll(() => analyser.close())

/** `s` and `o` for each output column; undefined where the analysis says nothing. */
async function outputs(sql: string, mode: LexicalMode): Promise<string | undefined> {
  const analysis = await analyser.analyse(Buffer.from(sql), mode)
  if (!analysis.ok) throw new Error(`${sql}: ${analysis.reason}`)
  return analysis.statements[0]!.outputs?.map((kind) => kind[0]).join('')
}

describe.each([
  ['postgres', POSTGRES],
  ['mysql', MYSQL],
] as const)('the outputs of a SELECT in %s', (_, mode) => {
  it.each([
    ['select count(*) from users', 's'],
    ['select count(*), email from users', 'so'],
    ["select 1, 'x' as label, null, -1.5 from users", 'ssss'],
    ['select count(email) as n, count(distinct email) from users', 'ss'],
    ['select count(*) + 1, (count(*) * 100) / 2 > 5 from users', 'ss'],
    ['select city, count(*) from users group by city', 'os'],
    ['select count(*), now(), current_timestamp from users', 'sss'],
    ['select cast(count(*) as char(3)) x from users', 's'],
  ])('are safe where they show no column: %s', async (sql, expected) => {
    expect(await outputs(sql, mode)).toBe(expected)
  })

  it.each([
    ['select count(*) + length(email), 1 from users', 'os'],
    ['select case when count(*) > 1 then email end, 1 from users', 'os'],
    ['select count(*) over (), 1 from users', 'os'],
    ['select count((select email from users limit 1)), 1 from users', 'os'],
    ['select (select email from users limit 1), 1 from users', 'os'],
    ['select (select count(*) from users), 1 from users', 'os'],
    ['select max(email), 1 from users', 'os'],
    ['select count, 1 from users', 'os'],
    ['select count.count, 1 from count', 'os'],
    ['select public.count(email), 1 from users', 'os'],
    ['select email, 1 from users', 'os'],
    ['select coalesce(1, email), 1 from users', 'os'],
    ["select count(*) in (1, 2), 1 = email, 1 < 2, 'a' from users", 'ooss'],
  ])('are not where they could: %s', async (sql, expected) => {
    expect(await outputs(sql, mode)).toBe(expected)
  })

  it.each([
    'select * from users',
    'select count(*), users.* from users group by 2',
    'select 1 union select email from users',
    'with c as (select count(*) from users) select 1 from c',
    'update users set city = 1',
    'explain select count(*) from users',
    'select email from users',
  ])('are left out where they cannot be told apart: %s', async (sql) => {
    expect(await outputs(sql, mode)).toBeUndefined()
  })
})

describe('the outputs of a SELECT in PostgreSQL alone', () => {
  it.each([
    ['select count(*) filter (where email like $1), $1, $2::int from users', 'sss'],
    ['select count(*)::text, pg_catalog.count(*), count(*)::numeric / 2 from users', 'sss'],
    ['prepare p as select count(*) from users', 's'],
    ['select count(*)::text || email, 1 from users', 'os'],
    ["select count(*)::text || 'x', 1 from users", 'os'],
    ['select count(*) operator(public.+) 1, 1 from users', 'os'],
    ['select count(*)::public.leak, 1::regclass, 1 from users', 'oos'],
    ["select 'a'::text = 'b', count(*) ^ 2, 1 from users", 'oos'],
    ['select count(variadic array[email]), 1 from users', 'os'],
    ['select "Count"(email), version(), version(email), 1 from users', 'osos'],
    ['select row(1, email), array[email], 1 from users', 'oos'],
    ['select current_user, 1 from users', 'os'],
  ])('%s', async (sql, expected) => {
    expect(await outputs(sql, POSTGRES)).toBe(expected)
  })

  it.each(['select (u).*, 1 from users u', 'table users', 'select 1 into t from users', 'values (1)', 'execute p(1)'])(
    'are left out: %s',
    async (sql) => {
      expect(await outputs(sql, POSTGRES)).toBeUndefined()
    },
  )
})

describe('the outputs of a SELECT in MySQL alone', () => {
  it.each([
    ['select sql_no_cache distinct count(*), ? from users', 'ss'],
    ['select count(*) `c`, count(*) "c", 1 c from users', 'sss'],
    ['select count(*) <> 1, 7 % 2 from users', 'ss'],
    ['select count (email), 1 from users', 'os'],
    ['select `count`(email), 1 from users', 'os'],
    ['select shop.count(email), 1 from users', 'os'],
    ['select count(@x := email), 1 from users', 'os'],
    ['select @x, @@version, 1 from users', 'oos'],
    ['select 1 + `email`, 1 - email, (1, 2), 1 from users', 'ooos'],
    ['select count(*) over w, 1 from users window w as ()', 'os'],
    ['select count(*) like email, 1 or email, null is null, 1 from users', 'ooos'],
    ['select current_date.email, now(), 1 from current_date', 'oss'],
  ])('%s', async (sql, expected) => {
    expect(await outputs(sql, MYSQL)).toBe(expected)
  })

  it.each(['select 1, u.* from users u', 'select *, 1 from users', 'select 1 into @x from users'])(
    'are left out: %s',
    async (sql) => {
      expect(await outputs(sql, MYSQL)).toBeUndefined()
    },
  )
})
