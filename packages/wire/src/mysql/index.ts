export { decodeErrPacket, type ErrPacket, encodeErrPacket, PROGRESS_ERRNO } from './error.js'
export { HEADER_BYTES, MAX_PACKET_PAYLOAD } from './limits.js'
