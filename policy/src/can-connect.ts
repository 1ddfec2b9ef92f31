import type { Identity } from '@sluice/domain'
import type { Policy } from './policy.js'
import { concerns } from './rule.js'

/** Is the person let in at all: does some rule allow something on this database? */
export function canConnect(policy: Policy, identity: Identity, database: string): boolean {
  return policy.rules.some((rule) => rule.effect === 'allow' && concerns(rule, identity, database))
}
