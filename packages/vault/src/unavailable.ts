import { SluiceError } from '@sluice/domain'

/** The error for the operator's log; the client learns nothing of names and paths. */
export function unavailable(message: string, cause?: unknown): SluiceError {
  return new SluiceError('credential_unavailable', message, {
    clientMessage: 'the gateway has no usable credential for this database',
    hint: 'tell the operator of the gateway, whose log says more',
    cause,
  })
}
