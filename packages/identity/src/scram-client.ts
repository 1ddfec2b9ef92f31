import { randomBytes } from 'node:crypto'
import { type Secret, SluiceError } from '@sluice/domain'
import {
  clientKeyOf,
  equal,
  hmac,
  SCRAM_KEY_BYTES,
  type ScramMechanism,
  saltPassword,
  serverKeyOf,
  sha256,
  xor,
} from './scram.js'
import { attribute, authMessage, BINDING_TYPE, base64Of, malformed, nonceOf } from './scram-message.js'

const NONCE_BYTES = 18
/** Most rounds of PBKDF2 that a server may ask of us: about half a second. A hostile one asks for billions. */
export const MAXIMUM_ITERATIONS = 1_000_000

export interface ScramClientOptions {
  readonly password: Secret
  /** Mechanisms as the server offers them. */
  readonly offered: readonly string[]
  /** The `tls-server-end-point` hash of the connection; undefined without TLS or where the certificate has none. */
  readonly channelBinding: Buffer | undefined
  /** For tests with known vectors. */
  readonly nonce?: string
  readonly userName?: string
}

type State = 'first' | 'continue' | 'final' | 'done'

/**
 * The client's side of one SCRAM-SHA-256 exchange (RFC 5802, RFC 7677), -PLUS where TLS and the server's offer allow it.
 * Throws `protocol_violation` for what a server must not send, `authentication_unsupported` where it offers no mechanism of
 * ours, and `authentication_failed` where it cannot prove that it knows the password.
 */
export class ScramClient {
  readonly mechanism: ScramMechanism
  readonly #options: ScramClientOptions
  readonly #gs2Header: string
  readonly #nonce: string
  readonly #firstBare: string
  #state: State = 'first'
  #serverSignature: Buffer = Buffer.alloc(0)

  constructor(options: ScramClientOptions) {
    const { offered, channelBinding } = options
    const plus = channelBinding !== undefined && offered.includes('SCRAM-SHA-256-PLUS')
    if (!plus && !offered.includes('SCRAM-SHA-256')) {
      throw new SluiceError('authentication_unsupported', 'the server offers no SASL mechanism that is known here')
    }
    this.mechanism = plus ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256'
    // `y` says: I could bind, you did not offer it. A server that did will see that somebody removed its offer.
    this.#gs2Header = plus ? `p=${BINDING_TYPE},,` : channelBinding === undefined ? 'n,,' : 'y,,'
    this.#nonce = options.nonce ?? randomBytes(NONCE_BYTES).toString('base64')
    this.#firstBare = `n=${options.userName ?? ''},r=${this.#nonce}`
    this.#options = options
  }

  /** The client-first-message. */
  first(): Buffer {
    this.#advance('first', 'continue')
    return Buffer.from(this.#gs2Header + this.#firstBare)
  }

  /** server-first-message to client-final-message. */
  async continue(message: Buffer): Promise<Buffer> {
    this.#advance('continue', 'final')
    const serverFirst = message.toString('utf8')
    const parts = serverFirst.split(',')
    const nonce = nonceOf(attribute(parts[0], 'r'))
    const salt = base64Of(attribute(parts[1], 's'), 'salt')
    const iterations = iterationsOf(attribute(parts[2], 'i'))
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) {
      throw malformed('the server did not extend the nonce')
    }
    if (salt.length === 0) throw malformed('salt is empty')

    const { password, channelBinding } = this.#options
    const salted = await saltPassword(password.reveal(), salt, iterations)
    const header = Buffer.from(this.#gs2Header)
    const bound = this.mechanism === 'SCRAM-SHA-256-PLUS' && channelBinding
    const binding = (bound ? Buffer.concat([header, bound]) : header).toString('base64')
    const withoutProof = `c=${binding},r=${nonce}`
    const auth = authMessage(this.#firstBare, serverFirst, withoutProof)
    const clientKey = clientKeyOf(salted)
    const proof = xor(clientKey, hmac(sha256(clientKey), auth))
    this.#serverSignature = hmac(serverKeyOf(salted), auth)
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`)
  }

  /** server-final-message. Returning means that the server knows the password too. */
  final(message: Buffer): void {
    this.#advance('final', 'done')
    const [first] = message.toString('utf8').split(',')
    if (first?.startsWith('e=')) throw new SluiceError('authentication_failed', 'the server ended the SCRAM exchange')
    const signature = base64Of(attribute(first, 'v'), 'server signature')
    if (signature.length !== SCRAM_KEY_BYTES || !equal(signature, this.#serverSignature)) {
      throw new SluiceError('authentication_failed', 'the server could not prove that it knows the password')
    }
  }

  /** Whether the server proved itself; a login must not go on before. */
  get finished(): boolean {
    return this.#state === 'done'
  }

  #advance(from: State, to: State): void {
    if (this.#state !== from) throw malformed('message out of order')
    this.#state = to
  }
}

function iterationsOf(text: string): number {
  if (!/^[1-9][0-9]{0,9}$/.test(text)) throw malformed('invalid iteration count')
  const iterations = Number(text)
  if (iterations > MAXIMUM_ITERATIONS) {
    throw new SluiceError(
      'limit_exceeded',
      `the server asks for ${iterations} SCRAM iterations, more than ${MAXIMUM_ITERATIONS}`,
    )
  }
  return iterations
}
