import type { RelationUse, StatementFacts } from '@sluice/parsers'
import type { Decision, MaskSet } from '@sluice/policy'
import type { Catalog } from './catalog.js'

/**
 * Functions that keep or send what they are given, so that it can be had later where no masked relation is named: as the
 * last id or value, as a lock's number or name, as a notification.
 */
const KEEPING: ReadonlySet<string> = new Set([
  'last_insert_id',
  'setval',
  'get_lock',
  'set_config',
  'pg_notify',
  'pg_advisory_lock',
  'pg_advisory_lock_shared',
  'pg_advisory_xact_lock',
  'pg_advisory_xact_lock_shared',
  'pg_try_advisory_lock',
  'pg_try_advisory_lock_shared',
  'pg_try_advisory_xact_lock',
  'pg_try_advisory_xact_lock_shared',
])

const LOCKING = /^(?:select for|lock)\b/

/** Ways out of a masked relation on which rows cannot be masked: a statement that takes one is refused. */
export function wayOut(facts: StatementFacts, catalog: Catalog, masks: MaskSet): Decision | undefined {
  if (masks.empty || catalog.touch(facts, masks) === 'clean') return undefined
  if (facts.copy?.direction === 'out') {
    return denied(
      'copy out of a relation with masked columns',
      'select the columns instead: rows of a select are masked',
    )
  }
  const reads = facts.relations.some((use) => use.class === 'read' && catalog.touchOf(use, masks) !== 'clean')
  if (!reads) return undefined
  // Rows that are locked stay where they are.
  const writes = (use: RelationUse) => use.class === 'schema' || (use.class === 'write' && !LOCKING.test(use.verb))
  if (facts.relations.some(writes)) {
    return denied(
      'the statement would copy from a relation with masked columns into another',
      'ask somebody who may see these columns',
    )
  }
  const keeping = facts.functions.find((use) => KEEPING.has(use.name.toLowerCase()))
  if (facts.settings.length > 0 || keeping) {
    return denied(
      `the statement would keep what it reads of a relation with masked columns in ${keeping ? `\`${keeping.name}\`` : 'a variable'}`,
      'select the columns by themselves: rows of a select are masked',
    )
  }
  return undefined
}

function denied(reason: string, hint: string): Decision {
  return { effect: 'deny', rule: 'built-in: masked columns stay masked', reason, hint }
}
