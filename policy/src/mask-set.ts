import { createHash } from 'node:crypto'
import type { Identity } from '@sluice/domain'
import type { RelationName } from '@sluice/parsers'
import { type Mask, strictest } from './mask.js'
import { type NamePattern, partMatches } from './name-pattern.js'
import type { Policy } from './policy.js'
import { concerns, type MaskRule } from './rule.js'

/** The masks that hold for one person on one database. */
export interface MaskSet {
  /** No column is masked. */
  readonly empty: boolean
  /** The mask of a column, names as the server spells them; undefined: it goes as it is. */
  forColumn(schema: string, table: string, column: string): Mask | undefined
  /** May some column of this relation be masked? Without a schema: of a relation of this name in any. */
  touches(schema: string | undefined, table: string): boolean
  /** Equal for sets that mask alike: a key for what is derived from them. */
  readonly fingerprint: string
}

/** Where several rules mask a column, the strictest wins (see `strictest`). */
export function masksFor(policy: Policy, identity: Identity, database: string): MaskSet {
  const columns = policy.rules
    .filter((rule): rule is MaskRule => rule.effect === 'mask' && concerns(rule, identity, database))
    .flatMap((rule) => rule.columns)
  const known = new Map<string, Mask | undefined>()
  return {
    empty: columns.length === 0,
    forColumn(schema, table, column) {
      if (columns.length === 0) return undefined
      const key = `${schema}\0${table}\0${column}`
      if (known.has(key)) return known.get(key)
      const mask = columns
        .filter(
          ({ pattern }) => matches(pattern, 0, column) && matches(pattern, 1, table) && matches(pattern, 2, schema),
        )
        .reduce<Mask | undefined>((so, { mask }) => (so === undefined ? mask : strictest(so, mask)), undefined)
      if (known.size >= MOST_KNOWN) known.clear()
      known.set(key, mask)
      return mask
    },
    touches: (schema, table) =>
      columns.some(
        ({ pattern }) => matches(pattern, 1, table) && (schema === undefined || matches(pattern, 2, schema)),
      ),
    fingerprint: createHash('sha256')
      .update(JSON.stringify(columns.map(({ pattern, mask }) => [pattern.source, mask])))
      .digest('base64url'),
  }
}

/** A masked column of a relation, as a rule names it. */
export interface MaskedColumn {
  /** A name, or a pattern such as `*_hash`. */
  readonly column: string
  readonly mask: Mask
  readonly rule: string
}

/** What the rules mask in a relation, for people; without a schema: in a relation of this name in any. */
export function maskedColumns(
  policy: Policy,
  identity: Identity,
  database: string,
  relation: RelationName,
): MaskedColumn[] {
  const found = new Map<string, MaskedColumn>()
  for (const rule of policy.rules) {
    if (rule.effect !== 'mask' || !concerns(rule, identity, database)) continue
    for (const { pattern, mask } of rule.columns) {
      const { schema, name } = relation
      if (!matches(pattern, 1, name) || (schema !== undefined && !matches(pattern, 2, schema))) continue
      const column = pattern.parts.at(-1)?.text ?? '*'
      const other = found.get(column)
      if (other === undefined || strictest(other.mask, mask) !== other.mask)
        found.set(column, { column, mask, rule: rule.name })
    }
  }
  return [...found.values()]
}

const MOST_KNOWN = 10_000

/**
 * A mask holds for a name under either server's rules of case: `users.email` masks MySQL's `Users.Email` and PostgreSQL's
 * `"Users"."Email"` too, unless the pattern quotes the name. Rather one column too many than one too few.
 */
function matches(pattern: NamePattern, fromEnd: number, name: string): boolean {
  const quoted = pattern.parts[pattern.parts.length - 1 - fromEnd]?.quoted ?? false
  return partMatches(pattern, fromEnd, name, quoted ? 'exact' : 'caseless')
}
