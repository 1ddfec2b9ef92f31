import { type Analyser, createAnalyser, type LexicalMode } from '@sluice/parsers'
import { loadPolicy, masksFor } from '@sluice/policy'
import { afterAll, describe, expect, it } from 'vitest'
import { Catalog, type CatalogRelation } from './catalog.js'
import { wayOut } from './way-out.js'

const analyser: Analyser = createAnalyser()
afterAll(() => analyser.close())

const loaded = loadPolicy('rules: [{ name: personal data, mask: { "*.users.ssn": redact } }]', 'policy.yaml')
if (!('policy' in loaded)) throw new Error('the policy of the test is not good')
const masks = masksFor(loaded.policy, { user: 'alice', groups: [], method: 'certificate' }, 'shop')

const table = (name: string, ...columns: string[]): CatalogRelation => ({
  schema: 'public',
  name,
  kind: 'table',
  columns: new Map(columns.map((column, i) => [i + 1, column])),
  parents: [],
  madeOf: undefined,
})
const catalog = new Catalog(
  async () => ({
    relations: [table('users', 'id', 'ssn', 'name'), table('orders', 'id', 'note')],
    byOid: new Map(),
    systemSchemas: new Set(),
    systemFunctions: undefined,
    userFunctions: new Set(['first_ssn']),
    foldCase: true,
  }),
  (error) => {
    throw error
  },
)

const MODES: Record<'postgres' | 'mysql', LexicalMode> = {
  postgres: { dialect: 'postgres' },
  mysql: { dialect: 'mysql', flavour: 'mysql', version: 90700, sqlMode: new Set(), multiStatements: true },
}

async function refusal(dialect: 'postgres' | 'mysql', sql: string): Promise<string | undefined> {
  if (!catalog.known) await catalog.refresh()
  const analysis = await analyser.analyse(Buffer.from(sql), MODES[dialect])
  if (!analysis.ok) throw new Error(analysis.reason)
  return analysis.statements.map((facts) => wayOut(facts, catalog, masks)?.reason).find((reason) => reason)
}

describe('a statement that reads a relation with masked columns', () => {
  it.each([
    ['mysql', 'select ssn into @x from users limit 1'],
    ['mysql', 'select @x := ssn from users'],
    ['mysql', 'set @x = (select ssn from users limit 1)'],
    ['mysql', 'do @x := (select ssn from users limit 1)'],
    ['mysql', 'set timestamp = (select ssn from users limit 1)'],
    ['mysql', "prepare p from 'select ssn from users into @x'"],
    ['mysql', 'select last_insert_id(ssn + 0) from users'],
    ['mysql', 'select last_insert_id(ssn + 0), last_insert_id() from users'],
    ['mysql', 'select get_lock(ssn, 0) from users'],
    ['postgres', "select set_config('my.x', ssn, false) from users"],
    ['postgres', "select pg_notify('c', ssn) from users"],
    ['postgres', 'select pg_advisory_lock(ssn::int) from users'],
    ['postgres', 'insert into orders select id, ssn from users'],
    ['mysql', 'create table copied select * from users'],
    ['mysql', 'update users set id = id + 1 where (@x := ssn) is null'],
    ['mysql', 'delete from users where get_lock(ssn, 0)'],
    ['mysql', 'insert into users (id) values (1) on duplicate key update id = last_insert_id(ssn)'],
    ['mysql', 'update orders set note = first_ssn()'],
    ['mysql', 'insert into orders values (1, f\u00edrst_ssn())'],
    ['mysql', 'set @x = first_ssn()'],
    ['postgres', 'update orders set note = first_ssn()'],
    ['postgres', 'update orders o set note = o.first_ssn'],
    ['postgres', "update users set id = 1 where set_config('my.x', ssn, false) is null"],
  ] as const)('may not keep what it reads: %s %s', async (dialect, sql) => {
    expect(await refusal(dialect, sql)).toMatch(/^the statement would (keep|copy)/)
  })

  it.each([
    ['mysql', 'select ssn from users'],
    ['mysql', 'select * from users for update'],
    ['mysql', 'select @x := note from orders'],
    ['mysql', 'set @x = 1'],
    ['mysql', 'insert into users (id) values (last_insert_id())'],
    ['mysql', 'select ssn from users where id = last_insert_id()'],
    ['mysql', "update users set name = 'x' where id = last_insert_id()"],
    ['postgres', 'select * from users for no key update'],
    ['postgres', "select set_config('my.x', note, false) from orders"],
    ['postgres', 'copy orders to stdout'],
  ] as const)('may do what keeps nothing: %s %s', async (dialect, sql) => {
    expect(await refusal(dialect, sql)).toBeUndefined()
  })
})

describe('a statement that changes', () => {
  it.each([
    ['a column from a masked one', 'update users set name = ssn where id = 1 returning name'],
    ['a column from a whole row', 'update users u set name = u::text'],
    ['a column from functional notation', 'update users set name = ssn(users)'],
    [
      'a column from a masked one on conflict',
      'insert into users (id) values (1) on conflict (id) do update set name = users.ssn',
    ],
    [
      'a column from a masked one by MERGE',
      'merge into users u using orders o on u.id = o.id when matched then update set name = u.ssn',
    ],
    ['the name of a masked column', 'alter table users rename column ssn to number'],
    ['the name of the relation', 'alter table users rename to people'],
    [
      'what else happens to its rows',
      'create rule r as on update to users do also insert into orders values (old.id, old.ssn)',
    ],
    ['the name of a schema', 'alter schema public rename to private'],
  ])('%s is refused', async (_, sql) => {
    expect(await refusal('postgres', sql)).toBeTruthy()
  })

  it.each([
    'update users set name = $1 where id = 2 returning name',
    'update users set id = id + 1',
    'update users u set name = o.note from orders o where o.id = u.id',
    'insert into users (id) values (1) on conflict (id) do update set name = excluded.name',
    'alter table orders add column x int',
    'create index on users (id)',
    'drop table users',
  ])('nothing that shows a masked value may do it: %s', async (sql) => {
    expect(await refusal('postgres', sql)).toBeUndefined()
  })

  it.each([
    'update users set name = ssn',
    'update users set name = `SSN` where id = 1',
    'update users set name = shop.users.ssn',
    "update users set name = concat('', (select ssn))",
    'update users a join users b set a.name = b.ssn',
    'update orders join users on users.id = orders.id set note = ssn',
    'update orders o, users u set o.note = u.ssn',
    'update orders o, lateral (select 1) x, users u set o.note = unheard_of.ssn',
    'update orders o, users u, lateral (select u.ssn as s) x set o.note = x.s',
    "update orders o join users u join json_table(json_array(u.ssn), '$[*]' columns (s varchar(9) path '$')) x set o.note = x.s",
    // MySQL takes this letter for an `i`.
    'update users set name = \u0130d',
    'insert into users (id) values (1) on duplicate key update name = ssn',
    'insert into users (id) values (1) on duplicate key update name = users.ssn',
    "prepare p from 'update users set name = ssn'",
    'rename table users to people',
    'alter table users add s varchar(20) as (ssn)',
    'alter table users rename column ssn to number',
    "prepare p from 'alter table users rename column ssn to number'",
    "prepare p from 'rename table users to people'",
    'set statement max_statement_time = 1 for alter table users rename column ssn to number',
    'alter table orders exchange partition p with table users',
    'alter table orders convert table users to partition p values less than (9)',
    'create table u (id int) engine = merge union = (users)',
    'create view v as select ssn as name from users',
    'create trigger t before update on users for each row set new.name = old.ssn',
  ])('what masks go by, or a column from a masked one, is refused in MySQL: %s', async (sql) => {
    expect(await refusal('mysql', sql)).toBeTruthy()
  })

  it.each([
    "update users set name = 'x' where id = 1",
    'update users set id = id + 1, name = upper(name) where ssn = 2',
    "update users set ssn = 'x'",
    'update orders o join users u on o.id = u.id set o.note = u.name',
    "update orders o join users u on o.id = u.id set o.note = 'x' where u.ssn is null",
    "update users set name = case when id = 1 then 'a' else null end",
    "insert into users values (1, 'a', 'b')",
    "insert into users (id, ssn) values (1, 'a') on duplicate key update ssn = values(ssn)",
    "insert into users (id, ssn) values (1, 'a') as sent on duplicate key update ssn = sent.ssn",
    'update orders set note = concat(note, id)',
  ])('nothing that shows a masked value may do it in MySQL: %s', async (sql) => {
    expect(await refusal('mysql', sql)).toBeUndefined()
  })

  it.each([
    'create table t (a int default mine())',
    'create trigger t before insert on orders for each row execute function mine()',
    'create aggregate g(int) (sfunc = mine, stype = int)',
    'create operator ### (leftarg = int, rightarg = int, function = mine)',
    'create cast (a as text) with function mine(a)',
    'alter domain d add check (mine(value))',
  ])('what calls functions of users unseen is refused: %s', async (sql) => {
    const functions = new Catalog(
      async () => ({
        relations: [table('orders', 'id')],
        byOid: new Map(),
        systemSchemas: new Set(),
        systemFunctions: new Set(['int4pl']),
        userFunctions: new Set(),
        foldCase: false,
      }),
      () => {},
    )
    await functions.refresh()
    const analysis = await analyser.analyse(Buffer.from(sql), MODES.postgres)
    if (!analysis.ok) throw new Error(analysis.reason)
    expect(wayOut(analysis.statements[0]!, functions, masks)?.reason).toMatch(/would call a function/)
    expect(
      wayOut((await facts('create aggregate g(int) (sfunc = int4pl, stype = int)'))[0]!, functions, masks),
    ).toBeUndefined()
  })
})

async function facts(sql: string) {
  const analysis = await analyser.analyse(Buffer.from(sql), MODES.postgres)
  if (!analysis.ok) throw new Error(analysis.reason)
  return analysis.statements
}
