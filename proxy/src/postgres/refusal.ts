import { SluiceError } from '@sluice/domain'
import { encodeDescribe, encodeErrorResponse, encodeQuery, Target } from '@sluice/wire/postgres'
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

export function functionCall(): SluiceError {
  return new SluiceError('feature_unsupported', 'the function call protocol is not supported by this gateway', {
    hint: 'call the function with SELECT',
  })
}

export function tooManyPrepared(limit: number): SluiceError {
  return new SluiceError('limit_exceeded', `more than ${limit} statements prepared with PREPARE in one session`, {
    hint: "use the driver's prepared statements, or connect anew",
  })
}

/** In encodings other than UTF-8 only ASCII means the same to the server and to the parser. */
export function foreignCharacters(): SluiceError {
  return new SluiceError('statement_unanalysable', 'characters above ascii in a client encoding other than utf-8', {
    hint: 'use client encoding UTF8, or send such values as parameters',
  })
}
