import type { CatalogRelation, CatalogSnapshot } from '../catalog.js'

const SYSTEM_SCHEMAS = new Set(['pg_catalog', 'information_schema', 'pg_toast'])

// Objects below FirstNormalObjectId (16384) are the server's own.
const RELATIONS = `select c.oid, n.nspname, c.relname, c.relkind from pg_catalog.pg_class c
 join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid >= 16384 and c.relkind in ('r','p','v','m','f')`
const COLUMNS = `select a.attrelid, a.attnum, a.attname from pg_catalog.pg_attribute a
 join pg_catalog.pg_class c on c.oid = a.attrelid
 where a.attrelid >= 16384 and a.attnum > 0 and not a.attisdropped and c.relkind in ('r','p','v','m','f')`
const INHERITANCE = 'select inhrelid, inhparent from pg_catalog.pg_inherits'
// A view's rule depends on every relation that its query names (and on every function).
const VIEWS = `select distinct r.ev_class, d.refobjid from pg_catalog.pg_rewrite r
 join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = r.oid
 where d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid <> r.ev_class and d.refobjid >= 16384`
const VIEWS_WITH_FUNCTIONS = `select distinct r.ev_class from pg_catalog.pg_rewrite r
 join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = r.oid
 where d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.refobjid >= 16384`
// A name that users gave to a function too may mean theirs.
const SYSTEM_FUNCTIONS = `select proname from pg_catalog.pg_proc group by proname having pg_catalog.max(oid::pg_catalog.int8) < 16384`

// `x.name` calls them with the row `x`.
const FUNCTIONS_OF_ROWS = `select distinct p.proname from pg_catalog.pg_proc p
 join pg_catalog.pg_type t on t.oid = p.proargtypes[0] where p.oid >= 16384 and t.typtype in ('c', 'p')`

/** Reads what masking must know of a PostgreSQL database: relations, columns, inheritance, what views are made of. */
export async function loadCatalog(ask: (sql: string) => Promise<(string | null)[][]>): Promise<CatalogSnapshot> {
  const columns = new Map<string, Map<number, string>>()
  for (const [relation, number, name] of await ask(COLUMNS)) {
    let own = columns.get(relation!)
    if (!own) columns.set(relation!, (own = new Map()))
    own.set(Number(number), name!)
  }
  const opaqueViews = new Set((await ask(VIEWS_WITH_FUNCTIONS)).map(([view]) => Number(view)))
  const byOid = new Map<number, CatalogRelation>()
  for (const [oid, schema, name, kind] of await ask(RELATIONS)) {
    const isView = kind === 'v' || kind === 'm'
    byOid.set(Number(oid), {
      schema: schema!,
      name: name!,
      kind: isView ? 'view' : 'table',
      columns: columns.get(oid!) ?? new Map(),
      parents: [],
      madeOf: isView && !opaqueViews.has(Number(oid)) ? [] : undefined,
    })
  }
  for (const [child, parent] of await ask(INHERITANCE)) {
    const ancestor = byOid.get(Number(parent))
    if (ancestor) byOid.get(Number(child))?.parents.push(ancestor)
  }
  for (const [view, source] of await ask(VIEWS)) {
    const relation = byOid.get(Number(source))
    if (relation) byOid.get(Number(view))?.madeOf?.push(relation)
  }
  return {
    relations: [...byOid.values()],
    byOid,
    systemSchemas: SYSTEM_SCHEMAS,
    systemFunctions: new Set((await ask(SYSTEM_FUNCTIONS)).map(([name]) => name!)),
    userFunctions: new Set((await ask(FUNCTIONS_OF_ROWS)).map(([name]) => name!)),
    foldCase: false,
  }
}
