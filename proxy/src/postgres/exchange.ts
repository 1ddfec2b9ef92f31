import type { Pass } from '../gate.js'
import type { Change, Portal, PreparedStatement } from './prepared-statements.js'

/**
 * What a message of the client makes the server answer:
 *
 *     query               T D C H G d c I E in any number, then Z
 *     parse               1 or E
 *     bind                2 or E
 *     close               3 or E
 *     describe-statement  t, then T or n; or E
 *     describe-portal     T or n; or E
 *     execute             D and C, s, I, or a COPY; or E
 *     refusal             E, which is replaced by the gateway's own
 *     refused-query       the same, then Z
 *     sync                Z, after an E where the transaction cannot be ended
 *     copy-end            nothing: marks where the client's COPY data end
 *
 * After E to anything but `query`, `refused-query` and `sync` the server skips what follows, up to the next Sync.
 */
export type ExchangeKind =
  | 'query'
  | 'parse'
  | 'bind'
  | 'close'
  | 'describe-statement'
  | 'describe-portal'
  | 'execute'
  | 'refusal'
  | 'refused-query'
  | 'sync'
  | 'copy-end'

/** One message in flight, with what its answer is for. */
export interface Exchange {
  readonly kind: ExchangeKind
  /** With query, bind and execute. */
  readonly pass: Pass | undefined
  readonly portal: Portal | undefined
  readonly prepared: PreparedStatement | undefined
  /** What comes true with the server's yes: a statement, a portal, or the end of one. */
  readonly change: Change<unknown> | undefined
  /** The ErrorResponse that a refusal has for the client. */
  readonly answer: Buffer | undefined
  /** The relay's own question: the client does not see the answer. */
  readonly hidden: boolean
}

export const SYNC_EXCHANGE: Exchange = make('sync')
export const COPY_END: Exchange = make('copy-end')

export function queryExchange(pass: Pass): Exchange {
  return make('query', pass)
}

export function parseExchange(change: Change<PreparedStatement>): Exchange {
  return make('parse', undefined, undefined, undefined, change)
}

export function bindExchange(pass: Pass, change: Change<Portal>): Exchange {
  return make('bind', pass, undefined, undefined, change)
}

export function closeExchange(change: Change<unknown>): Exchange {
  return make('close', undefined, undefined, undefined, change)
}

export function describeStatementExchange(prepared: PreparedStatement | undefined): Exchange {
  return make('describe-statement', undefined, undefined, prepared)
}

export function describePortalExchange(portal: Portal | undefined, hidden: boolean): Exchange {
  return make('describe-portal', undefined, portal, undefined, undefined, undefined, hidden)
}

export function executeExchange(portal: Portal): Exchange {
  return make('execute', portal.pass, portal)
}

export function refusalExchange(answer: Buffer, change: Change<unknown> | undefined): Exchange {
  return make('refusal', undefined, undefined, undefined, change, answer)
}

export function refusedQueryExchange(answer: Buffer): Exchange {
  return make('refused-query', undefined, undefined, undefined, undefined, answer)
}

function make(
  kind: ExchangeKind,
  pass?: Pass,
  portal?: Portal,
  prepared?: PreparedStatement,
  change?: Change<unknown>,
  answer?: Buffer,
  hidden = false,
): Exchange {
  return { kind, pass, portal, prepared, change, answer, hidden }
}
