import type { StatementClass } from '@sluice/parsers'

/** The words that rules may use in `allow`, `deny` and `approve`. */

export const CLASS_WORDS: readonly (StatementClass | 'any')[] = [
  'read',
  'write',
  'schema',
  'access',
  'session',
  'transaction',
  'procedure',
  'opaque',
  'any',
]

const OBJECTS = [
  'access method, aggregate, cast, collation, conversion, database, domain, event, event trigger, extension',
  'foreign data wrapper, foreign table, function, group, index, instance, language, large object, library, logfile group',
  'materialized view, operator, operator class, operator family, owned, package, package body, policy, procedure',
  'property graph, publication, resource group, role, routine, rule, schema, sequence, server, spatial reference system',
  'statistics, subscription, system, table, table as, tablespace, text search configuration, text search dictionary',
  'text search parser, text search template, transform, trigger, type, undo tablespace, user, user mapping, view',
  'default privileges, temporary table',
]
  .join(', ')
  .split(', ')

const OTHERS = [
  'select, select for update, select for no key update, select for share, select for key share, values, table, insert, replace, update, delete, merge, truncate, copy, load data, load xml, import table',
  'explain, analyze, vacuum, cluster, reindex, refresh materialized view, comment, security label, import foreign schema',
  'lock, lock table, lock tables, unlock tables, rename table, rename user, handler, do, call, execute, prepare, deallocate',
  'declare, declare cursor, fetch, move, close, listen, notify, unlisten, load, checkpoint, discard, set, reset, show, use',
  'set role, set session authorization, set session characteristics, set global, set transaction, set constraints, set names, set character set, set password',
  'set default role, set resource group, set statement, begin, start transaction, commit, end, rollback, abort, savepoint',
  'release, release savepoint, rollback to savepoint, prepare transaction, commit prepared, rollback prepared',
  'grant, revoke, reassign owned, kill, shutdown, restart, flush, purge, purge binary logs, change master',
  'change replication source, start replica, stop replica, reset replica, start slave, stop slave, reset slave, reset master',
  'install plugin, uninstall plugin, install component, uninstall component, clone, binlog, cache index, load index',
  'optimize, optimize table, repair, repair table, check, check table, checksum, checksum table, analyze table, describe, help',
  'signal, resignal, get diagnostics, xa, deallocate prepare, select into, backup, wait',
  'show processlist, show grants, show databases, show tables, show columns, show index, show create table, show variables',
  'show status, show warnings, show errors, show engine, show binlog events, show relaylog events, show create user',
]
  .join(', ')
  .split(', ')

/** Every verb that a rule may name: the statements of both servers' manuals, lower case. */
export const VERBS: ReadonlySet<string> = new Set([
  ...OTHERS,
  ...['create', 'alter', 'drop'].flatMap((action) => OBJECTS.map((object) => `${action} ${object}`)),
])
