import type { Dialect, Identity } from '@sluice/domain'
import type { StatementFacts, Unanalysable } from '@sluice/parsers'
import type { Decision } from './decision.js'
import { partIsOpen } from './name-pattern.js'
import { type AccessRule, concerns, type Rule } from './rule.js'
import { names } from './verb-set.js'

/** The rules of a policy that concern one person on one database. */
export class SessionView {
  readonly database: string
  readonly dialect: Dialect
  readonly denies: readonly AccessRule[]
  readonly approves: readonly AccessRule[]
  readonly allows: readonly AccessRule[]
  /** Some rule allows something: the person is let in, and may do what is harmless. */
  readonly allowsAnything: boolean
  /** Some rule allows reading something: the ordinary catalogs may be read. */
  readonly readsAnything: boolean
  /** Some allowance names a schema, so that a change of PostgreSQL's `search_path` could widen it. */
  readonly pathMatters: boolean
  /** Decisions by a text's facts, or by the reason why it has none; undefined where a condition looks at more than that. */
  readonly decisions: WeakMap<readonly StatementFacts[] | Unanalysable, Decision> | undefined

  constructor(rules: readonly Rule[], identity: Identity, database: string, dialect: Dialect) {
    this.database = database
    this.dialect = dialect
    const mine = rules.filter(
      (rule): rule is AccessRule => rule.effect !== 'mask' && concerns(rule, identity, database),
    )
    this.denies = mine.filter((rule) => rule.effect === 'deny')
    this.approves = mine.filter((rule) => rule.effect === 'approve')
    this.allows = mine.filter((rule) => rule.effect === 'allow')
    this.allowsAnything = this.allows.length > 0
    this.readsAnything = this.allows.some((rule) => names(rule.verbs, { verb: 'select', class: 'read' }, 'allow'))
    this.pathMatters =
      dialect === 'postgres' &&
      this.allows.some((rule) => rule.tables?.some((table) => !partIsOpen(table, 1)) || rule.functions !== undefined)
    this.decisions = mine.some((rule) => rule.when !== undefined) ? undefined : new WeakMap()
  }
}
