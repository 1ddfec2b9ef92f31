import type { Dialect } from '@sluice/domain'
import { type NamePattern, partIsOpen, partMatches } from './name-pattern.js'

/** Does a pattern in `on.tables` or `on.functions` mean this relation or function? */

export interface Place {
  readonly schema?: string | undefined
  readonly name: string
  /** The configured name of the database that it is in. */
  readonly database: string
}

/** A rule against the caller matches where it might, a rule for the caller where it must. */
type Side = 'for' | 'against'

/**
 * A name without a schema is looked up on the server's search path, which the facts do not tell. So against the caller it
 * matches a pattern with any schema; for the caller one whose schema is left out, `*` or `public` (MySQL: the current
 * database), and the built-in rule on `search_path` sees to it that the path stays what the operator made it.
 */
export function tableMatches(pattern: NamePattern, place: Place, dialect: Dialect, side: Side): boolean {
  // MySQL compares table names by the server's lower_case_table_names, which is not known here.
  const comparison = dialect === 'postgres' ? 'postgres' : side === 'for' ? 'exact' : 'caseless'
  if (!partMatches(pattern, 0, place.name, comparison)) return false
  if (place.schema !== undefined)
    return (
      partMatches(pattern, 1, place.schema, comparison) ||
      (dialect === 'mysql' && partMatches(pattern, 1, place.database, comparison))
    )
  if (side === 'against' || partIsOpen(pattern, 1)) return true
  return partMatches(pattern, 1, dialect === 'postgres' ? 'public' : place.database, comparison)
}

/** Functions in MySQL have no case. A known schema must match as it does for tables. */
export function functionMatches(pattern: NamePattern, place: Place, dialect: Dialect, side: Side): boolean {
  const comparison = dialect === 'postgres' ? 'postgres' : 'caseless'
  if (!partMatches(pattern, 0, place.name, comparison)) return false
  if (place.schema !== undefined) return partMatches(pattern, 1, place.schema, comparison)
  if (side === 'against' || partIsOpen(pattern, 1)) return true
  return partMatches(pattern, 1, dialect === 'postgres' ? 'public' : place.database, comparison)
}
