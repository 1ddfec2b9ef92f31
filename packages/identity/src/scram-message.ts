import { SluiceError } from '@sluice/domain'

/** The only channel binding that PostgreSQL knows (RFC 5929 section 4). */
export const BINDING_TYPE = 'tls-server-end-point'

const NONCE = /^[\x21-\x2b\x2d-\x7e]+$/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** A message that breaks RFC 5802. `what` names the part, never its bytes. */
export function malformed(what: string): SluiceError {
  return new SluiceError('protocol_violation', `malformed SCRAM message: ${what}`)
}

/** The value of the attribute `name` in `text`, e.g. `r=abc`. */
export function attribute(text: string | undefined, name: string): string {
  if (text?.[0] !== name || text[1] !== '=') throw malformed(`attribute ${name} expected`)
  return text.slice(2)
}

export function nonceOf(value: string): string {
  if (!NONCE.test(value)) throw malformed('invalid nonce')
  return value
}

export function base64Of(value: string, what: string): Buffer {
  if (!BASE64.test(value)) throw malformed(`${what} is not base64`)
  return Buffer.from(value, 'base64')
}

/** The parts of the proof's text that both ends must agree on (RFC 5802 section 3, `AuthMessage`). */
export function authMessage(clientFirstBare: string, serverFirst: string, clientFinalWithoutProof: string): string {
  return `${clientFirstBare},${serverFirst},${clientFinalWithoutProof}`
}
