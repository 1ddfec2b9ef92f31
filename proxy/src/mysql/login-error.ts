import type { SluiceError } from '@sluice/domain'
import { encodeErrPacket } from '@sluice/wire/mysql'
import { toErrPacket } from './error.js'
import type { MysqlHello } from './greet.js'

/** Which packet of the exchange an error is, where it broke off before the client had said hello. */
const SEQUENCES = new WeakMap<SluiceError, number>()

/** Remembers the sequence id that the client expects next; returns the error to be thrown. */
export function brokeOffAt(error: SluiceError, sequence: number): SluiceError {
  SEQUENCES.set(error, sequence)
  return error
}

/**
 * An ERR packet for a client that is not logged in yet. Before the greeting it is packet 0 and has no SQLSTATE, as there is
 * no protocol agreed yet (`Too many connections`).
 */
export function encodeLoginError(error: SluiceError, hello: MysqlHello | undefined): Buffer {
  const sequence = hello?.packets.sequence ?? SEQUENCES.get(error) ?? 0
  const packet = toErrPacket(error)
  return encodeErrPacket(sequence, sequence === 0 ? { ...packet, sqlState: undefined } : packet)
}
