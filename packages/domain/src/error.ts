/**
 * What went wrong, as a stable word. One list for the whole project; the proxy translates it once, at the edge, to a
 * SQLSTATE and a MySQL errno (`proxy/src/{postgres,mysql}/error.ts`).
 */
export type ErrorCode =
  | 'configuration_invalid' // a file of ours does not say what it should
  | 'usage_invalid' // a command was called wrongly
  | 'authentication_failed' // wrong password, unknown user: one answer for both
  | 'authentication_unsupported' // the client cannot do what is needed to prove itself
  | 'tls_required'
  | 'database_unknown' // no such name in the configuration, or no rule lets this user in: one answer for both
  | 'statement_denied' // by a rule, or for want of one
  | 'statement_unanalysable' // cannot be read, so cannot be allowed
  | 'statement_syntax' // the grammar itself refuses it
  | 'feature_unsupported' // replication, FunctionCall, COM_BINLOG_DUMP, ...
  | 'protocol_violation'
  | 'limit_exceeded'
  | 'too_many_sessions'
  | 'upstream_unreachable'
  | 'upstream_refused' // the server did not take our login
  | 'upstream_lost'
  | 'credential_unavailable' // the vault has none, or cannot be opened
  | 'recorder_unavailable'
  | 'record_invalid' // a recording is incomplete or was changed
  | 'shutting_down'
  | 'internal'

/** A closed set for metrics: whose doing it was. */
export type ErrorKind = 'client' | 'policy' | 'upstream' | 'operator' | 'internal'

const KINDS: Record<ErrorCode, ErrorKind> = {
  configuration_invalid: 'operator',
  usage_invalid: 'operator',
  authentication_failed: 'client',
  authentication_unsupported: 'client',
  tls_required: 'client',
  database_unknown: 'client',
  statement_denied: 'policy',
  statement_unanalysable: 'policy',
  statement_syntax: 'client',
  feature_unsupported: 'client',
  protocol_violation: 'client',
  limit_exceeded: 'client',
  too_many_sessions: 'client',
  upstream_unreachable: 'upstream',
  upstream_refused: 'upstream',
  upstream_lost: 'upstream',
  credential_unavailable: 'operator',
  recorder_unavailable: 'operator',
  record_invalid: 'operator',
  shutting_down: 'operator',
  internal: 'internal',
}

export interface ErrorParts {
  /** What the client may read; left out: `message`. Never holds a secret, an upstream address or a path. */
  readonly clientMessage?: string
  /** Why, in one sentence, for the client (PostgreSQL: DETAIL). */
  readonly detail?: string
  /** What to do next, for the client (PostgreSQL: HINT; MySQL: appended to the message). */
  readonly hint?: string
  /** Where in the statement's text, in characters from 1 (PostgreSQL: field P). */
  readonly position?: number
  readonly cause?: unknown
}

/** The one error class of the project. `message` is for the log, lower case, no final period. */
export class SluiceError extends Error {
  override readonly name = 'SluiceError'
  readonly code: ErrorCode
  readonly clientMessage: string
  readonly detail: string | undefined
  readonly hint: string | undefined
  readonly position: number | undefined

  constructor(code: ErrorCode, message: string, parts: ErrorParts = {}) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause })
    this.code = code
    this.clientMessage = parts.clientMessage ?? message
    this.detail = parts.detail
    this.hint = parts.hint
    this.position = parts.position
  }

  get kind(): ErrorKind {
    return KINDS[this.code]
  }
}
