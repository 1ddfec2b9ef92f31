import type { RelationName, StatementFacts } from '@sluice/parsers'
import { loadPolicy, masksFor } from '@sluice/policy'
import { describe, expect, it } from 'vitest'
import { Catalog, type CatalogRelation, type CatalogSnapshot } from './catalog.js'

const loaded = loadPolicy(
  'rules: [{ name: hidden, mask: { "public.users.ssn": redact, "public.events_old.ip": redact } }]',
  'policy.yaml',
)
if (!('policy' in loaded)) throw new Error('the policy of the test is not good')
const masks = masksFor(loaded.policy, { user: 'ana', groups: [], method: 'certificate' }, 'shop')

function relation(
  name: string,
  more: Partial<CatalogRelation> & { columns?: never; with?: string[] } = {},
): CatalogRelation {
  const { with: columns = ['id'], ...rest } = more
  return {
    schema: 'public',
    name,
    kind: 'table',
    parents: [],
    madeOf: undefined,
    ...rest,
    columns: new Map(columns.map((column, i) => [i + 1, column])),
  }
}

const users = relation('users', { with: ['id', 'ssn', 'name'] })
const admins = relation('admins', { with: ['id', 'ssn', 'name', 'level'], parents: [users] })
const events = relation('events', { with: ['id', 'ip'] })
const oldEvents = relation('events_old', { with: ['id', 'ip'], parents: [events] })
const orders = relation('orders', { with: ['id', 'note'] })
const others = relation('users', { schema: 'other', with: ['id'] })
const people = relation('people', { kind: 'view', with: ['id', 'number'], madeOf: [users] })
const staff = relation('staff', { kind: 'view', with: ['id', 'number'], madeOf: [people] })
const notes = relation('notes', { kind: 'view', with: ['note'], madeOf: [orders] })
const opaque = relation('opaque', { kind: 'view', with: ['x'] })
const ALL = [users, admins, events, oldEvents, orders, others, people, staff, notes, opaque]
const oid = (of: CatalogRelation) => 20_000 + ALL.indexOf(of)

const SNAPSHOT: CatalogSnapshot = {
  relations: ALL,
  byOid: new Map(ALL.map((each) => [oid(each), each])),
  systemSchemas: new Set(['pg_catalog', 'information_schema']),
  systemFunctions: new Set(['lower', 'count']),
  userFunctions: new Set(),
  foldCase: false,
}

async function known(snapshot: CatalogSnapshot = SNAPSHOT): Promise<Catalog> {
  const catalog = new Catalog(
    async () => snapshot,
    (error) => {
      throw error
    },
  )
  await catalog.refresh()
  return catalog
}

function facts(relations: RelationName[], functions: { schema?: string; name: string }[] = []): StatementFacts {
  return {
    verb: 'select',
    class: 'read',
    relations: relations.map((each) => ({ relation: each, verb: 'select', class: 'read' })),
    functions,
    nested: [],
    hasWhere: true,
    settings: [],
    databases: [],
    plainOutput: true,
  }
}

const column = (of: CatalogRelation | number, attribute: number, name = '?') =>
  ({ name, origin: { kind: 'oid', relation: typeof of === 'number' ? of : oid(of), attribute } }) as const

describe('what a statement can carry', () => {
  it.each([
    ['the masked table', { schema: 'public', name: 'users' }, 'masked'],
    ['its name without a schema, which may mean it', { name: 'users' }, 'masked'],
    ['a table of the same name elsewhere', { schema: 'other', name: 'users' }, 'clean'],
    ['a table that inherits from it', { name: 'admins' }, 'masked'],
    ['a parent, whose rows are its children’s too', { name: 'events' }, 'masked'],
    ['a view of it', { name: 'people' }, 'masked'],
    ['a view of a view of it', { name: 'staff' }, 'masked'],
    ['a view of what is not masked', { name: 'notes' }, 'clean'],
    ['a view that calls functions', { name: 'opaque' }, 'masked'],
    ['another table', { name: 'orders' }, 'clean'],
    ['a catalog', { schema: 'pg_catalog', name: 'pg_class' }, 'clean'],
    ['a catalog without its schema', { name: 'pg_class' }, 'clean'],
    ['what the catalog does not know', { name: 'fresh' }, 'unknown'],
    ['a known name in a schema where it is not', { schema: 'other', name: 'orders' }, 'unknown'],
    ['the same name in other case, which PostgreSQL tells apart', { name: 'ORDERS' }, 'unknown'],
  ] as const)('through %s', async (_, name, expected) => {
    expect((await known()).touch(facts([name]), masks)).toBe(expected)
  })

  it('is unknown where it calls a function of users, and the worst of all that it names', async () => {
    const catalog = await known()
    expect(catalog.touch(facts([], [{ name: 'lower' }]), masks)).toBe('clean')
    expect(catalog.touch(facts([], [{ schema: 'pg_catalog', name: 'lower' }]), masks)).toBe('clean')
    expect(catalog.touch(facts([], [{ schema: 'public', name: 'lower' }]), masks)).toBe('unknown')
    expect(catalog.touch(facts([{ name: 'orders' }], [{ name: 'mine' }]), masks)).toBe('unknown')
    expect(catalog.touch(facts([{ name: 'users' }], [{ name: 'mine' }]), masks)).toBe('masked')
  })

  it('is unknown where a dot calls a function of users', async () => {
    const catalog = await known({ ...SNAPSHOT, userFunctions: new Set(['customer_email']) })
    const dotted = (...names: string[]) => ({ ...facts([{ name: 'orders' }]), dotted: names })
    expect(catalog.touch(dotted('id', 'note'), masks)).toBe('clean')
    expect(catalog.touch(dotted('id', 'customer_email'), masks)).toBe('unknown')
  })

  it('follows the server in what it takes for the same name', async () => {
    const catalog = await known({ ...SNAPSHOT, foldCase: true })
    expect(catalog.touch(facts([{ name: 'USERS' }]), masks)).toBe('masked')
  })

  it('is unknown without a catalog, and again when it cannot be read any more', async () => {
    const problems: unknown[] = []
    let away = true
    const catalog = new Catalog(
      async () => {
        if (away) throw new Error('away')
        return SNAPSHOT
      },
      (error) => problems.push(error),
    )
    expect(catalog.touch(facts([{ schema: 'pg_catalog', name: 'pg_class' }]), masks)).toBe('unknown')
    await catalog.refresh()
    expect([catalog.known, problems.length]).toEqual([false, 1])
    away = false
    await catalog.refresh()
    expect(catalog.touch(facts([{ name: 'orders' }]), masks)).toBe('clean')
    away = true
    await catalog.refresh()
    expect(catalog.touch(facts([{ name: 'orders' }]), masks)).toBe('unknown')
  })
})

describe('where a column comes from', () => {
  it.each([
    ['the table itself', column(users, 2), { kind: 'column', schema: 'public', table: 'users', column: 'ssn' }],
    [
      'the ancestor whose mask counts',
      column(admins, 2),
      { kind: 'column', schema: 'public', table: 'users', column: 'ssn' },
    ],
    [
      'the child whose mask counts',
      column(events, 2),
      { kind: 'column', schema: 'public', table: 'events_old', column: 'ip' },
    ],
    [
      'a column that no mask is about',
      column(admins, 4),
      { kind: 'column', schema: 'public', table: 'admins', column: 'level' },
    ],
    ['a view that shows masked columns under any name', column(people, 1), { kind: 'unknown' }],
    ['a view that shows none', column(notes, 1), { kind: 'column', schema: 'public', table: 'notes', column: 'note' }],
    ['a column made since', column(users, 9), { kind: 'unknown' }],
    ['a table made since', column(99_999, 1), { kind: 'unknown' }],
    [
      'the server’s own catalog',
      column(1259, 1, 'oid'),
      { kind: 'column', schema: 'pg_catalog', table: '', column: 'oid' },
    ],
    ['no table', { name: 'x', origin: { kind: 'none' } } as const, { kind: 'expression' }],
    [
      'a name that the wire gives',
      { name: 'n', origin: { kind: 'name', schema: 'public', table: 'users', column: 'ssn' } } as const,
      { kind: 'column', schema: 'public', table: 'users', column: 'ssn' },
    ],
    [
      'a name that the wire gives and nobody knows',
      { name: 'n', origin: { kind: 'name', schema: '', table: 'u', column: 'ssn' } } as const,
      { kind: 'unknown' },
    ],
  ])('%s', async (_, given, expected) => {
    expect((await known()).origin(given, masks)).toEqual(expected)
  })

  it('is unknown without a catalog, the server’s own included', async () => {
    const catalog = new Catalog(
      () => Promise.reject(new Error('away')),
      () => {},
    )
    await catalog.refresh()
    expect(catalog.origin(column(1259, 1), masks)).toEqual({ kind: 'unknown' })
  })
})

describe('columns that a change copies from', () => {
  it.each([
    ['a masked one', { name: 'users' }, ['name', 'ssn'], true],
    ['one that is not', { name: 'users' }, ['name'], false],
    ['a whole row', { name: 'users' }, ['*'], true],
    ['an inherited one', { name: 'admins' }, ['ssn'], true],
    ['any of a view of masked columns', { name: 'people' }, ['id'], true],
    ['a whole row of another table', { name: 'orders' }, ['*'], false],
    ['any of what nobody knows', { name: 'fresh' }, ['id'], true],
  ] as const)('%s', async (_, name, columns, expected) => {
    expect((await known()).maskedAmong(name, columns, masks)).toBe(expected)
  })
})

describe('reading it', () => {
  it('happens once for all who wait for it', async () => {
    let reads = 0
    const catalog = new Catalog(
      async () => {
        reads++
        return SNAPSHOT
      },
      () => {},
    )
    await Promise.all([catalog.refresh(), catalog.refresh(), catalog.refresh()])
    expect([reads, catalog.reads]).toEqual([1, 1])
    expect([catalog.stale, catalog.worthRefreshing]).toEqual([false, false])
    catalog.invalidate()
    expect([catalog.stale, catalog.worthRefreshing]).toEqual([true, true])
    await catalog.refresh()
    expect([catalog.stale, reads]).toEqual([false, 2])
  })

  it('lets nothing stand that was found before', async () => {
    let relations = [orders]
    const catalog = new Catalog(
      async () => ({ ...SNAPSHOT, relations }),
      () => {},
    )
    const same = facts([{ name: 'users' }])
    await catalog.refresh()
    expect(catalog.touch(same, masks)).toBe('unknown')
    relations = [orders, users]
    await catalog.refresh()
    expect(catalog.touch(same, masks)).toBe('masked')
  })
})
