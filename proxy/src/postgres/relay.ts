import { randomBytes } from 'node:crypto'
import { SluiceError } from '@sluice/domain'
import { WireError } from '@sluice/wire'
import { Command, encodeErrorResponse, type Framer, TERMINATE, TransactionStatus } from '@sluice/wire/postgres'
import type { Inlet } from '../inlet.js'
import type { RelayOptions } from '../protocol.js'
import type { Relay, RelayPorts } from '../relay.js'
import { CommandReader } from './command-reader.js'
import { Conversation } from './conversation.js'
import { encodeError } from './error.js'
import type { PostgresHello } from './greet.js'
import type { PostgresUpstream } from './log-in.js'
import { ResultReader } from './result-reader.js'

/** SQLSTATE idle_session_timeout. */
const IDLE_SESSION_TIMEOUT = '57P05'
const FLUSH = Buffer.from([Command.flush, 0, 0, 0, 4])
const PROCESS_MASK_OPTIONS = { hashKey: randomBytes(32) }

/** The data path of one PostgreSQL session, from the first message after the login to the last. */
export function createPostgresRelay(options: RelayOptions<PostgresHello, PostgresUpstream>): Relay {
  return new PostgresRelay(options)
}

/** Feeds the two halves of a session, lets them wait, and ends the session in one place. */
class PostgresRelay implements Relay {
  readonly #ports: RelayPorts
  readonly #conversation: Conversation
  readonly #commands: CommandReader
  readonly #results: ResultReader
  readonly #reported = { client: false, server: false }
  #ended = false
  /** The client has nothing more to say: Terminate or the end of its bytes was passed on. */
  #clientDone = false
  #clientEnded = false
  #serverEnded = false
  /** Why the session ends as soon as the server has answered what is in flight. */
  #termination: SluiceError | undefined

  constructor({ hello, gate, ports, limits, maskOptions }: RelayOptions<PostgresHello, PostgresUpstream>) {
    this.#ports = ports
    this.#conversation = new Conversation(gate, ports)
    this.#conversation.setClientEncoding(hello.clientEncoding)
    this.#commands = new CommandReader(this.#conversation, limits.messageBytes, (promise, go) =>
      this.#wait(this.#commands.inlet, promise, go),
    )
    this.#results = new ResultReader(
      this.#conversation,
      limits.messageBytes,
      maskOptions ?? PROCESS_MASK_OPTIONS,
      (promise, go) => this.#wait(this.#results.inlet, promise, go),
    )
  }

  get idle(): boolean {
    const { exchanges, transaction, skipping } = this.#conversation
    return (
      exchanges.length === 0 &&
      transaction === TransactionStatus.idle &&
      !skipping &&
      !this.#commands.inlet.held &&
      !this.#commands.inlet.frames.insideFrame
    )
  }

  fromClient(chunk: Buffer): void {
    if (this.#ended || this.#clientDone) return
    this.#commands.inlet.feed(chunk)
    this.#work()
  }

  fromServer(chunk: Buffer): void {
    if (this.#ended) return
    this.#results.inlet.feed(chunk)
    this.#work()
  }

  clientEnded(): void {
    this.#clientEnded = true
    if (!this.#ended) this.#work()
  }

  serverEnded(): void {
    this.#serverEnded = true
    if (!this.#ended) this.#work()
  }

  terminate(error: SluiceError): void {
    if (this.#ended) return
    const { exchanges, toServer, copyingIn } = this.#conversation
    if (this.idle && error.code === 'limit_exceeded') {
      this.#fail(error, encodeIdleTimeout(error))
      return
    }
    if (exchanges.length === 0 || this.#termination !== undefined || copyingIn || error.code === 'protocol_violation') {
      this.#fail(error)
      return
    }
    this.#termination = error
    this.#commands.inlet.held = true
    // Without a Sync the server may keep its answers to itself.
    if (!this.#commands.inlet.frames.streaming) toServer.write(FLUSH)
    this.#work()
  }

  /** Works off what can be worked off, hands out the bytes, and sees whether that was the end. */
  #work(): void {
    try {
      this.#results.work()
      if (this.#termination === undefined) this.#commands.work()
    } catch (error) {
      this.#fail(asSluiceError(error))
      return
    }
    this.#conversation.toServer.flush()
    this.#conversation.toClient.flush()
    this.#report(this.#commands.inlet)
    this.#report(this.#results.inlet)
    this.#seeWhetherOver()
  }

  #seeWhetherOver(): void {
    const { exchanges } = this.#conversation
    if (this.#serverEnded && !this.#results.inlet.held) {
      this.#lostServer()
      return
    }
    if (this.#termination !== undefined && exchanges.length === 0) {
      this.#fail(this.#termination)
      return
    }
    if (this.#commands.inlet.held && this.#termination === undefined) return
    if (this.#clientDone || (!this.#clientEnded && !this.#commands.terminated)) {
      if (this.#clientDone && exchanges.length === 0) this.#end(this.#clientReason)
      return
    }
    this.#clientDone = true
    if (this.#commands.inlet.frames.insideFrame) {
      this.#end('the client was cut off within a message')
      return
    }
    this.#ports.toServer(TERMINATE)
    // What was asked before is still answered: the server does so too.
    if (exchanges.length === 0) this.#end(this.#clientReason)
  }

  get #clientReason(): string {
    return this.#commands.terminated ? 'the client ended the session' : 'the client closed the connection'
  }

  #lostServer(): void {
    if (this.#results.fatal) this.#end('the server ended the session')
    else if (this.#clientDone) this.#end(this.#clientReason)
    else {
      this.#fail(
        new SluiceError('upstream_lost', 'the server closed the connection unexpectedly', {
          hint: 'connect anew; what was running may or may not have been done',
        }),
      )
    }
  }

  /** Ends the session with an error for the client, if it stands where it can read one. */
  #fail(error: SluiceError, lastWords: Buffer = encodeError(error, 'FATAL')): void {
    if (this.#ended) return
    const { toServer, toClient } = this.#conversation
    toServer.flush()
    toClient.flush()
    if (!this.#results.inlet.frames.streaming) this.#ports.toClient(lastWords)
    if (!this.#serverEnded && !this.#clientDone && !this.#commands.inlet.frames.streaming)
      this.#ports.toServer(TERMINATE)
    this.#end(error.message)
  }

  #end(reason: string): void {
    if (this.#ended) return
    this.#ended = true
    this.#ports.end(reason)
  }

  #wait<T>(inlet: Inlet<Framer>, promise: Promise<T>, go: (value: T) => void): void {
    inlet.held = true
    promise.then(
      (value) => {
        if (this.#ended || (inlet.side === 'client' && this.#termination !== undefined)) return
        inlet.held = false
        try {
          go(value)
        } catch (error) {
          this.#fail(asSluiceError(error))
          return
        }
        this.#work()
      },
      (error: unknown) => this.#fail(asSluiceError(error)),
    )
  }

  #report(inlet: Inlet<Framer>): void {
    if (this.#reported[inlet.side] === inlet.held) return
    this.#reported[inlet.side] = inlet.held
    if (inlet.held) this.#ports.hold(inlet.side)
    else this.#ports.release(inlet.side)
  }
}

function asSluiceError(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error
  if (error instanceof WireError) return new SluiceError('protocol_violation', error.message, { cause: error })
  return new SluiceError('internal', 'the gateway failed to relay a message', { cause: error })
}

/** The limit that an idle session comes up against is the one on being idle: drivers know its own code. */
function encodeIdleTimeout({ clientMessage: message, hint }: SluiceError): Buffer {
  const fields = { severity: 'FATAL', code: IDLE_SESSION_TIMEOUT, message }
  return encodeErrorResponse(hint === undefined ? fields : { ...fields, hint })
}
