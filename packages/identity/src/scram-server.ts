import { randomBytes } from 'node:crypto'
import { SluiceError } from '@sluice/domain'
import { equal, hmac, SCRAM_KEY_BYTES, type ScramMechanism, sha256, xor } from './scram.js'
import { attribute, authMessage, BINDING_TYPE, base64Of, malformed, nonceOf } from './scram-message.js'
import type { ScramVerifier } from './user-directory.js'

const NONCE_BYTES = 18

export interface ScramServerOptions {
  readonly verifier: ScramVerifier
  /** False: the verifier is a decoy; the exchange runs to its end and then fails like a wrong password. */
  readonly known: boolean
  readonly mechanism: ScramMechanism
  /** The `tls-server-end-point` hash where -PLUS was offered to the client; undefined: it was not. */
  readonly channelBinding: Buffer | undefined
  /** For tests with known vectors. */
  readonly nonce?: string
}

type State = 'first' | 'final' | 'done'

/**
 * The server's side of one SCRAM-SHA-256 exchange (RFC 5802, RFC 7677), with channel binding (RFC 5929). Two steps, in order.
 * Throws `protocol_violation` for a malformed message, `authentication_failed` for a proof or a binding that does not hold.
 */
export class ScramServer {
  readonly #options: ScramServerOptions
  #state: State = 'first'
  #gs2Header = ''
  #clientFirstBare = ''
  #serverFirst = ''
  #nonce = ''

  constructor(options: ScramServerOptions) {
    this.#options = options
  }

  /** client-first-message to server-first-message. The user name in it is ignored, as PostgreSQL does: startup gave one. */
  first(message: Buffer): Buffer {
    this.#advance('first', 'final')
    const { verifier, nonce } = this.#options
    const [flag, authorisation, ...bare] = message.toString('utf8').split(',')
    this.#checkFlag(flag ?? '')
    if (authorisation !== '') throw malformed('an authorization identity is not supported')
    if (bare[0]?.startsWith('m=')) throw malformed('a mandatory extension is not supported')
    attribute(bare[0], 'n')
    const clientNonce = nonceOf(attribute(bare[1], 'r'))
    this.#gs2Header = `${flag},,`
    this.#clientFirstBare = bare.join(',')
    this.#nonce = clientNonce + (nonce ?? randomBytes(NONCE_BYTES).toString('base64'))
    this.#serverFirst = `r=${this.#nonce},s=${verifier.salt.toString('base64')},i=${verifier.iterations}`
    return Buffer.from(this.#serverFirst)
  }

  /** client-final-message to server-final-message; returning means that the client knows the password. */
  final(message: Buffer): Buffer {
    this.#advance('final', 'done')
    const { verifier, known } = this.#options
    const text = message.toString('utf8')
    const proofAt = text.lastIndexOf(',p=')
    if (proofAt < 0) throw malformed('attribute p expected')
    const withoutProof = text.slice(0, proofAt)
    const [binding, nonce] = withoutProof.split(',')
    const bound = base64Of(attribute(binding, 'c'), 'channel binding')
    const proof = base64Of(text.slice(proofAt + 3), 'proof')
    if (attribute(nonce, 'r') !== this.#nonce) throw malformed('nonce does not match')
    if (proof.length !== SCRAM_KEY_BYTES) throw malformed('proof has the wrong length')
    if (!equal(bound, this.#expectedBinding())) throw failed('SCRAM channel binding check failed')

    const auth = authMessage(this.#clientFirstBare, this.#serverFirst, withoutProof)
    const clientKey = xor(proof, hmac(verifier.storedKey, auth))
    const proved = equal(sha256(clientKey), verifier.storedKey)
    if (!(proved && known)) throw failed(known ? 'SCRAM proof does not fit the verifier' : 'unknown user')
    return Buffer.from(`v=${hmac(verifier.serverKey, auth).toString('base64')}`)
  }

  /** The gs2 flag against the mechanism that was chosen (RFC 5802 section 6): `y` after our offer of -PLUS is a downgrade. */
  #checkFlag(flag: string): void {
    const { mechanism, channelBinding } = this.#options
    if (mechanism === 'SCRAM-SHA-256-PLUS') {
      if (channelBinding === undefined) throw malformed('channel binding was not offered')
      if (flag !== `p=${BINDING_TYPE}`)
        throw malformed('this mechanism needs channel binding of type tls-server-end-point')
    } else if (flag === 'y') {
      if (channelBinding !== undefined) {
        throw failed('SCRAM channel binding negotiation error: the client believes that it was not offered')
      }
    } else if (flag !== 'n') {
      throw malformed(
        flag.startsWith('p=') ? 'channel binding needs SCRAM-SHA-256-PLUS' : 'unknown channel binding flag',
      )
    }
  }

  #expectedBinding(): Buffer {
    const header = Buffer.from(this.#gs2Header)
    const { mechanism, channelBinding } = this.#options
    return mechanism === 'SCRAM-SHA-256-PLUS' && channelBinding ? Buffer.concat([header, channelBinding]) : header
  }

  #advance(from: State, to: State): void {
    if (this.#state !== from) throw malformed('message out of order')
    this.#state = to
  }
}

function failed(message: string): SluiceError {
  return new SluiceError('authentication_failed', message, { clientMessage: 'password authentication failed' })
}
