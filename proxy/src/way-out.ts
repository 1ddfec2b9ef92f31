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

/** What changes a relation itself: names of its columns, which the masks go by, or what else happens to its rows. */
const RESHAPING = /^(?:alter|rename|create trigger|create rule|create policy)\b/

const LOCKING = /^(?:select for|lock)\b/

/** Changes whose conditions look at the rows that are there. */
const LOOKING = /^(?:update|delete|merge)\b/

/** Ways out of a masked relation on which rows cannot be masked: a statement that takes one is refused. */
export function wayOut(facts: StatementFacts, catalog: Catalog, masks: MaskSet): Decision | undefined {
  if (masks.empty) return undefined
  const reshaping = reshapes(facts, catalog, masks)
  if (reshaping) return reshaping
  if (catalog.touch(facts, masks) === 'clean') return undefined
  if (facts.copy?.direction === 'out') {
    return denied(
      'copy out of a relation with masked columns',
      'select the columns instead: rows of a select are masked',
    )
  }
  const copied = facts.relations.find(
    ({ relation, assignedFrom }) => assignedFrom && catalog.maskedAmong(relation, assignedFrom, masks),
  )
  if (copied) {
    return denied(
      `the statement would copy masked columns of \`${copied.relation.name}\` into others`,
      'give the values themselves, or ask somebody who may see these columns',
    )
  }
  const touched = facts.relations.filter((use) => catalog.touchOf(use, masks) !== 'clean')
  const unseen = catalog.callsUnknown(facts)
  const reads = unseen || touched.some((use) => use.class === 'read')
  const source = unseen ? 'a function that may show masked columns' : 'a relation with masked columns'
  // Rows that are locked stay where they are.
  const writes = (use: RelationUse) => use.class === 'schema' || (use.class === 'write' && !LOCKING.test(use.verb))
  if (reads && facts.relations.some(writes)) {
    return denied(
      `the statement would copy from ${source} into ${unseen ? 'a relation' : 'another'}`,
      'ask somebody who may see these columns',
    )
  }
  if (!reads && !touched.some((use) => LOOKING.test(use.verb))) return undefined
  const keeping = facts.functions.find((use) => !use.bare && KEEPING.has(use.name.toLowerCase()))
  if (facts.settings.length > 0 || keeping) {
    return denied(
      `the statement would keep what it reads of ${source} in ${keeping ? `\`${keeping.name}\`` : 'a variable'}`,
      'select the columns by themselves: rows of a select are masked',
    )
  }
  return undefined
}

/** Changes after which a masked column would be known by another name, or shown by something that nobody here sees into. */
function reshapes(facts: StatementFacts, catalog: Catalog, masks: MaskSet): Decision | undefined {
  const changes = [facts, ...facts.nested].filter((each) => each.class === 'schema' || each.class === 'access')
  if (changes.length === 0) return undefined
  if (changes.some(({ verb }) => verb === 'alter schema' || verb === 'alter database')) {
    return denied(
      'masks go by the names of schemas, which this statement can change',
      'ask somebody who may see all columns of this database',
    )
  }
  const reshaped = facts.relations.find((use) => RESHAPING.test(use.verb) && catalog.touchOf(use, masks) === 'masked')
  if (reshaped) {
    return denied(
      `the statement would change \`${reshaped.relation.name}\`, which has masked columns, and masks go by their names`,
      'ask somebody who may see these columns',
    )
  }
  if (catalog.callsUnknown(facts)) {
    return denied(
      'what the statement makes would call a function that may show masked columns',
      'ask somebody who may see all columns of this database',
    )
  }
  return undefined
}

function denied(reason: string, hint: string): Decision {
  return { effect: 'deny', rule: 'built-in: masked columns stay masked', reason, hint }
}
