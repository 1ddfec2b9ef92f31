import { type ErrorFields, encodeErrorResponse, Result } from '@sluice/wire/postgres'
import type { Pass } from '../gate.js'

/** Stands for the text of an error or notice that could show a masked value. */
export const WITHHELD = 'the text of this message is withheld by the gateway'

/**
 * Classes of errors about the transaction, the names of the protocol and the server: their texts show no value of a row.
 * (Manual, appendix "PostgreSQL Error Codes".)
 */
const WITHOUT_VALUES: ReadonlySet<string> = new Set(['25', '26', '34', '40', '53', '54', '57'])
/**
 * Classes of errors about the statement's text: the grammar, and the names in it. The same are raised for names that come
 * from rows (`email::regclass`, `current_setting(email)`), but those point at no place in the client's text.
 */
const OF_THE_TEXT: ReadonlySet<string> = new Set(['0A', '3D', '3F', '42'])
/** Texts without a position that name what is there, or nothing. */
const HARMLESS =
  /^(?:cached plan must not change result type|permission denied for (?:table|view|materialized view|sequence|schema|database) \S+)$/
const ROWLESS = /^(?:drop|comment|grant|revoke|alter|create (?!index|statistics|table as|materialized view))/
/** What the server was doing, for errors of concurrency: places, and names of relations. */
const HARMLESS_CONTEXT = /^while [a-z -]+ tuple \(\d+,\d+\) in relation "[^"]*"$/

/**
 * Must the text be kept from the client? A statement that touches masked columns can be made to say their values in an
 * error: by a cast that fails. `touched`: one did in this transaction.
 */
export function mustWithhold(error: ErrorFields, pass: Pass | undefined, touched: boolean): boolean {
  // Deferred constraints and triggers speak at COMMIT, or at the Sync that ends a transaction of its own.
  const couldShow = pass === undefined || endsTransaction(pass) ? touched : pass.masking === 'all-but-plain'
  return couldShow && !showsNoValues(error, pass !== undefined && readsNoRows(pass))
}

function showsNoValues({ code, message, position, where, internalQuery }: ErrorFields, noRows: boolean): boolean {
  if (internalQuery !== undefined || (where !== undefined && !HARMLESS_CONTEXT.test(where))) return false
  const kind = code.slice(0, 2)
  if (WITHOUT_VALUES.has(kind)) return true
  if (noRows && where === undefined && (OF_THE_TEXT.has(kind) || kind === '00')) return true
  return OF_THE_TEXT.has(kind) && (position !== undefined || HARMLESS.test(message))
}

/** Definitions that look at no row of a masked relation: the gate refuses those that would change one. */
function readsNoRows({ statement: { analysis } }: Pass): boolean {
  return (
    analysis.ok &&
    analysis.statements.length > 0 &&
    analysis.statements.every(
      ({ class: kind, verb, nested, functions }) =>
        (kind === 'schema' || kind === 'access') && nested.length === 0 && functions.length === 0 && ROWLESS.test(verb),
    )
  )
}

/** The server's error without its text. */
export function encodeWithheldError(error: ErrorFields): Buffer {
  return encodeErrorResponse({
    severity: error.severity,
    code: error.code,
    message: WITHHELD,
    hint: 'the statement touches masked columns, so the text could show a value',
  })
}

/** The server's notice without its text. */
export function encodeWithheldNotice(notice: ErrorFields): Buffer {
  const message = encodeWithheldError(notice)
  message[0] = Result.notice // the two differ in nothing else
  return message
}

function endsTransaction(pass: Pass): boolean {
  const { analysis } = pass.statement
  return analysis.ok && analysis.statements.some((facts) => facts.transaction !== undefined)
}
