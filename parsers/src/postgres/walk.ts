import type { StatementFacts } from '../facts.js'
import { FactsBuilder, type StatementKind } from '../facts-builder.js'
import { UnanalysableError } from '../unanalysable-error.js'
import { assignedFrom } from './assigned.js'
import { classify, settingKind } from './classify.js'
import { functionClass } from './functions.js'
import type { Fields } from './grammar.js'
import { EXPRESSION_KINDS, FIXED_FIELDS } from './nodes.js'
import { outputsOf } from './outputs.js'
import { constantText, namesOf, settingValue, unwrap } from './tree.js'
import { READ_BY_UTILITY, readUtility } from './utility.js'

/** The names that WITH clauses put in front of tables, innermost first. */
interface Scope {
  readonly names: Set<string>
  readonly outer: Scope | undefined
}

/** What holds for the part of the tree under way. */
export interface Context {
  /** What a relation met here is used for. */
  readonly use: StatementKind
  readonly scope: Scope | undefined
}

const SELECT: StatementKind = { verb: 'select', class: 'read' }
const OPAQUE_UPDATE: StatementKind = { verb: 'update pg_settings', class: 'opaque' }

/**
 * The facts of one statement of PostgreSQL's raw parse tree.
 * @throws UnanalysableError `unknown` for a node that is not in the lists.
 */
export function walkStatement(node: string, fields: Fields): StatementFacts {
  const kind = kindOf(node, fields)
  const walk = new Walk(kind)
  walk.statement(node, fields, { use: kind, scope: undefined })
  const shown = node === 'PrepareStmt' ? (fields.query as Fields | undefined)?.SelectStmt : fields
  if (shown && (node === 'SelectStmt' || node === 'PrepareStmt')) walk.facts.outputs = outputsOf(shown as Fields)
  return walk.facts.build()
}

function kindOf(node: string, fields: Fields): StatementKind {
  const kind = classify(node, fields)
  if (!kind || kind.verb.endsWith(' object')) {
    throw new UnanalysableError('unknown', `this kind of statement is not known to the gateway (\`${node}\`)`)
  }
  return kind
}

/** One walk over a statement, with everything nested in it. */
export class Walk {
  readonly facts: FactsBuilder
  /** The setting that `name` means, in a SELECT from the one row of pg_settings that is its. */
  #settingInRow: string | undefined

  constructor(kind: StatementKind) {
    this.facts = new FactsBuilder(kind)
  }

  /** A statement; its own kind is the caller's to note. */
  statement(node: string, fields: Fields, context: Context): void {
    switch (node) {
      case 'SelectStmt':
        this.#select(fields, context)
        return
      case 'InsertStmt':
        this.#insert(fields, context)
        return
      case 'UpdateStmt':
      case 'DeleteStmt':
        this.#change(node, fields, context)
        return
      case 'MergeStmt':
        this.#merge(fields, context)
        return
      default:
        readUtility(this, node, fields)
        this.children(node, fields, context, READ_BY_UTILITY[node])
    }
  }

  /** A statement inside another: counts as itself. */
  nested(node: string, fields: Fields, context: Context): void {
    const kind = kindOf(node, fields)
    this.facts.nest(kind)
    this.statement(node, fields, { use: kind, scope: context.scope })
  }

  /** Every field of a node. */
  children(node: string, fields: Fields, context: Context, except?: ReadonlySet<string>): void {
    for (const field in fields) {
      if (except?.has(field)) continue
      const value = fields[field]
      if (typeof value === 'object' && value !== null) this.#value(node, field, value, context)
    }
  }

  #value(node: string, field: string, value: object, context: Context): void {
    if (Array.isArray(value)) {
      for (const item of value) {
        if (typeof item === 'object' && item !== null) this.#value(node, field, item, context)
      }
      return
    }
    const wrapped = unwrap(value)
    if (wrapped) {
      this.node(wrapped[0], wrapped[1], context)
      return
    }
    const fixed = FIXED_FIELDS[field] ?? FIXED_FIELDS[`${node}.${field}`]
    if (fixed) {
      this.node(fixed, value as Fields, context)
      return
    }
    // An empty list element, as in FUNCTION f(*) or a null in a list of names.
    if (Object.keys(value).length === 0) return
    throw new UnanalysableError('unknown', `the statement holds what the gateway does not know (\`${node}.${field}\`)`)
  }

  node(kind: string, fields: Fields, context: Context): void {
    switch (kind) {
      case 'A_Const':
      case 'String':
      case 'Integer':
      case 'Float':
      case 'Boolean':
      case 'BitString':
      case 'RoleSpec':
        return
      case 'RangeVar':
        this.#relation(fields, context)
        return
      case 'FuncCall':
        this.#call(fields, context)
        return
      case 'ColumnRef':
        this.#notation(fields.fields, 1, true)
        return
      case 'TypeName':
        // CREATE OPERATOR and its kin name their function as a type.
        this.#notation(fields.names, 0)
        this.children(kind, fields, context)
        return
      case 'ObjectWithArgs':
        this.#notation(fields.objname, 0)
        this.children(kind, fields, context)
        return
      case 'A_Indirection':
        this.#notation(fields.indirection, 0, true)
        this.children(kind, fields, context)
        return
      case 'SubLink':
      case 'RangeSubselect':
        this.children(kind, fields, { use: SELECT, scope: context.scope })
        return
      case 'WithClause':
        throw new UnanalysableError('unknown', 'a WITH clause where the gateway does not expect one')
    }
    if (EXPRESSION_KINDS.has(kind)) {
      this.children(kind, fields, context)
      return
    }
    this.#innerStatement(kind, fields, context)
  }

  #innerStatement(kind: string, fields: Fields, context: Context): void {
    // A query in an expression, a FROM list or an INSERT is no statement of its own: its relations say what it does.
    if (kind === 'SelectStmt' && context.use === SELECT) {
      this.#select(fields, context)
      return
    }
    if (kind === 'VariableSetStmt') {
      this.#lastingSetting(fields)
      return
    }
    if (kind === 'CreateStmt' && context.use.verb === 'create foreign table') {
      this.children(kind, fields, context)
      return
    }
    if (kind === 'ReturnStmt') {
      this.children(kind, fields, { use: SELECT, scope: context.scope })
      return
    }
    this.nested(kind, fields, context)
  }

  #select(fields: Fields, outer: Context): void {
    const context = { use: SELECT, scope: this.#with(fields.withClause, outer.scope) }
    const into = fields.intoClause as Fields | undefined
    if (into) {
      const kind = { verb: 'select into', class: 'schema' } as const
      this.facts.nest(SELECT)
      if (this.facts.kind.verb === 'select') this.facts.kind = kind
      else this.facts.nest(kind)
      this.node('IntoClause', into, { use: kind, scope: undefined })
    }
    if (fields.op !== 'SETOP_NONE' || fields.withClause || !isPlainFrom(fields.fromClause))
      this.facts.plainOutput = false
    if (hasSubquery(fields.targetList)) this.facts.plainOutput = false
    if (fields.lockingClause) this.#locks(fields, context.scope)
    const outerSetting = this.#settingInRow
    this.#settingInRow = settingInRow(fields)
    this.children('SelectStmt', fields, context, SELECT_PARTS)
    this.#settingInRow = outerSetting
    // Each side of a set operation is a SELECT of its own.
    for (const side of ['larg', 'rarg']) {
      const query = fields[side] as Fields | undefined
      if (query) this.#select(query, context)
    }
  }

  /** Opens the scope of a WITH clause and walks its queries; data-modifying ones count as statements of their own. */
  #with(clause: unknown, outer: Scope | undefined): Scope | undefined {
    if (!clause) return outer
    const { ctes, recursive } = clause as { ctes?: Fields[]; recursive?: boolean }
    const scope: Scope = { names: new Set(), outer }
    const parts = (ctes ?? []).map((cte) => cte.CommonTableExpr as Fields)
    if (recursive) for (const cte of parts) scope.names.add(String(cte.ctename))
    for (const cte of parts) {
      const context = { use: SELECT, scope }
      this.children('CommonTableExpr', cte, context)
      scope.names.add(String(cte.ctename))
    }
    return scope
  }

  #insert(fields: Fields, outer: Context): void {
    const kind = { verb: 'insert', class: 'write' } as const
    const scope = this.#with(fields.withClause, outer.scope)
    this.#target(fields.relation, kind)
    this.#output(fields, true)
    const conflict = fields.onConflictClause as Fields | undefined
    if (conflict?.action === 'ONCONFLICT_UPDATE')
      this.#target(fields.relation, { verb: 'update', class: 'write' }, conflict.targetList)
    this.children('InsertStmt', fields, { use: SELECT, scope }, TARGET_PARTS)
  }

  #change(node: 'UpdateStmt' | 'DeleteStmt', fields: Fields, outer: Context): void {
    const kind = { verb: node === 'UpdateStmt' ? 'update' : 'delete', class: 'write' } as const
    const scope = this.#with(fields.withClause, outer.scope)
    this.#target(fields.relation, kind, node === 'UpdateStmt' ? fields.targetList : undefined)
    if (!fields.whereClause) this.facts.hasWhere = false
    this.#output(fields, isPlainFrom(fields.fromClause) && isPlainFrom(fields.usingClause))
    this.children(node, fields, { use: SELECT, scope }, TARGET_PARTS)
  }

  #merge(fields: Fields, outer: Context): void {
    const scope = this.#with(fields.withClause, outer.scope)
    this.#target(fields.relation, { verb: 'merge', class: 'write' })
    for (const clause of (fields.mergeWhenClauses ?? []) as Fields[]) {
      const { commandType, targetList } = clause.MergeWhenClause as Fields
      const action = String(commandType)
      const verb = MERGE_VERBS[action]
      if (verb) this.#target(fields.relation, { verb, class: 'write' }, verb === 'update' ? targetList : undefined)
      else if (action !== 'CMD_NOTHING') throw new UnanalysableError('unknown', `unknown MERGE action \`${action}\``)
    }
    this.#output(fields, isPlainFrom([fields.sourceRelation]))
    this.children('MergeStmt', fields, { use: SELECT, scope }, TARGET_PARTS)
  }

  /** What RETURNING can show. */
  #output(fields: Fields, plainSources: boolean): void {
    const returning = fields.returningClause as Fields | undefined
    if (returning && (fields.withClause || !plainSources || hasSubquery(returning.exprs)))
      this.facts.plainOutput = false
  }

  /** The target of a change is a table, whatever WITH says. */
  #target(relation: unknown, use: StatementKind, assigned?: unknown): void {
    const range = relation as Fields
    const columns = assigned === undefined ? [] : assignedFrom(range, assigned)
    this.facts.relation(range.schemaname as string | undefined, String(range.relname), use, columns)
    // The view's rule calls set_config.
    if (range.relname === 'pg_settings') this.facts.nest(OPAQUE_UPDATE)
  }

  #relation(range: Fields, context: Context): void {
    const schema = range.schemaname as string | undefined
    const name = String(range.relname)
    if (context.use === SELECT && schema === undefined && isInScope(name, context.scope)) return
    this.facts.relation(schema, name, context.use)
  }

  /** SELECT ... FOR UPDATE: the locked relations need more than reading, as the manual asks for UPDATE on them too. */
  #locks(fields: Fields, scope: Scope | undefined): void {
    for (const clause of fields.lockingClause as Fields[]) {
      const { strength, lockedRels } = clause.LockingClause as Fields
      const verb = LOCK_VERBS[String(strength)]
      if (!verb) throw new UnanalysableError('unknown', `unknown row lock \`${String(strength)}\``)
      const locked = lockedRels as Fields[] | undefined
      const names = locked && new Set(locked.map((range) => String((range.RangeVar as Fields).relname)))
      for (const range of rangesIn(fields.fromClause, names)) {
        const name = String(range.relname)
        if (range.schemaname === undefined && isInScope(name, scope)) continue
        this.facts.relation(range.schemaname as string | undefined, name, { verb, class: 'write' })
      }
    }
  }

  #call(call: Fields, context: Context): void {
    const names = namesOf(call.funcname)
    const name = names.at(-1) ?? ''
    this.facts.function(names.at(-2), name)
    const kind = functionClass(name)
    if (kind) this.facts.nest({ verb: `function ${name}`, class: kind })
    if (name === 'set_config') this.#setConfig(call)
    this.children('FuncCall', call, context)
  }

  #setConfig(call: Fields): void {
    const args = (call.args ?? []) as Fields[]
    const [constant, value] = args.map(constantText)
    const name = constant ?? (isColumnName(args[0]) ? this.#settingInRow : undefined)
    if (name === undefined) {
      this.facts.nest({ verb: 'function set_config', class: 'opaque' })
      return
    }
    this.#noteSetting(name, value, false)
  }

  /** Functional notation: `x.f` and `(x).f` call `f(x)`, scalars from a function in FROM included. */
  #notation(list: unknown, from: number, dotted = false): void {
    for (const name of namesOf(list).slice(from)) {
      if (dotted) this.facts.dotted(name)
      const kind = functionClass(name)
      if (!kind && name !== 'set_config') continue
      this.facts.function(undefined, name)
      this.facts.nest({ verb: `function ${name}`, class: kind ?? 'opaque' })
    }
  }

  #noteSetting(name: string, value: string | undefined, lasting: boolean): void {
    this.facts.setting(name.toLowerCase(), value, lasting)
    const kind = settingKind(name, false)
    if (kind.verb !== 'set' && this.facts.kind.verb !== kind.verb) this.facts.nest(kind)
  }

  /** SET inside ALTER ROLE, ALTER DATABASE, ALTER SYSTEM and CREATE FUNCTION. */
  #lastingSetting(fields: Fields): void {
    this.#noteSetting(String(fields.name ?? 'all'), settingValue(fields), true)
  }
}

const SELECT_PARTS = new Set(['withClause', 'intoClause', 'lockingClause', 'larg', 'rarg'])
const TARGET_PARTS = new Set(['withClause', 'relation'])
const MERGE_VERBS: Readonly<Record<string, string>> = {
  CMD_INSERT: 'insert',
  CMD_UPDATE: 'update',
  CMD_DELETE: 'delete',
}
const LOCK_VERBS: Readonly<Record<string, string>> = {
  LCS_FORUPDATE: 'select for update',
  LCS_FORNOKEYUPDATE: 'select for no key update',
  LCS_FORSHARE: 'select for share',
  LCS_FORKEYSHARE: 'select for key share',
}

/** `SELECT ... FROM pg_settings WHERE name = 'x'`, as pg_dump writes it: its `name` is 'x' and nothing else. */
function settingInRow(select: Fields): string | undefined {
  const [from, ...others] = (select.fromClause ?? []) as Fields[]
  const range = from?.RangeVar as Fields | undefined
  if (!range || others.length > 0 || select.withClause || range.relname !== 'pg_settings') return undefined
  if (range.schemaname !== undefined && range.schemaname !== 'pg_catalog') return undefined
  const test = (select.whereClause as Fields | undefined)?.A_Expr as Fields | undefined
  if (test?.kind !== 'AEXPR_OP' || namesOf(test.name).join('.') !== '=' || !isColumnName(test.lexpr as Fields))
    return undefined
  return constantText(test.rexpr as Fields)
}

function isColumnName(node: Fields | undefined): boolean {
  const { fields } = (node?.ColumnRef ?? {}) as { fields?: unknown[] }
  return fields?.length === 1 && namesOf(fields)[0] === 'name'
}

function isInScope(name: string, scope: Scope | undefined): boolean {
  for (let s = scope; s; s = s.outer) if (s.names.has(name)) return true
  return false
}

/** True where a FROM list holds base tables and joins of them alone. */
function isPlainFrom(list: unknown): boolean {
  if (list === undefined) return true
  return (list as Fields[]).every((item) => {
    if (item.RangeVar) return true
    const join = item.JoinExpr as Fields | undefined
    return join !== undefined && isPlainFrom([join.larg, join.rarg])
  })
}

/** The tables in a FROM list and its subqueries, all or those known by one of the names. */
function* rangesIn(list: unknown, names: ReadonlySet<string> | undefined): Generator<Fields> {
  for (const item of (list ?? []) as Fields[]) {
    const [kind, fields] = unwrap(item) ?? []
    if (!kind || !fields) continue
    const named = !names || names.has(String((fields.alias as Fields | undefined)?.aliasname ?? fields.relname))
    if (kind === 'RangeVar' && named) yield fields
    else if (kind === 'JoinExpr') yield* rangesIn([fields.larg, fields.rarg], named && names ? undefined : names)
    else if (kind === 'RangeTableSample') yield* rangesIn([fields.relation], names)
    else if (kind === 'RangeSubselect' && named) {
      const query = (fields.subquery as Fields | undefined)?.SelectStmt as Fields | undefined
      if (query) yield* rangesIn(query.fromClause, undefined)
    }
  }
}

function hasSubquery(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if ('SubLink' in value) return true
  for (const key in value) if (hasSubquery((value as Record<string, unknown>)[key])) return true
  return false
}
