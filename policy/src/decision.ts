import type { Dialect, Identity } from '@sluice/domain'
import type { Analysis } from '@sluice/parsers'

/** Everything that a decision rests on. */
export interface Request {
  readonly identity: Identity
  /** The database's name in the configuration. */
  readonly database: string
  readonly dialect: Dialect
  readonly analysis: Analysis
  readonly clientAddress: string
  /** Milliseconds since 1970. */
  readonly now: number
  /**
   * The configured name of a database on the same server, undefined where it has none; in MySQL a schema is a database.
   * What a statement touches there is decided as if on that database, and without a configured name as on one of its own name.
   */
  readonly databaseOf?: (schema: string) => string | undefined
}

/** A decision is data: the effect, the rules that made it, and why. */
export interface Decision {
  readonly effect: 'allow' | 'deny'
  /** The rule that decided, or undefined where none allows it. */
  readonly rule: string | undefined
  /** One sentence for the client's DETAIL: what in the statement the rule is about. */
  readonly reason: string
  /** What to do next. */
  readonly hint: string
}
