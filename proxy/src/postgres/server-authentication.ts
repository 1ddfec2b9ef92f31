import { createHash } from 'node:crypto'
import { SluiceError } from '@sluice/domain'
import { ScramClient } from '@sluice/identity'
import { WireError } from '@sluice/wire'
import type { AuthenticationRequest } from '@sluice/wire/postgres'
import { serialize } from 'pg-protocol'
import type { Channel } from '../channel.js'
import type { Target } from '../protocol.js'

/** Answers what a server asks to know before it lets the gateway in: SCRAM-SHA-256 (-PLUS), md5 or a cleartext password. */
export class ServerAuthentication {
  readonly #channel: Channel
  readonly #target: Target
  #scram: ScramClient | undefined
  #answered = false
  #done = false

  constructor(channel: Channel, target: Target) {
    this.#channel = channel
    this.#target = target
  }

  /** The server let us in. */
  get done(): boolean {
    return this.#done
  }

  /** Takes one request and writes the answer. Rejects with `WireError` for one out of order, `SluiceError` for one that is refused. */
  async take(request: AuthenticationRequest): Promise<void> {
    if (this.#done) throw new WireError('authentication request after the end of authentication')
    switch (request.type) {
      case 'ok':
        // A server that stops halfway has not shown that it knows the password; it may be somebody else's.
        if (this.#scram && !this.#scram.finished)
          throw new WireError('authentication ended before the server proved itself')
        this.#done = true
        return
      case 'cleartext-password':
        this.#answerOnce()
        this.#sendCleartext()
        return
      case 'md5-password':
        this.#answerOnce()
        this.#channel.write(serialize.password(md5Answer(this.#target, request.salt)))
        return
      case 'sasl':
        this.#answerOnce()
        this.#startScram(request.mechanisms)
        return
      case 'sasl-continue':
        this.#channel.write(
          serialize.sendSCRAMClientFinalMessage((await this.#exchange().continue(request.data)).toString()),
        )
        return
      case 'sasl-final':
        this.#exchange().final(request.data)
        return
      case 'unsupported':
        throw new SluiceError(
          'authentication_unsupported',
          `the server asks for authentication method ${request.code}, unknown here`,
        )
    }
  }

  #sendCleartext(): void {
    const { tls, address } = this.#channel
    if (!tls && !isLoopback(address)) {
      throw new SluiceError(
        'authentication_unsupported',
        'the server asks for the password in the clear over a connection without tls',
      )
    }
    this.#channel.write(serialize.password(this.#target.password.reveal()))
  }

  #startScram(offered: readonly string[]): void {
    const channelBinding = this.#channel.tls?.serverEndPoint
    this.#scram = new ScramClient({ password: this.#target.password, offered, channelBinding })
    this.#channel.write(serialize.sendSASLInitialResponseMessage(this.#scram.mechanism, this.#scram.first().toString()))
  }

  #exchange(): ScramClient {
    if (!this.#scram) throw new WireError('SASL message without SASL request')
    return this.#scram
  }

  #answerOnce(): void {
    if (this.#answered) throw new WireError('a second authentication request')
    this.#answered = true
  }
}

/** Manual, "Message Flow", AuthenticationMD5Password. */
function md5Answer({ username, password }: Target, salt: Buffer): string {
  const inner = createHash('md5')
    .update(password.reveal() + username)
    .digest('hex')
  return `md5${createHash('md5').update(inner).update(salt).digest('hex')}`
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address)
}
