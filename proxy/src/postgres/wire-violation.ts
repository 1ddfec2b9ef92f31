import { SluiceError } from '@sluice/domain'
import { WireError } from '@sluice/wire'

/** Runs a decoder on a client's bytes; its `WireError` becomes a `protocol_violation`. */
export function asProtocolViolation<T>(decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    if (error instanceof WireError) throw new SluiceError('protocol_violation', error.message, { cause: error })
    throw error
  }
}
