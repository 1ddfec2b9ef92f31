import { type StatementClass, VERBS } from '@sluice/parsers'

/** The words that rules may use in `allow`, `deny` and `approve`, and what they mean in facts. */

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

/** Other spellings of one statement, by both manuals. */
const SAME: Readonly<Record<string, string>> = {
  describe: 'explain',
  desc: 'explain',
  end: 'commit',
  abort: 'rollback',
  'truncate table': 'truncate',
  'lock table': 'lock',
  release: 'release savepoint',
  'declare cursor': 'declare',
  'drop prepare': 'deallocate',
}

/**
 * Statements that one of the servers takes for the same: in PostgreSQL a user is a role, in MySQL a schema is a database. A
 * deny of one denies the other; an allow does not allow it.
 */
const ALSO_DENIED: Readonly<Record<string, string>> = {
  'create user': 'create role',
  'alter user': 'alter role',
  'drop user': 'drop role',
  'create group': 'create role',
  'alter group': 'alter role',
  'drop group': 'drop role',
  'create schema': 'create database',
  'alter schema': 'alter database',
  'drop schema': 'drop database',
}

/** Every word for a verb that a rule may use. */
export const VERB_WORDS: ReadonlySet<string> = new Set([
  ...VERBS.keys(),
  ...Object.keys(SAME),
  ...Object.keys(ALSO_DENIED),
])

/** The verbs in facts that a rule's word stands for. */
export function verbsOf(word: string, effect: 'allow' | 'deny' | 'approve'): readonly string[] {
  const verb = SAME[word] ?? word
  const also = effect === 'allow' ? undefined : ALSO_DENIED[verb]
  return also === undefined ? [verb] : [verb, also]
}
