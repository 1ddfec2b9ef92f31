import type { Identity } from '@sluice/domain'
import type { Condition } from './condition.js'
import type { Mask } from './mask.js'
import { type NamePattern, partMatches } from './name-pattern.js'
import type { VerbSet } from './verb-set.js'

/** A rule of a policy, checked and compiled. */
export type Rule = AccessRule | MaskRule

export interface Who {
  readonly users: readonly NamePattern[]
  readonly groups: readonly NamePattern[]
}

interface RuleHead {
  readonly name: string
  /** Undefined: everyone. */
  readonly for: Who | undefined
  readonly except: Who | undefined
  /** Undefined: all. */
  readonly databases: readonly NamePattern[] | undefined
}

export interface AccessRule extends RuleHead {
  readonly effect: 'allow' | 'deny' | 'approve'
  readonly verbs: VerbSet
  readonly tables: readonly NamePattern[] | undefined
  readonly functions: readonly NamePattern[] | undefined
  readonly when: Condition | undefined
  /** With `approve`: who may. */
  readonly by: Approvers | undefined
}

export interface Approvers {
  readonly users: readonly string[]
  readonly groups: readonly string[]
  readonly count: number
  readonly withinMilliseconds: number
}

export interface MaskRule extends RuleHead {
  readonly effect: 'mask'
  readonly columns: readonly { readonly pattern: NamePattern; readonly mask: Mask }[]
}

/** Is the rule about this person and this database? User and group names are compared exactly. */
export function concerns(rule: Rule, identity: Identity, database: string): boolean {
  return (
    (rule.for === undefined || includes(rule.for, identity)) &&
    (rule.except === undefined || !includes(rule.except, identity)) &&
    (rule.databases === undefined || rule.databases.some((pattern) => partMatches(pattern, 0, database, 'exact')))
  )
}

function includes(who: Who, identity: Identity): boolean {
  return (
    who.users.some((pattern) => partMatches(pattern, 0, identity.user, 'exact')) ||
    who.groups.some((pattern) => identity.groups.some((group) => partMatches(pattern, 0, group, 'exact')))
  )
}
