import { type ErrorFields, encodeErrorResponse, Result } from '@sluice/wire/postgres'
import type { Pass } from '../gate.js'

/** Stands for the text of an error or notice that could show a masked value. */
export const WITHHELD = 'the text of this message is withheld by the gateway'

/**
 * Classes of errors whose texts show no value of a row: what is wrong with the statement, the transaction, the server.
 * (Manual, appendix "PostgreSQL Error Codes"; left out are data exceptions, integrity violations, RAISE and the like.)
 */
const WITHOUT_VALUES: ReadonlySet<string> = new Set([
  '08',
  '0A',
  '25',
  '26',
  '28',
  '34',
  '3B',
  '3D',
  '3F',
  '40',
  '42',
  '53',
  '54',
  '55',
  '57',
  '58',
])

/**
 * Must the text be kept from the client? A statement that touches masked columns can be made to say their values in an
 * error: by a cast that fails. `touched`: one did in this transaction.
 */
export function mustWithhold(error: ErrorFields, pass: Pass | undefined, touched: boolean): boolean {
  // Deferred constraints and triggers speak at COMMIT, or at the Sync that ends a transaction of its own.
  const couldShow = pass === undefined || endsTransaction(pass) ? touched : pass.masking === 'all-but-plain'
  return couldShow && !WITHOUT_VALUES.has(error.code.slice(0, 2))
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
