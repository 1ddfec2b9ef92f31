import type { Analyser, MysqlMode } from '@sluice/parsers'
import type { CatalogRelation, CatalogSnapshot } from '../catalog.js'

const SYSTEM_SCHEMAS = new Set(['information_schema', 'mysql', 'performance_schema', 'sys'])
const OWN = "table_schema not in ('information_schema','mysql','performance_schema','sys')"
const RELATIONS = `select table_schema, table_name, table_type from information_schema.tables where ${OWN}`
const COLUMNS = `select table_schema, table_name, ordinal_position, column_name from information_schema.columns where ${OWN}`
const VIEWS = `select table_schema, table_name, view_definition from information_schema.views where ${OWN}`
const FUNCTIONS =
  "select routine_name from information_schema.routines where routine_type = 'FUNCTION' and routine_schema <> 'sys'"

/**
 * Reads what masking must know of a MySQL or MariaDB server: relations, columns, and what views are made of, told by
 * analysing their definitions. A view whose definition cannot be read may show anything.
 */
export async function loadCatalog(
  ask: (sql: string) => Promise<(string | null)[][]>,
  analyser: Analyser,
  mode: MysqlMode,
): Promise<CatalogSnapshot> {
  const byName = new Map<string, CatalogRelation>()
  const definitions = new Map((await ask(VIEWS)).map(([schema, name, text]) => [key(schema!, name!), text ?? '']))
  for (const [schema, name, type] of await ask(RELATIONS)) {
    const isView = type === 'VIEW'
    byName.set(key(schema!, name!), {
      schema: schema!,
      name: name!,
      kind: isView ? 'view' : 'table',
      columns: new Map(),
      parents: [],
      madeOf: isView && definitions.get(key(schema!, name!)) ? [] : undefined,
    })
  }
  for (const [schema, name, position, column] of await ask(COLUMNS)) {
    ;(byName.get(key(schema!, name!))?.columns as Map<number, string> | undefined)?.set(Number(position), column!)
  }
  const userFunctions = new Set((await ask(FUNCTIONS)).map(([name]) => name!.toLowerCase()))
  for (const [view, definition] of definitions) {
    const relation = byName.get(view)
    if (!relation?.madeOf) continue
    const sources = await sourcesOf(definition, relation.schema)
    if (sources) relation.madeOf.push(...sources)
    else byName.set(view, Object.assign(relation, { madeOf: undefined }))
  }
  return {
    relations: [...byName.values()],
    byOid: new Map(),
    systemSchemas: SYSTEM_SCHEMAS,
    systemFunctions: undefined,
    userFunctions,
    foldCase: true, // whatever lower_case_table_names says: taking two tables for one masks more, never less
  }

  async function sourcesOf(definition: string, schema: string): Promise<CatalogRelation[] | undefined> {
    const analysis = await analyser.analyse(Buffer.from(definition), mode)
    if (!analysis.ok) return undefined
    const facts = analysis.statements
    if (facts.some((each) => each.functions.some((use) => userFunctions.has(use.name.toLowerCase())))) return undefined
    const found = facts
      .flatMap((each) => each.relations)
      .filter(({ relation }) => !SYSTEM_SCHEMAS.has((relation.schema ?? schema).toLowerCase()))
      .map(({ relation }) => byName.get(key(relation.schema ?? schema, relation.name)))
    return found.every((each) => each !== undefined) ? found : undefined
  }
}

function key(schema: string, name: string): string {
  return `${schema}\0${name}`.toLowerCase()
}
