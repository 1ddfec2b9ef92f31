import type { Fields } from './grammar.js'
import { namesOf, settingValue } from './tree.js'
import type { Walk } from './walk.js'

/**
 * What utility statements say outside of the nodes that every walk sees: names in plain strings, settings, databases,
 * and what the gateway cannot see into.
 */
export function readUtility(walk: Walk, node: string, fields: Fields): void {
  READERS[node]?.(walk, fields)
}

/** Fields that a reader has dealt with and the walk passes by. */
export const READ_BY_UTILITY: Readonly<Record<string, ReadonlySet<string>>> = { CopyStmt: new Set(['relation']) }

type Reader = (walk: Walk, fields: Fields) => void

/** Objects whose name is a relation's. */
const RELATION_OBJECTS = new Set([
  'OBJECT_TABLE',
  'OBJECT_VIEW',
  'OBJECT_MATVIEW',
  'OBJECT_INDEX',
  'OBJECT_SEQUENCE',
  'OBJECT_FOREIGN_TABLE',
])

/** Objects whose name is a relation's with one more part. */
const RELATION_PARTS = new Set([
  'OBJECT_COLUMN',
  'OBJECT_TABCONSTRAINT',
  'OBJECT_TRIGGER',
  'OBJECT_RULE',
  'OBJECT_POLICY',
])

function namedObject(walk: Walk, type: unknown, object: unknown): void {
  const items = ((object as Fields | undefined)?.List as Fields | undefined)?.items
  const names = namesOf(items)
  if (type === 'OBJECT_DATABASE') {
    const name = ((object as Fields | undefined)?.String as Fields | undefined)?.sval
    if (typeof name === 'string') walk.facts.database(name)
  }
  if (RELATION_PARTS.has(type as string)) names.pop()
  else if (!RELATION_OBJECTS.has(type as string)) return
  const name = names.at(-1)
  if (name !== undefined) walk.facts.relation(names.at(-2), name, walk.facts.kind)
}

const objectOf =
  (type: string): Reader =>
  (walk, fields) =>
    namedObject(walk, fields[type], fields.object)

const databaseIn =
  (field: string): Reader =>
  (walk, fields) => {
    if (typeof fields[field] === 'string') walk.facts.database(fields[field])
  }

const opaque =
  (verb: string): Reader =>
  (walk) =>
    walk.facts.nest({ verb, class: 'opaque' })

const TRANSACTION: Readonly<Record<string, 'begin' | 'commit' | 'rollback' | 'savepoint'>> = {
  TRANS_STMT_BEGIN: 'begin',
  TRANS_STMT_START: 'begin',
  TRANS_STMT_COMMIT: 'commit',
  TRANS_STMT_PREPARE: 'commit',
  TRANS_STMT_ROLLBACK: 'rollback',
  TRANS_STMT_SAVEPOINT: 'savepoint',
  TRANS_STMT_RELEASE: 'savepoint',
  TRANS_STMT_ROLLBACK_TO: 'savepoint',
}

function prepared(action: 'prepare' | 'execute' | 'deallocate'): Reader {
  return (walk, fields) => {
    walk.facts.prepared = typeof fields.name === 'string' ? { action, name: fields.name } : { action }
    if (action === 'execute') walk.facts.plainOutput = false
  }
}

/** Parts of CREATE AGGREGATE, OPERATOR, TYPE and TEXT SEARCH that name a function, which runs when the thing is used. */
const FUNCTION_PARTS: ReadonlySet<string> = new Set(
  `sfunc finalfunc combinefunc serialfunc deserialfunc msfunc minvfunc mfinalfunc function procedure restrict join input output
   receive send typmod_in typmod_out analyze subscript canonical subtype_diff start gettoken end headline lextypes init lexize`.split(
    /\s+/,
  ),
)

/** OPCLASS_ITEM_FUNCTION (src/include/nodes/parsenodes.h). */
const FUNCTION_OF_CLASS = 2

function noteFunction(walk: Walk, list: unknown): void {
  const names = namesOf(list)
  const name = names.at(-1)
  if (name !== undefined) walk.facts.function(names.at(-2), name)
}

const READERS: Readonly<Record<string, Reader>> = {
  DropStmt: (walk, fields) => {
    for (const object of (fields.objects ?? []) as Fields[]) namedObject(walk, fields.removeType, object)
  },
  CommentStmt: objectOf('objtype'),
  SecLabelStmt: objectOf('objtype'),
  AlterOwnerStmt: objectOf('objectType'),
  AlterExtensionContentsStmt: objectOf('objtype'),
  RenameStmt: (walk, fields) => {
    if (fields.renameType !== 'OBJECT_DATABASE') return
    for (const name of [fields.subname, fields.newname]) if (typeof name === 'string') walk.facts.database(name)
  },
  GrantStmt: (walk, fields) => {
    if (fields.objtype === 'OBJECT_DATABASE') for (const name of namesOf(fields.objects)) walk.facts.database(name)
  },
  CreatedbStmt: databaseIn('dbname'),
  DropdbStmt: databaseIn('dbname'),
  AlterDatabaseStmt: databaseIn('dbname'),
  AlterDatabaseSetStmt: databaseIn('dbname'),
  AlterDatabaseRefreshCollStmt: databaseIn('dbname'),
  AlterRoleSetStmt: databaseIn('database'),
  ReindexStmt: (walk, fields) => {
    if (fields.kind === 'REINDEX_OBJECT_DATABASE' && typeof fields.name === 'string') walk.facts.database(fields.name)
  },

  VariableSetStmt: (walk, fields) => {
    if (String(fields.kind) === 'VAR_SET_MULTI') return
    walk.facts.setting(String(fields.name ?? 'all').toLowerCase(), settingValue(fields), false)
  },
  DiscardStmt: (walk, fields) => {
    if (fields.target === 'DISCARD_ALL') walk.facts.setting('all', undefined, false)
  },
  TransactionStmt: (walk, fields) => {
    walk.facts.transaction = TRANSACTION[fields.kind as string]
  },

  PrepareStmt: prepared('prepare'),
  ExecuteStmt: prepared('execute'),
  DeallocateStmt: prepared('deallocate'),
  FetchStmt: (walk) => {
    walk.facts.plainOutput = false
  },
  CopyStmt: (walk, fields) => {
    const server = fields.is_program === true || typeof fields.filename === 'string'
    const direction = fields.is_from ? 'in' : 'out'
    walk.facts.copy = { direction, end: server ? 'server' : 'client' }
    const relation = fields.relation as Fields | undefined
    if (!relation) return
    const use = fields.is_from
      ? ({ verb: 'insert', class: 'write' } as const)
      : ({ verb: 'select', class: 'read' } as const)
    walk.facts.relation(relation.schemaname as string | undefined, String(relation.relname), use)
  },

  CreateTrigStmt: (walk, fields) => noteFunction(walk, fields.funcname),
  CreateEventTrigStmt: (walk, fields) => noteFunction(walk, fields.funcname),
  CreateCastStmt: (walk, fields) => noteFunction(walk, (fields.func as Fields | undefined)?.objname),
  CreateOpClassStmt: (walk, fields) => {
    for (const item of (fields.items ?? []) as Fields[]) {
      const { itemtype, name } = item.CreateOpClassItem as Fields
      if (itemtype === FUNCTION_OF_CLASS) noteFunction(walk, (name as Fields | undefined)?.objname)
    }
  },
  DefineStmt: (walk, fields) => {
    for (const item of (fields.definition ?? []) as Fields[]) {
      const { defname, arg } = item.DefElem as Fields
      if (!FUNCTION_PARTS.has(String(defname))) continue
      const named = (arg as Fields | undefined)?.TypeName as Fields | undefined
      noteFunction(walk, named?.names ?? ((arg as Fields | undefined)?.List as Fields | undefined)?.items)
    }
  },

  CallStmt: opaque('call'),
  CreateFunctionStmt: opaque('create function'),
  CreateExtensionStmt: opaque('create extension'),
  CreatePLangStmt: opaque('create language'),
  CreateTransformStmt: opaque('create transform'),
  AlterExtensionStmt: opaque('alter extension'),
}
