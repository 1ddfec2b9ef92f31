import type { StatementClass } from '../facts.js'
import type { StatementKind } from '../facts-builder.js'
import type { Cursor } from './tokens.js'

/**
 * What follows the words of a statement: a list of tables, one table, a database, expressions that may hold queries, or a
 * grammar of its own in `utility.ts` named here. `rest`: nothing in it that the gateway has to know.
 */
export type Tail =
  | 'rest'
  | 'tables'
  | 'table'
  | 'on-table'
  | 'database'
  | 'expressions'
  | 'opaque'
  | 'show'
  | 'explain'
  | 'analyze'
  | 'set'
  | 'prepare'
  | 'execute'
  | 'deallocate'
  | 'call'
  | 'load'
  | 'handler'
  | 'lock-tables'
  | 'create-table'
  | 'create-view'
  | 'create-trigger'
  | 'alter-table'
  | 'rename-table'
  | 'grant'
  | 'rollback'
  | 'savepoint'
  | 'begin'
  | 'commit'

export interface Form {
  readonly kind: StatementKind
  readonly tail: Tail
}

/** The kinds of MySQL's and MariaDB's statements by their words (SQL Statements, chapter 15), with class and what follows. */
const FORMS = `
show read show
describe read explain
desc read explain
explain read explain
help read rest
set session set
use session database
kill access expressions
prepare session prepare
execute session execute
execute immediate opaque opaque
deallocate prepare session deallocate
drop prepare session deallocate
call procedure call
do read expressions
load data write load
load xml write load
load index schema rest
handler read handler
signal session rest
resignal session rest
get diagnostics session rest
get current diagnostics session rest

begin transaction begin
start transaction transaction begin
commit transaction commit
rollback transaction rollback
savepoint transaction savepoint
release savepoint transaction savepoint
xa start transaction begin
xa begin transaction begin
xa end transaction rest
xa prepare transaction rest
xa commit transaction commit
xa rollback transaction commit
xa recover transaction rest
begin not atomic opaque opaque
lock tables write lock-tables
lock table write lock-tables
unlock tables transaction rest
unlock table transaction rest
lock instance access rest
unlock instance access rest

analyze table schema tables
analyze tables schema tables
analyze read analyze
optimize table schema tables
optimize tables schema tables
check table read tables
check tables read tables
check view read tables
checksum table read tables
checksum tables read tables
repair table schema tables
repair tables schema tables
repair view schema tables
cache index schema tables
truncate schema table
truncate table schema table
rename table schema rename-table
rename tables schema rename-table

grant access grant
revoke access grant
create user access rest
create role access rest
alter user access rest
drop user access rest
drop role access rest
rename user access rest
flush access rest
reset access rest
purge access rest
change replication access rest
change master access rest
start replica access rest
start slave access rest
start all access rest
start group_replication access rest
stop replica access rest
stop slave access rest
stop all access rest
stop group_replication access rest
restart access rest
shutdown access rest
alter instance access rest
backup stage access rest
backup lock access rest
backup unlock access rest
clone opaque opaque
install plugin opaque opaque
install component opaque opaque
install soname opaque opaque
uninstall plugin access rest
uninstall component access rest
uninstall soname access rest
binlog opaque opaque
import table opaque opaque

create database schema database
create schema schema database
alter database schema database
alter schema schema database
drop database schema database
drop schema schema database
create table schema create-table
alter table schema alter-table
drop table schema tables
drop tables schema tables
create view schema create-view
alter view schema create-view
drop view schema tables
create index schema on-table
drop index schema on-table
create sequence schema table
alter sequence schema table
drop sequence schema tables
create trigger schema create-trigger
drop trigger schema rest
create procedure schema opaque
alter procedure schema rest
drop procedure schema rest
create function schema opaque
alter function schema rest
drop function schema rest
create package schema opaque
drop package schema rest
create event schema opaque
alter event schema opaque
drop event schema rest
create library schema opaque
alter library schema rest
drop library schema rest
create server schema rest
alter server schema rest
drop server schema rest
create tablespace schema rest
alter tablespace schema rest
drop tablespace schema rest
create undo schema rest
alter undo schema rest
drop undo schema rest
create logfile schema rest
alter logfile schema rest
drop logfile schema rest
create resource access rest
alter resource access rest
drop resource access rest
create spatial reference system schema rest
drop spatial reference system schema rest`

/** Verbs that have several words in the language and one in the manual. */
const MANUAL: Readonly<Record<string, string>> = {
  desc: 'explain',
  describe: 'explain',
  'lock table': 'lock tables',
  'unlock table': 'unlock tables',
  'analyze tables': 'analyze table',
  'optimize tables': 'optimize table',
  'check tables': 'check table',
  'checksum tables': 'checksum table',
  'repair tables': 'repair table',
  'truncate table': 'truncate',
  'rename tables': 'rename table',
  'drop tables': 'drop table',
  'create schema': 'create database',
  'alter schema': 'alter database',
  'drop schema': 'drop database',
  'drop prepare': 'deallocate prepare',
  'xa begin': 'xa start',
  'start slave': 'start replica',
  'stop slave': 'stop replica',
  'get current diagnostics': 'get diagnostics',
  'create undo': 'create tablespace',
  'alter undo': 'alter tablespace',
  'drop undo': 'drop tablespace',
  'create logfile': 'create logfile group',
  'alter logfile': 'alter logfile group',
  'drop logfile': 'drop logfile group',
  'create resource': 'create resource group',
  'alter resource': 'alter resource group',
  'drop resource': 'drop resource group',
}

const BY_WORDS = new Map<string, Form>()
for (const line of FORMS.split('\n')) {
  const words = line.trim().split(' ')
  if (words.length < 3) continue
  const tail = words.pop() as Tail
  const kind = words.pop() as StatementClass
  const verb = words.join(' ')
  BY_WORDS.set(verb.toUpperCase(), { kind: { verb: MANUAL[verb] ?? verb, class: kind }, tail })
}

/** Words between CREATE, ALTER, DROP and what is created. */
const MODIFIERS = new Set(
  'OR REPLACE TEMPORARY UNIQUE FULLTEXT SPATIAL ONLINE OFFLINE IGNORE AGGREGATE NO_WRITE_TO_BINLOG LOCAL JSON RELATIONAL DUALITY VECTOR EXTERNAL'.split(
    ' ',
  ),
)

/**
 * Finds a statement's form and passes by its words. Undefined: not known. What may stand between CREATE and its object
 * (OR REPLACE, DEFINER = ..., ALGORITHM = ...) is passed by.
 */
export function classify(cursor: Cursor): Form | undefined {
  const first = cursor.peek()
  if (first?.kind !== 'word') return undefined
  let at = 1
  const words = [first.text]
  if (MODIFIED.has(first.text)) {
    at = pastModifiers(cursor)
    // SPATIAL is a modifier before INDEX only.
    if (cursor.peek(at)?.text === 'REFERENCE') at--
  }
  for (let length = 0; length < 3; length++) {
    const token = cursor.peek(at + length)
    if (token?.kind !== 'word') break
    words.push(token.text)
  }
  for (let length = words.length; length > 0; length--) {
    const form = BY_WORDS.get(words.slice(0, length).join(' '))
    if (!form) continue
    cursor.at += length === 1 ? 1 : at + length - 1
    return form
  }
  return undefined
}

const MODIFIED = new Set(['CREATE', 'ALTER', 'DROP', 'ANALYZE', 'OPTIMIZE', 'REPAIR'])

function pastModifiers(cursor: Cursor): number {
  let at = 1
  for (;;) {
    const token = cursor.peek(at)
    if (token?.kind !== 'word') return at
    if (MODIFIERS.has(token.text)) at++
    else if (token.text === 'ALGORITHM') at += 3
    else if (token.text === 'DEFINER') at = pastAccount(cursor, at + 2)
    else if (token.text === 'SQL' && cursor.peek(at + 1)?.text === 'SECURITY') at += 3
    else return at
  }
}

/** `'user'@'host'`, `user`, CURRENT_USER() */
function pastAccount(cursor: Cursor, start: number): number {
  let at = start + 1
  if (cursor.peek(at)?.text === '@') {
    at += 2
    // An unquoted host, in as many tokens as it has: db.example.org, 10.0.0.1
    while (cursor.peek(at) && cursor.peek(at)!.start === cursor.peek(at - 1)!.end) at++
  }
  if (cursor.peek(at)?.text === '(') at += 2
  return at
}

/** The verbs of MySQL's statements with their classes, for policies to be checked against. */
export function mysqlVerbs(): Map<string, StatementClass> {
  const verbs = new Map<string, StatementClass>()
  for (const { kind } of BY_WORDS.values()) verbs.set(kind.verb, kind.class)
  for (const [verb, kind] of Object.entries(MORE_VERBS)) verbs.set(verb, kind)
  return verbs
}

/** Verbs that are told apart further on in the statement. */
const MORE_VERBS: Readonly<Record<string, StatementClass>> = {
  select: 'read',
  table: 'read',
  values: 'read',
  insert: 'write',
  replace: 'write',
  update: 'write',
  delete: 'write',
  'select for update': 'write',
  'select for share': 'write',
  'select into outfile': 'opaque',
  'rollback to savepoint': 'transaction',
  'set global': 'access',
  'set password': 'access',
  'set role': 'access',
  'set default role': 'access',
  'set resource group': 'access',
  'set transaction': 'transaction',
  'show processlist': 'access',
  'show explain': 'access',
  'show engine': 'access',
  'show replica': 'access',
  'show binlog events': 'access',
  'show relaylog events': 'access',
  'show create user': 'access',
  'show grants for': 'access',
}
