import type { StatementClass } from './facts.js'
import { mysqlVerbs } from './mysql/classify.js'
import { postgresVerbs } from './postgres/classify.js'

function merge(a: Map<string, StatementClass>, b: Map<string, StatementClass>): Map<string, StatementClass> {
  const rank = (kind: StatementClass): number => RANKS.indexOf(kind)
  const merged = new Map(a)
  for (const [verb, kind] of b) {
    const other = merged.get(verb)
    if (other === undefined || rank(kind) > rank(other)) merged.set(verb, kind)
  }
  return merged
}

const RANKS: readonly StatementClass[] = [
  'read',
  'transaction',
  'session',
  'write',
  'schema',
  'access',
  'procedure',
  'opaque',
]

/**
 * Every verb of either dialect that facts can hold, with its class, for policies to be checked against. Where the dialects
 * or the forms of a statement differ in class, the one that needs the most permission.
 */
export const VERBS: ReadonlyMap<string, StatementClass> = merge(mysqlVerbs(), postgresVerbs())
