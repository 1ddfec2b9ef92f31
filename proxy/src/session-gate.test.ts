import { SluiceError } from '@sluice/domain'
import { type Analyser, createAnalyser } from '@sluice/parsers'
import { type Decision, loadPolicy, type Policy } from '@sluice/policy'
import type { SessionEvent, SessionRecord } from '@sluice/recorder'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { Catalog, type CatalogRelation, type CatalogSnapshot } from './catalog.js'
import type { Gate, Pass, Refusal, Statement, Verdict } from './gate.js'
import { createSessionGate } from './session-gate.js'

const analyser: Analyser = createAnalyser()
afterAll(() => analyser.close())

const READERS = `rules:
  - { name: readers, allow: [read, write, schema, session] }
  - { name: nobody destroys, deny: [truncate] }
  - { name: personal data, mask: { "*.users.ssn": redact, "*.users.email": partial } }`

function policyOf(text: string): Policy {
  const loaded = loadPolicy(text, 'policy.yaml')
  if (!('policy' in loaded)) throw new Error(JSON.stringify(loaded))
  return loaded.policy
}

const USERS: CatalogRelation = {
  schema: 'public',
  name: 'users',
  kind: 'table',
  columns: new Map([
    [1, 'id'],
    [2, 'ssn'],
    [3, 'email'],
  ]),
  parents: [],
  madeOf: undefined,
}
const ORDERS: CatalogRelation = {
  ...USERS,
  name: 'orders',
  columns: new Map([
    [1, 'id'],
    [2, 'note'],
  ]),
}
const snapshot = (...relations: CatalogRelation[]): CatalogSnapshot => ({
  relations,
  byOid: new Map(relations.map((relation, i) => [20_000 + i, relation])),
  systemSchemas: new Set(['pg_catalog']),
  systemFunctions: new Set(['lower', 'count']),
  userFunctions: new Set(),
  foldCase: false,
})

/** Keeps events in an array; `answer` is what appending returns. */
class MemoryRecord implements SessionRecord {
  readonly id = 'test' as SessionRecord['id']
  readonly events: SessionEvent[] = []
  answer: () => Promise<void> | undefined = () => undefined
  append(event: SessionEvent): Promise<void> | undefined {
    this.events.push(event)
    return this.answer()
  }
  note(event: SessionEvent): void {
    this.events.push(event)
  }
  async end(): Promise<void> {}
}

let record: MemoryRecord
let decisions: Decision[]
let policy: Policy
let tables: CatalogRelation[]
let reads: number
let catalog: Catalog
let gate: Gate

beforeEach(async () => {
  record = new MemoryRecord()
  decisions = []
  policy = policyOf(READERS)
  tables = [USERS, ORDERS]
  reads = 0
  catalog = new Catalog(
    async () => {
      reads++
      return snapshot(...tables)
    },
    () => {},
  )
  await catalog.refresh()
  gate = createSessionGate({
    identity: { user: 'ana', groups: [], method: 'certificate' },
    address: '127.0.0.1',
    database: { name: 'shop', dialect: 'postgres', catalog },
    analyser,
    policy: () => policy,
    record,
    rowsToRecord: 10,
    databaseOf: () => undefined,
    onDecision: (decision) => decisions.push(decision),
  })
})

async function statement(sql: string): Promise<Statement> {
  return gate.analyse(Buffer.from(sql), { dialect: 'postgres' })
}

async function admit(sql: string, ...executes: string[]): Promise<Verdict> {
  const inner = await Promise.all(executes.map(statement))
  return gate.admit(await statement(sql), undefined, inner.length > 0 ? inner : undefined)
}

async function passed(sql: string): Promise<Pass> {
  const verdict = await admit(sql)
  if (verdict.kind !== 'pass') throw verdict.error
  return verdict
}

function refused(verdict: Verdict): SluiceError {
  expect(verdict.kind).toBe('refusal')
  return (verdict as Refusal).error
}

describe('a statement that a rule allows', () => {
  it('passes at once, numbered, and is on record with its rule before anything else', async () => {
    const verdict = gate.admit(await statement('select note from orders'), ['1', null])
    expect(verdict).toMatchObject({ kind: 'pass', number: 1, rowsToRecord: 10, masking: 'by-origin' })
    expect(record.events).toMatchObject([
      {
        type: 'statement',
        statement: 1,
        text: 'select note from orders',
        parameters: ['1', null],
        decision: 'allow',
        rule: 'readers',
      },
    ])
    expect(decisions.map(({ effect }) => effect)).toEqual(['allow'])
    expect((await passed('select 1')).number).toBe(2)
  })

  it('owes its rows masks by what it touches', async () => {
    expect((await passed('select id from users')).masking).toBe('all-but-plain')
    expect((await passed('select note from orders')).masking).toBe('by-origin')
    expect((await passed('select mine(note) from orders')).masking).toBe('all-but-plain')
    policy = policyOf('rules: [{ name: all, allow: [any] }]')
    expect((await passed('select id from users')).masking).toBe('none')
  })

  it('waits for a record that must be kept, and is refused where it is not', async () => {
    let keep = () => {}
    record.answer = () => new Promise<void>((resolve) => (keep = resolve))
    const verdict = gate.admit(await statement('select 1'))
    expect(verdict).toBeInstanceOf(Promise)
    keep()
    expect((await verdict).kind).toBe('pass')
    record.answer = () => Promise.reject(new SluiceError('recorder_unavailable', 'the store is away'))
    expect(refused(await admit('select 1')).code).toBe('recorder_unavailable')
    record.answer = () => Promise.reject(new TypeError('broken'))
    expect(refused(await admit('select 1')).code).toBe('recorder_unavailable')
  })

  it('has its secrets kept out of the record', async () => {
    policy = policyOf('rules: [{ name: all, allow: [any, access] }]')
    await admit("create role r password 'hunter2'")
    expect(JSON.stringify(record.events)).not.toContain('hunter2')
  })
})

describe('a statement that no rule allows, or one denies', () => {
  it('is refused with the rule and a hint, and is on record as denied', async () => {
    const error = refused(await admit('truncate orders'))
    expect(error.code).toBe('statement_denied')
    expect(error.clientMessage).toContain('nobody destroys')
    expect(error.hint).toBeTruthy()
    expect(record.events).toMatchObject([
      { type: 'statement', statement: 1, decision: 'deny', rule: 'nobody destroys' },
    ])
    expect(decisions.map(({ effect }) => effect)).toEqual(['deny'])
    policy = policyOf('rules: []')
    expect(refused(await admit('select 1')).clientMessage).toContain('no rule allows it')
  })

  it('may not be prepared either; what may be leaves no record until it runs', async () => {
    expect(gate.permit(await statement('truncate orders')).kind).toBe('refusal')
    expect(record.events.length).toBe(1)
    expect(gate.permit(await statement('select 1'))).toMatchObject({ kind: 'pass', number: 0 })
    expect(record.events.length).toBe(1)
  })

  it('is decided by the policy in force when it runs', async () => {
    const prepared = await statement('select 1')
    expect(gate.permit(prepared).kind).toBe('pass')
    policy = policyOf('rules: []')
    expect((await gate.admit(prepared)).kind).toBe('refusal')
  })

  it('is refused where it hides behind EXECUTE', async () => {
    expect((await admit('execute p', 'select 1')).kind).toBe('pass')
    expect(refused(await admit('execute p', 'select 1', 'truncate orders')).clientMessage).toContain('nobody destroys')
    expect(await admit('execute p', 'select ssn from users')).toMatchObject({ masking: 'all-but-plain' })
    expect(refused(await admit('execute p', 'copy users to stdout')).clientMessage).toContain('masked columns')
  })

  it('looks like the server’s own error where the grammar refuses it', async () => {
    const error = refused(await admit('selec 1'))
    expect(error).toMatchObject({ code: 'statement_syntax', position: 1 })
    expect(error.clientMessage).toBe('syntax error at or near "selec"')
    expect(error.hint).toBeUndefined()
  })

  it('has what looks like a secret kept out of the record, even where it cannot be read', async () => {
    await admit("create rle r password 'hunter2'")
    expect(JSON.stringify(record.events)).not.toContain('hunter2')
  })

  it('that the relay refuses itself is on record too', () => {
    const error = new SluiceError('feature_unsupported', 'no')
    expect(gate.refuse('function call', error)).toEqual({ kind: 'refusal', error })
    expect(record.events).toMatchObject([{ type: 'statement', text: 'function call', decision: 'deny' }])
  })
})

describe('ways out of masked relations', () => {
  it.each([
    'copy users to stdout',
    'copy (select ssn from users) to stdout',
    'create table kept as select * from users',
    'insert into orders select id, ssn from users',
    'update users set email = ssn where id = 1',
    'alter table users rename column ssn to number',
    "select set_config('my.x', ssn, false) from users",
  ])('are refused: %s', async (sql) => {
    expect(refused(await admit(sql)).clientMessage).toContain('built-in: masked columns stay masked')
  })

  it('are none for whom nothing is masked', async () => {
    policy = policyOf('rules: [{ name: all, allow: [any] }]')
    expect((await admit('copy users to stdout')).kind).toBe('pass')
  })
})

describe('the masks of a result', () => {
  const column = (relation: number, attribute: number) =>
    ({ name: 'c', origin: { kind: 'oid', relation, attribute } }) as const
  const expression = { name: 'e', origin: { kind: 'none' } } as const

  it('are those of its columns, and whole ones where nothing tells where a column comes from', async () => {
    const pass = await passed('select id, ssn, email, lower(email) from users')
    const plan = await gate.maskPlan(pass, [column(20_000, 1), column(20_000, 2), column(20_000, 3), expression])
    expect(plan?.map((mask) => mask?.kind)).toEqual([undefined, 'redact', 'partial', 'redact'])
  })

  it('are none where nothing touched is masked', async () => {
    const pass = await passed('select id, lower(note) from orders')
    expect(await gate.maskPlan(pass, [column(20_001, 1), expression])).toBeUndefined()
  })

  it('are looked up anew for a table made since, and cover it as long as it is unknown', async () => {
    const pass = await passed('select id from orders')
    const columns = [column(20_002, 2)]
    tables = [USERS, ORDERS, { ...USERS, schema: 'new' }]
    expect((await gate.maskPlan(pass, columns))?.map((mask) => mask?.kind)).toEqual(['redact'])
    catalog.invalidate()
    expect((await gate.maskPlan(pass, [column(20_002, 1)]))?.map((mask) => mask?.kind)).toBeUndefined()
  })
})

describe('the catalog', () => {
  it('is read before the next statement once one that changes the schema is done', async () => {
    gate.finished(await passed('create table t (a int)'), { tag: 'CREATE TABLE', rows: 0, bytes: 0 })
    expect(reads).toBe(1)
    await passed('select note from orders')
    expect(reads).toBe(2)
    await passed('select note from orders')
    expect(reads).toBe(2)
  })

  it('is not asked where nothing is masked', async () => {
    policy = policyOf('rules: [{ name: all, allow: [any] }]')
    catalog.invalidate()
    await passed('select x from fresh')
    expect(reads).toBe(1)
  })
})

describe('what a statement came to', () => {
  it('is on record: its rows, its end, its error', async () => {
    const pass = await passed('select note from orders')
    gate.result(pass, [{ name: 'note', type: 'text' }], [['x']])
    gate.finished(pass, { tag: 'SELECT 1', rows: 1, bytes: 12 })
    gate.failed(pass, '42P01', 'relation "x" does not exist')
    gate.failed(undefined, '57P01', 'terminating connection')
    expect(record.events.slice(1)).toMatchObject([
      { type: 'result', statement: 1, rows: [['x']] },
      { type: 'finished', statement: 1, tag: 'SELECT 1', rows: 1, bytes: 12 },
      { type: 'error', statement: 1, code: '42P01', message: 'relation "x" does not exist' },
      { type: 'error', code: '57P01', message: 'terminating connection' },
    ])
  })

  it('is kept without the text of an error that could tell a masked value', async () => {
    gate.failed(await passed('select ssn::int from users'), '22P02', 'invalid input syntax: "078-05-1120"')
    expect(JSON.stringify(record.events)).not.toContain('078-05')
    expect(record.events.at(-1)).toMatchObject({ type: 'error', code: '22P02' })
  })
})

describe('what is counted in a masked table', () => {
  const COLUMNS = [{ name: 'n', origin: { kind: 'none' } }] as const

  async function shown(sql: string, ...executes: string[]): Promise<boolean> {
    const verdict = await admit(sql, ...executes)
    if (verdict.kind !== 'pass') throw verdict.error
    return (await gate.maskPlan(verdict, COLUMNS)) === undefined
  }

  it('is shown, and what is computed from its values is not, though the columns look the same', async () => {
    expect(await shown('select count(*) from users')).toBe(true)
    expect(await shown('select length(ssn) from users')).toBe(false)
    expect(await shown('select count(*) from users')).toBe(true)
    expect(await shown('select count(*) from users; select max(ssn) from users')).toBe(false)
    expect(await shown('select max(ssn) from users; select count(*) from users')).toBe(false)
  })

  it('is not shown where users made a function of the name', async () => {
    const system = new Set(['lower'])
    catalog = new Catalog(
      async () => ({ ...snapshot(USERS), systemFunctions: system }),
      () => {},
    )
    await catalog.refresh()
    gate = createSessionGate({
      identity: { user: 'ana', groups: [], method: 'certificate' },
      address: '127.0.0.1',
      database: { name: 'shop', dialect: 'postgres', catalog },
      analyser,
      policy: () => policy,
      record,
      rowsToRecord: 10,
      databaseOf: () => undefined,
      onDecision: () => {},
    })
    expect(await shown('select count(ssn) from users')).toBe(false)
    expect(await shown('select 1 from users')).toBe(true)
  })

  it('is shown through EXECUTE where it is sure what is executed', async () => {
    expect(await shown('execute p', 'prepare p as select count(*) from users')).toBe(true)
    expect(await shown('execute p(1)', 'prepare p as select $1 from users')).toBe(true)
    expect(await shown("execute p(lower('A'))", 'prepare p as select $1 from users')).toBe(false)
    expect(
      await shown('execute p', 'prepare p as select count(*) from users', 'prepare p as select max(ssn) from users'),
    ).toBe(false)
    expect(await shown('select count(*) from users', 'select max(ssn) from users')).toBe(false)
  })
})
