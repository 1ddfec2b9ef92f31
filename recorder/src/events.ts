import type { AuthenticationMethod, Dialect } from '@sluice/domain'

/** Version of the event format, carried by every `session-started`. */
export const FORMAT_VERSION = 1

/**
 * What happened, before it is chained. Times are milliseconds since 1970; `statement` numbers count from 1 in a session.
 * Values are masked and secrets redacted before an event is made.
 */
export type SessionEvent =
  | {
      readonly type: 'session-started'
      readonly version: typeof FORMAT_VERSION
      readonly at: number
      readonly user: string
      readonly groups: readonly string[]
      readonly method: AuthenticationMethod
      readonly address: string
      readonly database: string
      readonly dialect: Dialect
      readonly application?: string
    }
  | {
      readonly type: 'statement'
      readonly at: number
      readonly statement: number
      readonly text: string
      /** Text of each parameter; null for NULL; `{ "bytes": n }` where the value is binary and its type unknown. */
      readonly parameters?: readonly RecordedValue[]
      readonly decision: 'allow' | 'deny'
      readonly rule?: string
      readonly reason?: string
    }
  | {
      readonly type: 'result'
      readonly at: number
      readonly statement: number
      readonly columns: readonly { readonly name: string; readonly type: string; readonly masked?: true }[]
      readonly rows: readonly (readonly RecordedValue[])[]
    }
  | {
      readonly type: 'finished'
      readonly at: number
      readonly statement: number
      /** PostgreSQL's command tag, or MySQL's `OK`. */
      readonly tag: string
      readonly rows: number
      readonly bytes: number
      readonly milliseconds: number
    }
  | {
      readonly type: 'error'
      readonly at: number
      readonly statement?: number
      /** SQLSTATE, or MySQL errno as text. */
      readonly code: string
      readonly message: string
    }
  | {
      readonly type: 'session-ended'
      readonly at: number
      readonly reason: string
      readonly statements: number
      readonly denied: number
    }

export type RecordedValue = string | null | { readonly bytes: number }
