import { randomBytes } from 'node:crypto'
import { SluiceError } from '@sluice/domain'
import { WireError } from '@sluice/wire'
import {
  CAPABILITY,
  COMMAND,
  type Disposition,
  encodeErrPacket,
  framePacket,
  hasCapability,
  MARIADB_CAPABILITY,
  PacketFramer,
  type PacketSink,
} from '@sluice/wire/mysql'
import type { Channel, TlsFacts } from '../channel.js'
import type { RelayOptions } from '../protocol.js'
import type { Relay, RelayPorts } from '../relay.js'
import { type AnswerLine, Answers } from './answers.js'
import { Commands } from './commands.js'
import { errnoOf, messageOf, toErrPacket } from './error.js'
import type { Exchange, Line } from './exchange.js'
import type { MysqlHello } from './greet.js'
import { LexicalState } from './lexical-state.js'
import type { MysqlUpstream } from './log-in.js'
import { RelayChannel } from './relay-channel.js'
import { ResultReader } from './result-reader.js'

/** Bytes of a command that are looked at before it is taken: enough for COM_STMT_SEND_LONG_DATA, which streams. */
const COMMAND_PEEK = 7
/** Bytes of one packet of the server that is read whole: OK, ERR, a column's definition, a row with masked columns. */
const REPLY_BYTES = 16 * 1024 * 1024

/** Hashes that last as long as the process, where no key is given. */
const OWN_MASK_OPTIONS = { hashKey: randomBytes(32) }

/** A MySQL session's data path: one command at a time, its answer in full, then the next. See `Relay`. */
export function createMysqlRelay(options: RelayOptions<MysqlHello, MysqlUpstream>): Relay {
  return new MysqlRelay(options)
}

/**
 * Owns the two framers and the order of things. Commands that come before the answer to the last one is complete are kept
 * and worked off after it, so that one command, or nothing, is in flight.
 */
class MysqlRelay implements Relay {
  readonly #ports: RelayPorts
  readonly #limit: number
  readonly #client: PacketFramer
  readonly #server: PacketFramer
  readonly #reader: ResultReader
  readonly #answers: Answers
  readonly #commands: Commands
  /** A promise is waited for: a decision, or a plan for masking. */
  #waiting = false
  /** The client sends a file for LOAD DATA LOCAL, and this may be its end. */
  #fileComes = false
  #fileEnds = false
  #clientHeld = false
  #endAfter: string | SluiceError | undefined
  /** The client proves itself again. */
  #talk: RelayChannel | undefined
  readonly #peer: { readonly address: string; readonly tls: TlsFacts | undefined } | undefined
  #ended = false

  constructor(options: RelayOptions<MysqlHello, MysqlUpstream>) {
    const { hello, upstream, limits, gate } = options
    this.#ports = options.ports
    this.#limit = limits.messageBytes
    this.#peer = options.reauthentication
    const lexical = new LexicalState(
      {
        dialect: 'mysql',
        flavour: upstream.flavour,
        version: upstream.version,
        sqlMode: upstream.sqlMode,
        multiStatements: hasCapability(hello.capabilities, CAPABILITY.multiStatements),
      },
      upstream.database,
    )
    this.#answers = new Answers({
      gate,
      lexical,
      line: this.#answerLine(),
      clientSessionTrack: upstream.clientSessionTrack,
      status: hello.status,
      maskOptions: options.maskOptions ?? OWN_MASK_OPTIONS,
    })
    this.#reader = new ResultReader(
      {
        deprecateEof: hasCapability(upstream.capabilities, CAPABILITY.deprecateEof),
        sessionTrack: hasCapability(upstream.capabilities, CAPABILITY.sessionTrack),
        extendedMetadata: hasCapability(upstream.mariadbCapabilities, MARIADB_CAPABILITY.extendedMetadata),
      },
      this.#answers,
    )
    this.#answers.reader = this.#reader
    this.#server = new PacketFramer(this.#reader, { peek: 1, limit: REPLY_BYTES })
    this.#server.expected = undefined
    this.#client = new PacketFramer(this.#clientSink(), { peek: COMMAND_PEEK, limit: limits.messageBytes })
    this.#commands = new Commands({
      options,
      lexical,
      line: this.#commandLine(),
      agreed: {
        queryAttributes: hasCapability(upstream.capabilities, CAPABILITY.queryAttributes),
        bulk: hasCapability(upstream.mariadbCapabilities, MARIADB_CAPABILITY.bulkOperations),
      },
      status: () => this.#answers.status,
    })
  }

  fromClient(chunk: Buffer): void {
    this.#guard('client', () => {
      if (this.#talk) {
        this.#talk.push(chunk)
        return
      }
      this.#client.feed(chunk)
      this.#feedTalk()
      this.#holdBacklog()
    })
  }

  fromServer(chunk: Buffer): void {
    this.#guard('server', () => {
      this.#server.feed(chunk)
      this.#afterServer()
    })
  }

  clientEnded(): void {
    this.#end('the client closed the connection')
  }

  serverEnded(): void {
    if (this.#ended) return
    this.terminate(new SluiceError('upstream_lost', 'lost the connection to the database server'))
  }

  get idle(): boolean {
    return !this.#busy && !this.#client.waiting && (this.#answers.status & IN_TRANSACTION) === 0
  }

  terminate(error: SluiceError): void {
    if (this.#ended) return
    const sequence = this.#sequenceForError()
    if (sequence !== undefined) {
      this.#answers.drain()
      this.#ports.toClient(encodeErrPacket(sequence, withState(toErrPacket(error))))
    }
    this.#answers.abandon(String(errnoOf(error)), messageOf(error))
    this.#end(error.message)
  }

  /** The sequence id that an ERR packet must have now, where the client can read one. */
  #sequenceForError(): number | undefined {
    if (this.#answers.exchange) {
      if (this.#answers.owes !== undefined) return this.#answers.owes
      return this.#server.atPacketEdge && this.#reader.canFail ? this.#server.expected : undefined
    }
    return this.#waiting || !this.#client.atPacketEdge ? this.#client.expected : 0
  }

  get #busy(): boolean {
    return this.#waiting || this.#answers.exchange !== undefined
  }

  #afterServer(): void {
    this.#answers.drain()
    const endAfter = this.#endAfter
    if (endAfter !== undefined) {
      this.#endAfter = undefined
      if (typeof endAfter === 'string') this.#end(endAfter)
      else this.terminate(endAfter)
    }
    this.#goOn()
  }

  /** Works off what the client has sent in the meantime, if it may be. */
  #goOn(): void {
    if (this.#ended || (this.#busy && !this.#fileComes)) return
    this.#client.resume()
    this.#holdBacklog()
  }

  /** The client is read from as long as nothing of it is kept. */
  #holdBacklog(): void {
    if (this.#ended || this.#clientHeld === this.#client.backlogged) return
    this.#clientHeld = this.#client.backlogged
    if (this.#clientHeld) this.#ports.hold('client')
    else this.#ports.release('client')
  }

  #clientSink(): PacketSink {
    return {
      begin: (bytes, start, length) => this.#commandBegins(bytes, start, length),
      packet: (bytes, start, end) => {
        this.#client.flush()
        this.#commands.take(bytes, start, end, this.#client.physicalPackets === 1)
        if (!this.#busy) this.#client.expected = 0
        return false
      },
      passed: () => this.#streamed(),
      pass: (bytes) => this.#ports.toServer(bytes),
    }
  }

  #commandBegins(bytes: Buffer, start: number, length: number): Disposition {
    if (this.#fileComes) {
      this.#fileEnds = length === 0
      return 'pass'
    }
    if (length > 0 && bytes[start] === COMMAND.sendLongData) {
      return this.#commands.longDataBegins(bytes, start, length) ? 'pass' : 'drop'
    }
    if (length > this.#limit) {
      throw new SluiceError('limit_exceeded', `a command of more than ${this.#limit} bytes`, {
        hint: 'send less at once, or ask the operator of the gateway for a higher limit',
      })
    }
    return 'take'
  }

  /** Long data, or a part of a file, has gone up in full. */
  #streamed(): void {
    if (!this.#fileComes) {
      this.#commands.longDataEnded(this.#client.payloadBytes)
      this.#client.expected = 0
    } else if (this.#fileEnds) {
      this.#fileComes = false
      this.#client.pause()
      this.#server.expected = this.#client.expected
      this.#reader.localInfileSent()
    }
  }

  #commandLine(): Line {
    const relay = this
    return {
      get physicalPackets() {
        return relay.#client.physicalPackets
      },
      send: (packets, exchange) => this.#send(packets, exchange),
      sendUnanswered: (packets) => {
        for (const packet of packets) this.#ports.toServer(packet)
      },
      answer: (payload) => {
        for (const packet of framePacket(payload, this.#client.expected ?? 1)) this.#ports.toClient(packet)
      },
      answerError: (error) => {
        this.#ports.toClient(encodeErrPacket(this.#client.expected ?? 1, error))
      },
      wait: (promise, then) => {
        this.#waiting = true
        this.#client.pause()
        this.#settle(promise, (value) => {
          this.#waiting = false
          then(value)
          if (!this.#busy) this.#client.expected = 0
          this.#goOn()
        })
      },
      continueWith: (sequence) => {
        this.#client.expected = sequence
      },
      converse: (talk, then) => this.#converse(talk, then),
      end: (reason) => this.#end(reason),
    }
  }

  /** The command that begins a talk may have its first words behind it. */
  #feedTalk(): void {
    this.#talk?.push(this.#client.takeBacklog())
  }

  /** What the client sends goes to the talk, packet by packet as that reads; what is left over is the next command. */
  #converse<T>(talk: (channel: Channel, sequence: number) => Promise<T>, then: (value: T) => void): void {
    const peer = this.#peer
    if (!peer) throw new SluiceError('internal', 'a talk with a client that is not known')
    const channel = new RelayChannel(peer, (bytes) => this.#ports.toClient(bytes))
    this.#talk = channel
    this.#waiting = true
    this.#client.pause()
    this.#settle(talk(channel, this.#client.expected ?? 1), (value) => {
      this.#talk = undefined
      this.#waiting = false
      this.#client.feed(channel.take())
      then(value)
      if (!this.#busy) this.#client.expected = 0
      this.#goOn()
    })
  }

  #send(packets: readonly Buffer[], exchange: Exchange): void {
    for (const packet of packets) this.#ports.toServer(packet)
    this.#client.pause()
    this.#server.expected = exchange.hidden ? 1 : this.#client.expected
    this.#answers.start(exchange, this.#client.expected ?? 1)
  }

  #answerLine(): AnswerLine {
    return {
      toClient: (bytes) => this.#ports.toClient(bytes),
      flush: () => this.#server.flush(),
      waitForPlan: (promise, then) => {
        this.#waiting = true
        this.#server.pause()
        this.#ports.hold('server')
        this.#settle(promise, (value) => {
          this.#waiting = false
          then(value)
          this.#ports.release('server')
          this.#server.resume()
          this.#afterServer()
        })
      },
      fileComes: () => {
        this.#fileComes = true
        this.#client.expected = this.#server.expected
      },
      answered: ([next, ...followUps]) => {
        this.#client.expected = 0
        this.#server.expected = undefined
        if (!next) return
        const own = { pass: undefined, expected: 'single', binary: false, hidden: true, followUps } as const
        this.#send([Buffer.concat(framePacket(next, 0))], own)
      },
      endAfter: (reason) => {
        this.#endAfter ??= reason
      },
    }
  }

  #settle<T>(promise: Promise<T>, then: (value: T) => void): void {
    promise.then(
      (value) => this.#guard('server', () => then(value)),
      (cause: unknown) => this.#break('server', cause),
    )
  }

  /** Nothing throws out of the relay: what breaks the protocol, or is a defect of ours, ends this session. */
  #guard(side: 'client' | 'server', work: () => void): void {
    if (this.#ended) return
    try {
      work()
    } catch (error) {
      this.#break(side, error)
    }
  }

  #break(side: 'client' | 'server', cause: unknown): void {
    if (cause instanceof SluiceError) this.terminate(cause)
    else if (cause instanceof WireError) this.terminate(violation(side, cause))
    else this.terminate(new SluiceError('internal', 'the relay failed', { cause, clientMessage: 'internal error' }))
  }

  #end(reason: string): void {
    if (this.#ended) return
    this.#answers.abandon('2013', reason)
    this.#ended = true
    this.#talk?.close(new SluiceError('protocol_violation', reason))
    this.#client.pause()
    this.#server.pause()
    this.#ports.end(reason)
  }
}

const IN_TRANSACTION = 0x0001

function withState(packet: { errno: number; sqlState: string | undefined; message: string }) {
  return { ...packet, sqlState: packet.sqlState ?? 'HY000' }
}

function violation(side: 'client' | 'server', cause: WireError): SluiceError {
  if (side === 'client')
    return new SluiceError('protocol_violation', `the client broke the protocol: ${cause.message}`, { cause })
  return new SluiceError('upstream_lost', `the server broke the protocol: ${cause.message}`, {
    clientMessage: 'the database server does not speak the protocol as it should',
    cause,
  })
}
