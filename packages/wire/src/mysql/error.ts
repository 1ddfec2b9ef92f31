import { ByteReader } from '../byte-reader.js'
import { WireError } from '../wire-error.js'
import { HEADER_BYTES, MAX_ERROR_MESSAGE_BYTES } from './limits.js'

/**
 * ERR packet. Manual: "Protocol Basics: ERR_Packet".
 *
 *     ff | errno (2) | '#' | SQLSTATE (5) | message (rest)
 */
export interface ErrPacket {
  readonly errno: number
  /** Five characters; undefined only before the capabilities are agreed, when the packet has no room for it. */
  readonly sqlState: string | undefined
  readonly message: string
}

/** MariaDB sends progress reports as ERR packets with this errno; they end nothing. */
export const PROGRESS_ERRNO = 0xffff

/** A whole ERR packet, header included. The message is cut at 511 bytes, as the server does, at a character's edge. */
export function encodeErrPacket(sequence: number, error: ErrPacket): Buffer {
  const state = error.sqlState === undefined ? '' : `#${error.sqlState.padEnd(5, '0').slice(0, 5)}`
  const message = cut(Buffer.from(error.message, 'utf8'))
  const length = 1 + 2 + state.length + message.length
  const packet = Buffer.allocUnsafe(HEADER_BYTES + length)
  packet.writeUIntLE(length, 0, 3)
  packet[3] = sequence & 0xff
  packet[4] = 0xff
  packet.writeUInt16LE(error.errno, 5)
  packet.write(state, 7, 'latin1')
  message.copy(packet, 7 + state.length)
  return packet
}

/** Reads an ERR packet's payload (without header). Throws `WireError`. */
export function decodeErrPacket(payload: Buffer): ErrPacket {
  const reader = new ByteReader(payload)
  if (reader.uint8() !== 0xff) throw new WireError('not an ERR packet')
  const errno = reader.uint16le()
  if (reader.remaining >= 6 && payload[reader.offset] === 0x23) {
    reader.skip(1)
    const sqlState = reader.bytes(5).toString('latin1')
    return { errno, sqlState, message: reader.rest().toString('utf8') }
  }
  return { errno, sqlState: undefined, message: reader.rest().toString('utf8') }
}

function cut(message: Buffer): Buffer {
  if (message.length <= MAX_ERROR_MESSAGE_BYTES) return message
  let end = MAX_ERROR_MESSAGE_BYTES
  while (end > 0 && (message[end]! & 0xc0) === 0x80) end--
  return message.subarray(0, end)
}
