import { SluiceError } from '@sluice/domain'
import { type ErrorFields, encodeDescribe, encodeErrorResponse, encodeQuery, Target } from '@sluice/wire/postgres'
import { encodeError } from './error.js'

/**
 * A refusal lets the server itself fail in the statement's place: instead of it goes a Describe of a prepared statement
 * that cannot exist, or, in the simple protocol, a Query that is no SQL; the server's error for that is replaced by ours.
 * So the place in a pipeline, the skipping up to Sync and the end of the transaction are the server's own doing.
 */
export const REFUSED_NAME = 'refused by sluice'

export const REFUSED_DESCRIBE: Buffer = encodeDescribe(Target.statement, REFUSED_NAME)

export const REFUSED_QUERY: Buffer = encodeQuery(REFUSED_NAME)

export function encodeRefusal(error: SluiceError): Buffer {
  return encodeError(error, 'ERROR', error.position)
}

/** As the server says it (invalid_sql_statement_name). */
export function encodeUnknownStatement(name: string): Buffer {
  const message =
    name === '' ? 'unnamed prepared statement does not exist' : `prepared statement "${name}" does not exist`
  return encodeErrorResponse({ severity: 'ERROR', code: '26000', message })
}

/** As the server says it (invalid_cursor_name). */
export function encodeUnknownPortal(name: string): Buffer {
  return encodeErrorResponse({ severity: 'ERROR', code: '34000', message: `portal "${name}" does not exist` })
}

export function reservedName(): SluiceError {
  return new SluiceError('statement_denied', `the name \`${REFUSED_NAME}\` is the gateway's own`, {
    hint: 'choose another name for the prepared statement',
  })
}

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

/** May the client see the text of this error where rows hold values that are masked from it? */
export function showsNoValues(error: ErrorFields): boolean {
  return WITHOUT_VALUES.has(error.code.slice(0, 2))
}

/** The server's error or notice without its text: a cast that fails says the value that it failed on. */
export function encodeWithheld(error: ErrorFields): Buffer {
  return encodeErrorResponse({
    severity: error.severity,
    code: error.code,
    message: WITHHELD,
    hint: 'the statement touches masked columns, so the text could show a value',
  })
}

export const WITHHELD = 'the text of this message is withheld by the gateway'
