import type { StatementFacts, Unanalysable } from '../facts.js'
import type { MysqlGrammar, NodeSqlTree } from './grammar.js'

/** A parser's opinion: the kind and the tables of a statement; undefined: it cannot parse it. */
interface Opinion {
  readonly verb: string
  /** `table` or `schema\0table`, names of WITH clauses left out. */
  readonly tables: ReadonlySet<string>
}

/**
 * Hears the two parsers about a row statement, whose tables the gateway's own walk has found: one of them must agree with
 * the walk on kind and tables, and where only one can parse, that one. Undefined: agreed.
 * `sql` is the statement without its literals.
 */
export function disagreement(
  sql: string,
  facts: StatementFacts,
  cteNames: ReadonlySet<string>,
  grammar: MysqlGrammar,
  flavour: 'mysql' | 'mariadb',
): Unanalysable | undefined {
  const own: Opinion = {
    verb: VERBS[facts.verb] ?? facts.verb,
    tables: new Set(facts.relations.map(({ relation }) => key(relation.schema, relation.name))),
  }
  const tree = grammar.parse(sql, flavour)
  const first = tree && nodeSqlOpinion(tree, cteNames)
  if (first && agree(own, first, cteNames)) return undefined
  // A long chain of operators breaks the second parser's WASM instance.
  const second = operators(sql) > MAX_OPERATORS ? undefined : rustOpinion(grammar.parseAgain(sql), cteNames)
  if (second && agree(own, second, cteNames)) return undefined
  if (!first && !second)
    return { ok: false, cause: 'unknown', reason: 'no SQL parser of the gateway can read the statement' }
  return {
    ok: false,
    cause: 'disagreement',
    reason: 'the SQL parsers disagree on the kind or the tables of the statement',
  }
}

const VERBS: Readonly<Record<string, string>> = { table: 'select', values: 'select' }
const MAX_OPERATORS = 200

function operators(sql: string): number {
  return sql.match(/\b(?:or|and|xor|not|union|case)\b|[-+*/|&^<>=!(]/gi)?.length ?? 0
}

function agree(own: Opinion, other: Opinion, cteNames: ReadonlySet<string>): boolean {
  if (own.verb !== other.verb) return false
  for (const table of other.tables) if (!own.tables.has(table)) return false
  // A table with the name of a WITH clause is left out of the others' opinion.
  for (const table of own.tables) if (!other.tables.has(table) && !cteNames.has(table.toLowerCase())) return false
  return true
}

type Tree = Readonly<Record<string, unknown>>

function nodeSqlOpinion({ ast, tableList }: NodeSqlTree, cteNames: ReadonlySet<string>): Opinion | undefined {
  const root = (Array.isArray(ast) ? (ast.length === 1 ? ast[0] : undefined) : ast) as Tree | undefined
  if (typeof root?.type !== 'string') return undefined
  const tables = new Set<string>()
  const add = (schema: unknown, name: string): void => {
    const known = typeof schema === 'string' && schema !== 'null' ? schema : undefined
    if (known === undefined && (cteNames.has(name.toLowerCase()) || name.toLowerCase() === 'dual')) return
    tables.add(key(known, name))
  }
  walk(root, (tree, field) => {
    if (typeof tree.table === 'string' && 'db' in tree && 'as' in tree && !('column' in tree)) add(tree.db, tree.table)
    // The targets of a DELETE are names in its FROM list, aliases among them.
    return !(tree.type === 'delete' && field === 'table' && tree.from)
  })
  if (root.type !== 'delete') {
    for (const entry of tableList) {
      const [, schema, ...name] = entry.split('::')
      add(schema, name.join('::'))
    }
  }
  return { verb: root.type === 'union' ? 'select' : root.type, tables }
}

function rustOpinion(parsed: unknown, cteNames: ReadonlySet<string>): Opinion | undefined {
  if (!Array.isArray(parsed) || parsed.length !== 1) return undefined
  const root = parsed[0] as Tree
  const kind = Object.keys(root)[0] ?? ''
  const verb = rustVerb(kind, root[kind] as Tree)
  if (verb === undefined) return undefined
  const tables = new Set<string>()
  const add = (parts: unknown): void => {
    const names = (parts as Tree[]).map((part) => String((part.Identifier as Tree | undefined)?.value ?? ''))
    const name = names.at(-1) ?? ''
    const schema = names.at(-2)
    if (schema === undefined && (cteNames.has(name.toLowerCase()) || name.toLowerCase() === 'dual')) return
    tables.add(key(schema, name))
  }
  walk(root, (tree, field) => {
    const value = tree[field]
    if (field === 'Table') {
      const table = value as Tree
      if (Array.isArray(table.name)) add(table.name)
      else if (typeof table.table_name === 'string') {
        tables.add(key((table.schema_name as string | null) ?? undefined, table.table_name))
      }
    }
    if (field === 'TableName' && Array.isArray(value)) add(value)
    return !(field === 'tables' && 'delete_token' in tree)
  })
  return { verb, tables }
}

function rustVerb(kind: string, statement: Tree): string | undefined {
  if (kind === 'Query') {
    const body = statement.body as Tree
    const inner = ['Insert', 'Update', 'Delete'].find((name) => name in body)
    return inner ? inner.toLowerCase() : 'select'
  }
  if (kind === 'Insert') return statement.replace_into ? 'replace' : 'insert'
  return kind === 'Update' || kind === 'Delete' ? kind.toLowerCase() : undefined
}

/** Visits every field of every object; `visit` says whether to go into it. */
function walk(value: unknown, visit: (tree: Tree, field: string) => boolean): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit)
  } else if (typeof value === 'object' && value !== null) {
    for (const field in value) if (visit(value as Tree, field)) walk((value as Tree)[field], visit)
  }
}

function key(schema: string | undefined, name: string): string {
  return schema === undefined ? name : `${schema}\0${name}`
}
