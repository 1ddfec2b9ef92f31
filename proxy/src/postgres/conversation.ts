import { TransactionStatus } from '@sluice/wire/postgres'
import { ExchangeQueue } from '../exchange-queue.js'
import type { Gate } from '../gate.js'
import { Outlet } from '../outlet.js'
import type { RelayPorts } from '../relay.js'
import type { Exchange } from './exchange.js'
import { type Change, NameTable } from './name-table.js'
import { type Portal, PreparedStatements } from './prepared-statements.js'

/** What the two directions of a session share: the exchanges in flight, the names, and where bytes leave. */
export class Conversation {
  readonly gate: Gate
  readonly toClient: Outlet
  readonly toServer: Outlet
  readonly exchanges = new ExchangeQueue<Exchange>()
  readonly statements = new PreparedStatements()
  readonly portals = new NameTable<Portal>()
  /** The server skips, or will skip, everything up to a Sync that the client has not sent yet. */
  skipping = false
  /** The server takes COPY data for this exchange, and the client has not ended them yet. */
  copyingIn: Exchange | undefined
  /** As the server said it last. */
  transaction: number = TransactionStatus.idle
  /** A statement that touches masked columns ran in this transaction: what is checked at its end may say their values. */
  touchedMasked = false
  /** A character above ASCII would be another one to the server than to the parser. */
  asciiOnly = false

  constructor(gate: Gate, ports: RelayPorts) {
    this.gate = gate
    this.toClient = new Outlet((bytes) => ports.toClient(bytes))
    this.toServer = new Outlet((bytes) => ports.toServer(bytes))
  }

  /** Undefined: other encodings than these have no ASCII-compatible reading that the parser shares. */
  setClientEncoding(encoding: string): void {
    this.asciiOnly = encoding !== 'UTF8' && encoding !== 'SQL_ASCII'
  }
}

/** Lets one side wait: its frames are kept until the promise is there, then `go` is called with the value. */
export type Wait = <T>(promise: Promise<T>, go: (value: T) => void) => void

/** Lets the client wait until the server has answered a change of a name; then `again` takes up its message anew. */
export type AwaitChange = (change: Change<unknown>, again: () => void) => void
