import type { StatementClass } from '../facts.js'
import type { StatementKind } from '../facts-builder.js'
import type { Fields } from './grammar.js'

/** The kind of every statement of PostgreSQL 18's grammar, by node. A node that is not here cannot be analysed. */
export function classify(node: string, fields: Fields): StatementKind | undefined {
  const entry = STATEMENTS[node as StatementNode] as (typeof STATEMENTS)[StatementNode] | undefined
  if (entry === undefined) return undefined
  return typeof entry === 'function' ? entry(fields) : { verb: entry[0], class: entry[1] }
}

/** The verbs of PostgreSQL's statements with their classes, for policies to be checked against. */
export function postgresVerbs(): Map<string, StatementClass> {
  const verbs = new Map<string, StatementClass>()
  for (const entry of Object.values(STATEMENTS)) if (typeof entry !== 'function') verbs.set(entry[0], entry[1])
  for (const words of Object.values(OBJECT_WORDS)) {
    for (const action of ['create', 'alter', 'drop']) verbs.set(`${action} ${words}`, classOfObject(words))
  }
  for (const [verb, kind] of Object.entries(MORE_VERBS)) verbs.set(verb, kind)
  return verbs
}

type Entry = readonly [verb: string, kind: StatementClass] | ((fields: Fields) => StatementKind)

const OBJECT_WORDS: Readonly<Record<string, string>> = {
  OBJECT_ACCESS_METHOD: 'access method',
  OBJECT_AGGREGATE: 'aggregate',
  OBJECT_AMOP: 'operator family',
  OBJECT_AMPROC: 'operator family',
  OBJECT_ATTRIBUTE: 'type',
  OBJECT_CAST: 'cast',
  OBJECT_COLUMN: 'table',
  OBJECT_COLLATION: 'collation',
  OBJECT_CONVERSION: 'conversion',
  OBJECT_DATABASE: 'database',
  OBJECT_DEFAULT: 'table',
  OBJECT_DOMAIN: 'domain',
  OBJECT_DOMCONSTRAINT: 'domain',
  OBJECT_EVENT_TRIGGER: 'event trigger',
  OBJECT_EXTENSION: 'extension',
  OBJECT_FDW: 'foreign data wrapper',
  OBJECT_FOREIGN_SERVER: 'server',
  OBJECT_FOREIGN_TABLE: 'foreign table',
  OBJECT_FUNCTION: 'function',
  OBJECT_INDEX: 'index',
  OBJECT_LANGUAGE: 'language',
  OBJECT_LARGEOBJECT: 'large object',
  OBJECT_MATVIEW: 'materialized view',
  OBJECT_OPCLASS: 'operator class',
  OBJECT_OPERATOR: 'operator',
  OBJECT_OPFAMILY: 'operator family',
  OBJECT_POLICY: 'policy',
  OBJECT_PROCEDURE: 'procedure',
  OBJECT_PUBLICATION: 'publication',
  OBJECT_ROLE: 'role',
  OBJECT_ROUTINE: 'routine',
  OBJECT_RULE: 'rule',
  OBJECT_SCHEMA: 'schema',
  OBJECT_SEQUENCE: 'sequence',
  OBJECT_STATISTIC_EXT: 'statistics',
  OBJECT_SUBSCRIPTION: 'subscription',
  OBJECT_TABCONSTRAINT: 'table',
  OBJECT_TABLE: 'table',
  OBJECT_TABLESPACE: 'tablespace',
  OBJECT_TRANSFORM: 'transform',
  OBJECT_TRIGGER: 'trigger',
  OBJECT_TSCONFIGURATION: 'text search configuration',
  OBJECT_TSDICTIONARY: 'text search dictionary',
  OBJECT_TSPARSER: 'text search parser',
  OBJECT_TSTEMPLATE: 'text search template',
  OBJECT_TYPE: 'type',
  OBJECT_USER_MAPPING: 'user mapping',
  OBJECT_VIEW: 'view',
}

const ACCESS_OBJECTS = new Set(['role', 'policy', 'user mapping'])

function classOfObject(words: string): StatementClass {
  return ACCESS_OBJECTS.has(words) ? 'access' : 'schema'
}

/** `alter table`, `drop view`, ... for an ObjectType. */
function onObject(action: string, type: unknown): StatementKind {
  const words = OBJECT_WORDS[type as string] ?? 'object'
  return { verb: `${action} ${words}`, class: classOfObject(words) }
}

const transactions: Readonly<Record<string, string>> = {
  TRANS_STMT_BEGIN: 'begin',
  TRANS_STMT_START: 'start transaction',
  TRANS_STMT_COMMIT: 'commit',
  TRANS_STMT_ROLLBACK: 'rollback',
  TRANS_STMT_SAVEPOINT: 'savepoint',
  TRANS_STMT_RELEASE: 'release savepoint',
  TRANS_STMT_ROLLBACK_TO: 'rollback to savepoint',
  TRANS_STMT_PREPARE: 'prepare transaction',
  TRANS_STMT_COMMIT_PREPARED: 'commit prepared',
  TRANS_STMT_ROLLBACK_PREPARED: 'rollback prepared',
}

/** Settings that have statements of their own in the manual. */
const SET_STATEMENTS: Readonly<Record<string, StatementKind>> = {
  role: { verb: 'set role', class: 'access' },
  session_authorization: { verb: 'set session authorization', class: 'access' },
  transaction: { verb: 'set transaction', class: 'transaction' },
  'transaction snapshot': { verb: 'set transaction', class: 'transaction' },
  'session characteristics': { verb: 'set session characteristics', class: 'transaction' },
}

/** The kind of a change of this setting: `set role` is an act of its own, however it is written. */
export function settingKind(name: string, reset: boolean): StatementKind {
  return SET_STATEMENTS[name.toLowerCase()] ?? { verb: reset ? 'reset' : 'set', class: 'session' }
}

const STATEMENTS = {
  SelectStmt: (f) => (f.valuesLists ? { verb: 'values', class: 'read' } : { verb: 'select', class: 'read' }),
  InsertStmt: ['insert', 'write'],
  UpdateStmt: ['update', 'write'],
  DeleteStmt: ['delete', 'write'],
  MergeStmt: ['merge', 'write'],
  TruncateStmt: ['truncate', 'schema'],
  CopyStmt: (f) =>
    f.is_program || f.filename
      ? { verb: 'copy', class: 'opaque' }
      : { verb: 'copy', class: f.is_from ? 'write' : 'read' },
  CallStmt: ['call', 'procedure'],
  DoStmt: ['do', 'opaque'],
  LoadStmt: ['load', 'opaque'],

  ExplainStmt: ['explain', 'read'],
  PrepareStmt: ['prepare', 'session'],
  ExecuteStmt: ['execute', 'session'],
  DeallocateStmt: ['deallocate', 'session'],
  DeclareCursorStmt: ['declare', 'read'],
  FetchStmt: (f) => ({ verb: f.ismove ? 'move' : 'fetch', class: 'read' }),
  ClosePortalStmt: ['close', 'read'],
  VariableShowStmt: ['show', 'read'],
  VariableSetStmt: (f) => settingKind(String(f.name ?? 'all'), /RESET/.test(String(f.kind))),
  DiscardStmt: ['discard', 'session'],
  NotifyStmt: ['notify', 'session'],
  ListenStmt: ['listen', 'session'],
  UnlistenStmt: ['unlisten', 'session'],
  TransactionStmt: (f) => ({ verb: transactions[f.kind as string] ?? 'begin', class: 'transaction' }),
  ConstraintsSetStmt: ['set constraints', 'transaction'],
  // Mode 1 is ACCESS SHARE: what every SELECT takes.
  LockStmt: (f) => ({ verb: 'lock', class: f.mode === 1 ? 'read' : 'write' }),

  GrantStmt: (f) => ({ verb: f.is_grant ? 'grant' : 'revoke', class: 'access' }),
  GrantRoleStmt: (f) => ({ verb: f.is_grant ? 'grant' : 'revoke', class: 'access' }),
  AlterDefaultPrivilegesStmt: ['alter default privileges', 'access'],
  CreateRoleStmt: ['create role', 'access'],
  AlterRoleStmt: ['alter role', 'access'],
  AlterRoleSetStmt: ['alter role', 'access'],
  DropRoleStmt: ['drop role', 'access'],
  DropOwnedStmt: ['drop owned', 'access'],
  ReassignOwnedStmt: ['reassign owned', 'access'],
  CreatePolicyStmt: ['create policy', 'access'],
  AlterPolicyStmt: ['alter policy', 'access'],
  CreateUserMappingStmt: ['create user mapping', 'access'],
  AlterUserMappingStmt: ['alter user mapping', 'access'],
  DropUserMappingStmt: ['drop user mapping', 'access'],
  SecLabelStmt: ['security label', 'access'],
  AlterSystemStmt: ['alter system', 'access'],
  CheckPointStmt: ['checkpoint', 'access'],

  CreateStmt: ['create table', 'schema'],
  CreateForeignTableStmt: ['create foreign table', 'schema'],
  CreateTableAsStmt: (f) =>
    f.objtype === 'OBJECT_MATVIEW'
      ? { verb: 'create materialized view', class: 'schema' }
      : { verb: 'create table as', class: 'schema' },
  ViewStmt: ['create view', 'schema'],
  IndexStmt: ['create index', 'schema'],
  CreateSeqStmt: ['create sequence', 'schema'],
  CreateSchemaStmt: ['create schema', 'schema'],
  CreatedbStmt: ['create database', 'schema'],
  CreateDomainStmt: ['create domain', 'schema'],
  CompositeTypeStmt: ['create type', 'schema'],
  CreateEnumStmt: ['create type', 'schema'],
  CreateRangeStmt: ['create type', 'schema'],
  DefineStmt: (f) => onObject('create', f.kind),
  CreateFunctionStmt: (f) => ({ verb: f.is_procedure ? 'create procedure' : 'create function', class: 'schema' }),
  CreateTrigStmt: ['create trigger', 'schema'],
  CreateEventTrigStmt: ['create event trigger', 'schema'],
  RuleStmt: ['create rule', 'schema'],
  CreateExtensionStmt: ['create extension', 'schema'],
  CreatePLangStmt: ['create language', 'schema'],
  CreateFdwStmt: ['create foreign data wrapper', 'schema'],
  CreateForeignServerStmt: ['create server', 'schema'],
  ImportForeignSchemaStmt: ['import foreign schema', 'schema'],
  CreateAmStmt: ['create access method', 'schema'],
  CreateCastStmt: ['create cast', 'schema'],
  CreateConversionStmt: ['create conversion', 'schema'],
  CreateTransformStmt: ['create transform', 'schema'],
  CreateOpClassStmt: ['create operator class', 'schema'],
  CreateOpFamilyStmt: ['create operator family', 'schema'],
  CreateStatsStmt: ['create statistics', 'schema'],
  CreateTableSpaceStmt: ['create tablespace', 'schema'],
  CreatePublicationStmt: ['create publication', 'schema'],
  CreateSubscriptionStmt: ['create subscription', 'schema'],

  AlterTableStmt: (f) => onObject('alter', f.objtype),
  AlterTableMoveAllStmt: (f) => onObject('alter', f.objtype),
  AlterSeqStmt: ['alter sequence', 'schema'],
  AlterDomainStmt: ['alter domain', 'schema'],
  AlterEnumStmt: ['alter type', 'schema'],
  AlterTypeStmt: ['alter type', 'schema'],
  AlterCollationStmt: ['alter collation', 'schema'],
  AlterDatabaseStmt: ['alter database', 'schema'],
  AlterDatabaseSetStmt: ['alter database', 'schema'],
  AlterDatabaseRefreshCollStmt: ['alter database', 'schema'],
  AlterFunctionStmt: (f) => onObject('alter', f.objtype ?? 'OBJECT_FUNCTION'),
  AlterEventTrigStmt: ['alter event trigger', 'schema'],
  AlterExtensionStmt: ['alter extension', 'schema'],
  AlterExtensionContentsStmt: ['alter extension', 'schema'],
  AlterFdwStmt: ['alter foreign data wrapper', 'schema'],
  AlterForeignServerStmt: ['alter server', 'schema'],
  AlterObjectDependsStmt: (f) => onObject('alter', f.objectType),
  AlterObjectSchemaStmt: (f) => onObject('alter', f.objectType),
  AlterOwnerStmt: (f) => onObject('alter', f.objectType),
  AlterOperatorStmt: ['alter operator', 'schema'],
  AlterOpFamilyStmt: ['alter operator family', 'schema'],
  AlterStatsStmt: ['alter statistics', 'schema'],
  AlterTableSpaceOptionsStmt: ['alter tablespace', 'schema'],
  AlterTSConfigurationStmt: ['alter text search configuration', 'schema'],
  AlterTSDictionaryStmt: ['alter text search dictionary', 'schema'],
  AlterPublicationStmt: ['alter publication', 'schema'],
  AlterSubscriptionStmt: ['alter subscription', 'schema'],
  RenameStmt: (f) => {
    const column = f.renameType === 'OBJECT_COLUMN' || f.renameType === 'OBJECT_ATTRIBUTE'
    return onObject('alter', column ? f.relationType : f.renameType)
  },
  DropStmt: (f) => onObject('drop', f.removeType),
  DropdbStmt: ['drop database', 'schema'],
  DropTableSpaceStmt: ['drop tablespace', 'schema'],
  DropSubscriptionStmt: ['drop subscription', 'schema'],
  CommentStmt: ['comment', 'schema'],
  VacuumStmt: (f) => ({ verb: f.is_vacuumcmd ? 'vacuum' : 'analyze', class: 'schema' }),
  ClusterStmt: ['cluster', 'schema'],
  ReindexStmt: ['reindex', 'schema'],
  RefreshMatViewStmt: ['refresh materialized view', 'schema'],
} satisfies Record<string, Entry>

type StatementNode = keyof typeof STATEMENTS

/** The verbs that the functions above make. */
const MORE_VERBS: Readonly<Record<string, StatementClass>> = {
  select: 'read',
  values: 'read',
  'select for update': 'write',
  'select for no key update': 'write',
  'select for share': 'write',
  'select for key share': 'write',
  'select into': 'schema',
  'create table as': 'schema',
  'create materialized view': 'schema',
  copy: 'write',
  fetch: 'read',
  move: 'read',
  set: 'session',
  reset: 'session',
  lock: 'write',
  grant: 'access',
  revoke: 'access',
  vacuum: 'schema',
  analyze: 'schema',
  ...Object.fromEntries(Object.values(transactions).map((verb) => [verb, 'transaction' as const])),
  ...Object.fromEntries(Object.values(SET_STATEMENTS).map((kind) => [kind.verb, kind.class])),
}
