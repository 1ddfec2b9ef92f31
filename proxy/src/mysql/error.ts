import type { ErrorCode, SluiceError } from '@sluice/domain'
import type { ErrPacket } from '@sluice/wire/mysql'

/** Each error's errno and SQLSTATE (manual, "Server Error Message Reference"): the nearest of the server's own. */
const ERRNOS: Record<ErrorCode, readonly [errno: number, sqlState: string]> = {
  configuration_invalid: [1105, 'HY000'], // ER_UNKNOWN_ERROR
  usage_invalid: [1105, 'HY000'],
  authentication_failed: [1045, '28000'], // ER_ACCESS_DENIED_ERROR
  authentication_unsupported: [1251, '08004'], // ER_NOT_SUPPORTED_AUTH_MODE
  tls_required: [3159, 'HY000'], // ER_SECURE_TRANSPORT_REQUIRED
  database_unknown: [1044, '42000'], // ER_DBACCESS_DENIED_ERROR
  statement_denied: [1142, '42000'], // ER_TABLEACCESS_DENIED_ERROR
  statement_unanalysable: [1142, '42000'],
  statement_syntax: [1064, '42000'], // ER_PARSE_ERROR
  feature_unsupported: [1235, '42000'], // ER_NOT_SUPPORTED_YET
  protocol_violation: [1835, 'HY000'], // ER_MALFORMED_PACKET
  limit_exceeded: [1226, '42000'], // ER_USER_LIMIT_REACHED
  too_many_sessions: [1040, '08004'], // ER_CON_COUNT_ERROR
  upstream_unreachable: [1429, 'HY000'], // ER_CONNECT_TO_FOREIGN_DATA_SOURCE
  upstream_refused: [1429, 'HY000'],
  upstream_lost: [1053, '08S01'], // ER_SERVER_SHUTDOWN
  credential_unavailable: [1105, 'HY000'],
  recorder_unavailable: [1105, 'HY000'],
  record_invalid: [1105, 'HY000'],
  shutting_down: [1053, '08S01'],
  internal: [1105, 'HY000'],
}

export function errnoOf(error: SluiceError): number {
  return ERRNOS[error.code][0]
}

/** An error as MySQL tells it: one line, with the reason and what to do next behind it. */
export function toErrPacket(error: SluiceError): ErrPacket {
  const [errno, sqlState] = ERRNOS[error.code]
  return { errno, sqlState, message: messageOf(error) }
}

/** MySQL's errors have no fields of their own for detail and hint. */
export function messageOf(error: SluiceError): string {
  const parts = [error.clientMessage, error.detail, error.hint].filter((part) => part !== undefined && part !== '')
  return parts.join('; ').replace(/\s*[\r\n]+\s*/g, ' ')
}
