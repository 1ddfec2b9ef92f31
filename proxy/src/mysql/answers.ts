import { SluiceError } from '@sluice/domain'
import { WireError } from '@sluice/wire'
import {
  type ColumnDefinition,
  type Disposition,
  type ErrPacket,
  encodeErrPacket,
  framePacket,
  type OkPacket,
  type PrepareOk,
  STATUS,
  withoutSessionState,
} from '@sluice/wire/mysql'
import type { Gate, MaskPlan, Pass } from '../gate.js'
import type { Exchange } from './exchange.js'
import type { LexicalState } from './lexical-state.js'
import { showsNoValues, WITHHELD, withheld } from './refusal.js'
import type { ResultEnd, ResultEvents, ResultReader } from './result-reader.js'
import { type MaskOptions, RowLook, wireColumn } from './row-look.js'

/** What the answers may do on the line, which the relay owns. */
export interface AnswerLine {
  toClient(bytes: Buffer): void
  /** Hands on what lies before the packet at hand. */
  flush(): void
  /** The server's next packets wait. What goes wrong in `then` ends the session. */
  waitForPlan<T>(promise: Promise<T>, then: (value: T) => void): void
  /** The client is to send a file now. */
  fileComes(): void
  /** The answer is complete; these commands of the gateway's own follow. */
  answered(followUps: readonly Buffer[]): void
  /** Ends the session once the packets that have arrived are worked off; an error is told to the client. */
  endAfter(reason: string | SluiceError): void
}

/** The server's answers on their way to the client: masked, recorded, followed. One a session. */
export class Answers implements ResultEvents {
  /** Set once, by whoever makes both. */
  reader!: ResultReader
  exchange: Exchange | undefined
  /** Server status flags of the last answer that had some. */
  status: number
  readonly #gate: Gate
  readonly #line: AnswerLine
  readonly #lexical: LexicalState
  readonly #clientSessionTrack: boolean
  readonly #maskOptions: MaskOptions
  #look: RowLook | undefined
  /** An OK packet that the client gets after the gateway's own statement. */
  #owed: Buffer[] = []
  /** The server answered the exchange with an error. */
  #refused = false

  constructor(options: {
    readonly gate: Gate
    readonly line: AnswerLine
    readonly lexical: LexicalState
    readonly clientSessionTrack: boolean
    readonly status: number
    readonly maskOptions: MaskOptions
  }) {
    this.#gate = options.gate
    this.#line = options.line
    this.#lexical = options.lexical
    this.#clientSessionTrack = options.clientSessionTrack
    this.status = options.status
    this.#maskOptions = options.maskOptions
  }

  /** An exchange goes upstream; `sequence` is due to the client next. */
  start(exchange: Exchange, sequence: number): void {
    this.drain()
    this.#refused = false
    if (exchange.success) this.#owed = framePacket(exchange.success, sequence)
    this.#look = undefined
    this.exchange = exchange
    this.reader.start(exchange.expected, exchange.binary)
    const { pass } = exchange
    this.reader.wantColumns = pass !== undefined && (pass.masking !== 'none' || pass.rowsToRecord > 0)
    if (exchange.expected === 'rows') this.#treatRows(exchange.prepared?.cursor?.look)
  }

  /** The sequence id of a packet that the client gets after commands of the gateway's own; undefined: there is none. */
  get owes(): number | undefined {
    return this.#owed[0]?.[3]
  }

  /** Hands on the rows that were masked so far. */
  drain(): void {
    const rows = this.#look?.masker?.take()
    if (rows) this.#line.toClient(rows)
  }

  /** The session ends before the answer does. */
  abandon(code: string, message: string): void {
    const { exchange } = this
    this.exchange = undefined
    if (exchange?.pass) this.#failed(exchange.pass, code, message)
  }

  columns(columns: readonly ColumnDefinition[]): void {
    const exchange = this.exchange
    if (!exchange?.pass) throw new WireError('columns where no statement runs')
    const { pass } = exchange
    if (pass.masking === 'none') {
      this.#treatColumns(exchange, pass, columns, undefined)
      return
    }
    const plan = this.#gate.maskPlan(pass, columns.map(wireColumn))
    if (plan instanceof Promise) {
      this.#line.waitForPlan(plan, (known) => this.#treatColumns(exchange, pass, columns, known))
    } else {
      this.#treatColumns(exchange, pass, columns, plan)
    }
  }

  rowBegins(length: number): Disposition {
    const look = this.#look
    if (look === undefined) throw new WireError('rows without columns')
    const disposition = look.rowBegins(length)
    if (disposition === 'pass') this.reader.lookAtRows = false
    return disposition
  }

  row(bytes: Buffer, start: number, end: number): boolean {
    const look = this.#look
    if (look === undefined) throw new WireError('rows without columns')
    if (look.masker) this.#line.flush()
    const asItCame = look.row(bytes, start, end)
    if (!look.wanted) this.reader.lookAtRows = false
    return asItCame
  }

  ok(ok: OkPacket, bytes: Buffer, start: number, end: number): boolean {
    for (const change of ok.changes) {
      const error =
        change.kind === 'variable'
          ? this.#lexical.follow(change)
          : change.kind === 'schema'
            ? this.#followSchema(change.name)
            : undefined
      if (error) this.#line.endAfter(error)
    }
    const exchange = this.exchange
    if (exchange?.hidden) return false
    const strip = !this.#clientSessionTrack && ok.plainLength < end - start
    if (!strip && exchange?.followUps === undefined) return true
    const payload = bytes.subarray(start, end)
    const packets = framePacket(strip ? withoutSessionState(payload, ok) : Buffer.from(payload), bytes[start - 1]!)
    if (exchange?.followUps !== undefined) {
      this.#owed = packets
    } else {
      this.#line.flush()
      for (const packet of packets) this.pass(packet)
    }
    return false
  }

  resultEnded({ rows, bytes, status }: ResultEnd): void {
    const exchange = this.exchange
    if (exchange?.expected !== 'text') this.status = status
    if (!exchange) return
    exchange.onOk?.()
    const { pass, prepared } = exchange
    if (!pass) return
    this.#record(pass)
    this.#gate.finished(pass, { tag: 'OK', rows, bytes })
    if (prepared) {
      if (exchange.expected !== 'rows') prepared.cursor = undefined
      if ((status & STATUS.cursorExists) !== 0) prepared.cursor = { pass, look: this.#look }
    }
  }

  failed(error: ErrPacket, sequence: number): boolean {
    const exchange = this.exchange
    if (!exchange) return true
    this.#refused = true
    if (exchange.hidden)
      throw new SluiceError('upstream_refused', `the server refused a command of the gateway: ${error.message}`, {
        clientMessage: 'the database does not let the session begin anew',
      })
    if (exchange.prepared && exchange.expected !== 'rows') exchange.prepared.cursor = undefined
    exchange.onFailed?.()
    const { pass } = exchange
    if (!pass) return true
    const mayShow = pass.masking !== 'all-but-plain' || showsNoValues(error)
    this.#failed(pass, String(error.errno), mayShow ? error.message : WITHHELD)
    if (mayShow) return true
    this.#line.flush()
    this.pass(encodeErrPacket(sequence, withheld(error)))
    return false
  }

  prepared(ok: PrepareOk): void {
    this.exchange?.onPrepared?.(ok)
  }

  localInfile(): void {
    const analysis = this.exchange?.pass?.statement.analysis
    const asked =
      analysis?.ok && analysis.statements.some(({ copy }) => copy?.direction === 'in' && copy.end === 'client')
    if (!asked) throw new WireError('the server asks for a file of the client that no statement named')
    this.#line.fileComes()
  }

  done(): boolean {
    const exchange = this.exchange
    this.exchange = undefined
    if (!exchange) return true
    const next = this.#refused ? undefined : exchange.followUps
    if (next === undefined || next.length === 0) {
      this.#line.flush()
      for (const packet of this.#owed) this.pass(packet)
      this.#owed = []
    }
    this.#line.answered(next ?? [])
    return !exchange.hidden
  }

  unsolicited({ errno, message }: ErrPacket): void {
    this.#gate.failed(undefined, String(errno), message)
    this.#line.endAfter(`the server ended the session: ${message}`)
  }

  pass(bytes: Buffer): void {
    this.drain()
    this.#line.toClient(bytes)
  }

  #treatColumns(
    exchange: Exchange,
    pass: Pass,
    columns: readonly ColumnDefinition[],
    plan: MaskPlan | undefined,
  ): void {
    const format = exchange.binary ? 'binary' : 'text'
    this.#treatRows(
      new RowLook({ columns, format, plan, rowsToRecord: pass.rowsToRecord, maskOptions: this.#maskOptions }),
    )
  }

  #treatRows(look: RowLook | undefined): void {
    this.#line.flush()
    this.drain()
    this.#look = look
    this.reader.lookAtRows = look?.wanted ?? false
  }

  #failed(pass: Pass, code: string, message: string): void {
    this.#record(pass)
    this.#gate.failed(pass, code, message)
  }

  /** The rows that were kept of the result that ends. Its masker stays, for rows that have not gone to the client yet. */
  #record(pass: Pass): void {
    if (!this.#look || pass.rowsToRecord === 0) return
    const rows = this.#look.takeRecorded()
    if (rows) this.#gate.result(pass, this.#look.described, rows)
  }

  #followSchema(name: string): SluiceError | undefined {
    if (name === '' || name.toLowerCase() === this.#lexical.schema?.toLowerCase()) return undefined
    const error = this.#gate.changeDatabase(name)
    if (!error) this.#lexical.schema = name
    return error
  }
}
