import type { ErrorCode, SluiceError } from '@sluice/domain'
import { encodeErrorResponse } from '@sluice/wire/postgres'

/** Each error's SQLSTATE (manual, appendix "PostgreSQL Error Codes"): what drivers look at, so the nearest of the server's own. */
const SQLSTATES: Record<ErrorCode, string> = {
  configuration_invalid: 'F0000', // config_file_error
  usage_invalid: '22023', // invalid_parameter_value
  authentication_failed: '28P01', // invalid_password
  authentication_unsupported: '28000', // invalid_authorization_specification
  tls_required: '28000',
  database_unknown: '3D000', // invalid_catalog_name
  statement_denied: '42501', // insufficient_privilege
  statement_unanalysable: '42501',
  statement_syntax: '42601', // syntax_error
  feature_unsupported: '0A000', // feature_not_supported
  protocol_violation: '08P01', // protocol_violation
  limit_exceeded: '54000', // program_limit_exceeded
  too_many_sessions: '53300', // too_many_connections
  upstream_unreachable: '08006', // connection_failure
  upstream_refused: '08004', // sqlserver_rejected_establishment_of_sqlconnection
  upstream_lost: '08006',
  credential_unavailable: '08004',
  recorder_unavailable: '58000', // system_error
  record_invalid: '58000',
  shutting_down: '57P01', // admin_shutdown
  internal: 'XX000', // internal_error
}

export function sqlstateOf(error: SluiceError): string {
  return SQLSTATES[error.code]
}

/** Encodes an error as an ErrorResponse: `ERROR` ends the statement, `FATAL` the session. */
export function encodeError(error: SluiceError, severity: 'ERROR' | 'FATAL', position = error.position): Buffer {
  return encodeErrorResponse({
    severity,
    code: sqlstateOf(error),
    message: error.clientMessage,
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(position === undefined ? {} : { position }),
  })
}
