export {
  type AuthMoreData,
  type AuthSwitchRequest,
  CACHING_SHA2,
  decodeClearPassword,
  decodeLoginReply,
  encodeAuthMoreData,
  encodeAuthSwitchRequest,
  encodeClearPassword,
} from './authentication.js'
export {
  CAPABILITY,
  capabilities,
  capabilityNames,
  commonCapabilities,
  hasCapability,
  MARIADB_CAPABILITY,
  withoutCapabilities,
} from './capabilities.js'
export {
  type BoundValue,
  COMMAND,
  commandName,
  decodeExecute,
  decodeFieldList,
  decodeLongDataHead,
  type ExecuteCommand,
  type ParameterType,
  queryTextOffset,
  statementIdOf,
} from './command.js'
export { decodeErrPacket, type ErrPacket, encodeErrPacket, PROGRESS_ERRNO } from './error.js'
export { type Disposition, framePacket, PacketFramer, type PacketSink, physicalPackets } from './framer.js'
export {
  encodeLengthEncodedInteger,
  encodeLengthEncodedString,
  LENENC_NULL,
  lengthEncodedIntegerSize,
  readLengthEncodedInteger,
  readLengthEncodedString,
  writeLengthEncodedInteger,
} from './length-encoded.js'
export { HEADER_BYTES, MAX_PACKET_PAYLOAD } from './limits.js'
export {
  COLUMN_TYPE,
  type ColumnDefinition,
  columnTypeName,
  decodeColumnCount,
  decodeColumnDefinition,
  decodeEofPacket,
  decodeOkPacket,
  decodePrepareOk,
  fixedBinaryLength,
  type OkPacket,
  type PrepareOk,
  plainOkPayload,
  type SessionChange,
  STATUS,
  withoutSessionState,
} from './result.js'
export {
  type ChangeUser,
  type ConnectionAttributes,
  decodeChangeUser,
  decodeGreeting,
  decodeHandshakeResponse,
  encodeChangeUser,
  encodeGreeting,
  encodeHandshakeResponse,
  encodeSslRequest,
  type Greeting,
  type HandshakeResponse,
  NONCE_BYTES,
} from './startup.js'
