import { parse } from 'pgsql-ast-parser'
import type { StatementFacts } from '../facts.js'

/** The statements that the second parser is asked about. */
export const WITNESSED_VERBS: ReadonlySet<string> = new Set(['select', 'values', 'insert', 'update', 'delete'])

/**
 * The second opinion, by pgsql-ast-parser: a reason where it reads another kind of statement or other relations than the
 * facts say. Undefined where it agrees, or cannot parse and so has no vote.
 */
export function disagreement(sql: string, facts: StatementFacts): string | undefined {
  let tree: unknown
  try {
    tree = parse(sql)
  } catch {
    return undefined
  }
  if (!Array.isArray(tree) || tree.length !== 1) return 'two SQL parsers disagree on where the statement ends'
  const verb = verbOf(tree[0] as Tree)
  if (verb === undefined) return undefined
  if (verb !== (facts.verb === 'values' ? 'select' : facts.verb))
    return 'two SQL parsers disagree on the kind of the statement'
  const theirs = new Set<string>()
  collect(tree[0], undefined, theirs)
  const ours = new Set(facts.relations.map(({ relation }) => key(relation.schema, relation.name)))
  if (theirs.size === ours.size && [...theirs].every((name) => ours.has(name))) return undefined
  return 'two SQL parsers disagree on the tables of the statement'
}

type Tree = Readonly<Record<string, unknown>>

interface Scope {
  readonly names: Set<string>
  readonly outer: Scope | undefined
}

function verbOf(tree: Tree): string | undefined {
  switch (tree.type) {
    case 'with':
    case 'with recursive':
      return verbOf(tree.in as Tree)
    case 'select':
    case 'union':
    case 'union all':
    case 'values':
      return 'select'
    case 'insert':
    case 'update':
    case 'delete':
      return tree.type
    default:
      return undefined
  }
}

/** Every table under a tree; the library's own visitor misses some places, so all fields are walked. */
function collect(value: unknown, scope: Scope | undefined, into: Set<string>): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(item, scope, into)
    return
  }
  if (typeof value !== 'object' || value === null) return
  const tree = value as Tree
  switch (tree.type) {
    case 'with': {
      const inner: Scope = { names: new Set(), outer: scope }
      for (const bind of tree.bind as { alias: { name: string }; statement: unknown }[]) {
        collect(bind.statement, inner, into)
        inner.names.add(truncated(bind.alias.name))
      }
      collect(tree.in, inner, into)
      return
    }
    case 'with recursive': {
      const inner: Scope = { names: new Set([truncated((tree.alias as { name: string }).name)]), outer: scope }
      collect(tree.bind, inner, into)
      collect(tree.in, inner, into)
      return
    }
    case 'table':
      table(tree.name as TableName, scope, into)
      break
    case 'insert':
      table(tree.into as TableName, undefined, into)
      break
    case 'update':
      table(tree.table as TableName, undefined, into)
      break
    case 'delete':
      table(tree.from as TableName, undefined, into)
      break
  }
  for (const field in tree) collect(tree[field], scope, into)
}

interface TableName {
  readonly name: string
  readonly schema?: string
}

function table(relation: TableName | undefined, scope: Scope | undefined, into: Set<string>): void {
  // `FOR UPDATE` has the type `update` too, and no table.
  if (typeof relation?.name !== 'string') return
  const { name, schema } = relation
  const short = truncated(name)
  if (schema === undefined) for (let s = scope; s; s = s.outer) if (s.names.has(short)) return
  into.add(key(schema === undefined ? undefined : truncated(schema), short))
}

function key(schema: string | undefined, name: string): string {
  return schema === undefined ? name : `${schema}\0${name}`
}

/** Names longer than 63 bytes are cut by the server (NAMEDATALEN). */
function truncated(name: string): string {
  if (name.length <= 21 || Buffer.byteLength(name) <= 63) return name
  const bytes = Buffer.from(name)
  let end = 63
  while ((bytes[end]! & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}
