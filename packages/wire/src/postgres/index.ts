export {
  type AuthenticationRequest,
  decodeAuthenticationRequest,
  decodeBackendKeyData,
  decodeParameterStatus,
  decodePasswordMessage,
  decodeSaslInitialResponse,
  encodeAuthenticationRequest,
  encodeBackendKeyData,
  encodeParameterStatus,
  encodePasswordMessage,
  encodeSaslInitialResponse,
  encodeSaslResponse,
  MAXIMUM_SASL_BYTES,
  type ParameterStatus,
  type SaslInitialResponse,
} from './authentication.js'
export {
  type BindCommand,
  Command,
  decodeBind,
  decodeExecute,
  decodeParse,
  decodeQuery,
  decodeTarget,
  encodeDescribe,
  encodeQuery,
  nameKey,
  type ParseCommand,
  Target,
  type TargetCommand,
  TERMINATE,
} from './command.js'
export { decodeErrorFields, type ErrorFields, encodeErrorResponse } from './error.js'
export { Framer } from './framer.js'
export { COMMAND_LIMITS, type LengthLimits, RESULT_LIMITS } from './limits.js'
export {
  type ColumnDescription,
  decodeCommandTag,
  decodeParameterTypes,
  decodeReadyForQuery,
  decodeRowDescription,
  Result,
  rowsInTag,
  TransactionStatus,
} from './result.js'
export {
  type CancelKey,
  decodeNegotiateProtocolVersion,
  decodeStartupLength,
  decodeStartupPacket,
  encodeNegotiateProtocolVersion,
  encodeStartupPacket,
  MAXIMUM_STARTUP_BYTES,
  type NegotiateProtocolVersion,
  type ProtocolVersion,
  type StartupMessage,
  type StartupPacket,
} from './startup.js'
