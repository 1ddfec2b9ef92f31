import type { SluiceError } from '@sluice/domain'
import { encodeError } from './error.js'

/** An error for a client that is not logged in yet; the connection ends with it. */
export function encodeLoginError(error: SluiceError): Buffer {
  return encodeError(error, 'FATAL')
}
