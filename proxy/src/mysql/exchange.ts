import type { PrepareOk } from '@sluice/wire/mysql'
import type { Channel } from '../channel.js'
import type { Pass } from '../gate.js'
import type { PreparedStatement } from './prepared-statements.js'
import type { Expected } from './result-reader.js'

/** A command that is in flight upstream, until its answer is complete. */
export interface Exchange {
  /** The proof with which it went; undefined: a command that runs no statement. */
  readonly pass: Pass | undefined
  readonly expected: Expected
  /** Its rows come in the binary protocol. */
  readonly binary: boolean
  /** The prepared statement that it executes or fetches from. */
  readonly prepared?: PreparedStatement
  readonly onPrepared?: (ok: PrepareOk) => void
  /** The server took it; called before the client hears of it. */
  readonly onOk?: () => void
  readonly onFailed?: () => void
  /** Commands of the gateway's own that run, hidden, before the client hears of the success. */
  readonly followUps?: readonly Buffer[]
  /** What the client hears then; left out: the answer to this command. */
  readonly success?: Buffer
  /** The gateway's own: nothing of the answer goes to the client. */
  readonly hidden?: true
}

/** What the commands may do on the line, which the relay owns. */
export interface Line {
  /** How many physical packets the command at hand came in. */
  readonly physicalPackets: number
  /** Sends the command at hand upstream; its answer follows. */
  send(packets: readonly Buffer[], exchange: Exchange): void
  /** Sends a command upstream that is not answered. */
  sendUnanswered(packets: readonly Buffer[]): void
  /** Answers the command at hand with this payload; it goes nowhere else. */
  answer(payload: Buffer): void
  answerError(error: { readonly errno: number; readonly sqlState: string; readonly message: string }): void
  /** The command at hand waits. What goes wrong in `then` ends the session. */
  wait<T>(promise: Promise<T>, then: (value: T) => void): void
  /** Lets the login's steps talk with the client; then goes on, or ends the session where they reject. */
  converse<T>(talk: (channel: Channel, sequence: number) => Promise<T>, then: (value: T) => void): void
  /** Packets went to and fro for the command at hand: this sequence id is due next. */
  continueWith(sequence: number): void
  end(reason: string): void
}
