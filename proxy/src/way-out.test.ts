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
    relations: [table('users', 'id', 'ssn'), table('orders', 'id', 'note')],
    byOid: new Map(),
    systemSchemas: new Set(),
    systemFunctions: undefined,
    userFunctions: new Set(),
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
    ['mysql', 'select get_lock(ssn, 0) from users'],
    ['postgres', "select set_config('my.x', ssn, false) from users"],
    ['postgres', "select pg_notify('c', ssn) from users"],
    ['postgres', 'select pg_advisory_lock(ssn::int) from users'],
    ['postgres', 'insert into orders select id, ssn from users'],
    ['mysql', 'create table copied select * from users'],
  ] as const)('may not keep what it reads: %s %s', async (dialect, sql) => {
    expect(await refusal(dialect, sql)).toMatch(/^the statement would (keep|copy)/)
  })

  it.each([
    ['mysql', 'select ssn from users'],
    ['mysql', 'select * from users for update'],
    ['mysql', 'select @x := note from orders'],
    ['mysql', 'set @x = 1'],
    ['mysql', 'insert into users (id) values (last_insert_id())'],
    ['postgres', 'select * from users for no key update'],
    ['postgres', "select set_config('my.x', note, false) from orders"],
    ['postgres', 'copy orders to stdout'],
  ] as const)('may do what keeps nothing: %s %s', async (dialect, sql) => {
    expect(await refusal(dialect, sql)).toBeUndefined()
  })
})
