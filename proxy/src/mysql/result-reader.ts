import { WireError } from '@sluice/wire'
import {
  type ColumnDefinition,
  type Disposition,
  decodeColumnCount,
  decodeColumnDefinition,
  decodeEofPacket,
  decodeErrPacket,
  decodeOkPacket,
  decodePrepareOk,
  type ErrPacket,
  MAX_PACKET_PAYLOAD,
  type OkPacket,
  type PacketSink,
  PROGRESS_ERRNO,
  type PrepareOk,
  STATUS,
} from '@sluice/wire/mysql'

/** What a command is answered with. `row`: the rows that COM_STMT_FETCH asks for; `text`: one packet of words. */
export type Expected = 'result' | 'single' | 'prepare' | 'fields' | 'rows' | 'text'

/** How the agreed capabilities make the server write. */
export interface ResultDialect {
  readonly deprecateEof: boolean
  readonly sessionTrack: boolean
  readonly extendedMetadata: boolean
}

/** One result of an answer, as its last packet tells. */
export interface ResultEnd {
  /** Rows returned, or rows affected. */
  readonly rows: number
  readonly bytes: number
  readonly status: number
}

/** Told what the server's packets are. What returns a boolean says whether the packet goes on to the client as it came. */
export interface ResultEvents {
  /** The definitions of a result are complete, if they were asked for; its rows come next. */
  columns(columns: readonly ColumnDefinition[]): void
  /** Asked for each row while `lookAtRows`. */
  rowBegins(length: number): Disposition
  row(bytes: Buffer, start: number, end: number): boolean
  /** An OK packet, before `resultEnded`. */
  ok(ok: OkPacket, bytes: Buffer, start: number, end: number): boolean
  resultEnded(end: ResultEnd): void
  /** The answer ends with an error, which has this sequence id. */
  failed(error: ErrPacket, sequence: number): boolean
  prepared(ok: PrepareOk): void
  /** The server asks for a file of the client. Throws `WireError` where nobody said that it may. */
  localInfile(): void
  /** The answer is complete. */
  done(): boolean
  /** An ERR packet that answers nothing: the server ends the connection. */
  unsolicited(error: ErrPacket): void
  pass(bytes: Buffer): void
}

type Phase =
  | 'idle'
  | 'first'
  | 'single'
  | 'text'
  | 'definitions'
  | 'definitions-eof'
  | 'rows'
  | 'prepare'
  | 'prepare-definitions'
  | 'prepare-eof'
  | 'fields'
  | 'local-infile'

/** Where a client does not look for an ERR packet. */
const NEVER_FAILS: readonly Phase[] = [
  'definitions',
  'definitions-eof',
  'prepare-definitions',
  'prepare-eof',
  'local-infile',
]

type Role = 'row' | 'definition' | 'count' | 'ok' | 'eof' | 'error' | 'text' | 'prepare-ok' | 'local-infile' | 'pass'

/**
 * The server's answers as a state machine: for each packet, from its first byte and length, what it is and what comes next.
 * A packet that has no place in the answer is a `WireError`. Manual: "Command Phase", "Text Resultset", "Binary Resultset".
 */
export class ResultReader implements PacketSink {
  /** Whether column definitions are to be decoded; else they pass unread. */
  wantColumns = false
  /** Whether `rowBegins` is asked; else rows pass unread. */
  lookAtRows = false
  readonly #dialect: ResultDialect
  readonly #events: ResultEvents
  #phase: Phase = 'idle'
  #role: Role = 'pass'
  #binary = false
  #left = 0
  #leftColumns = 0
  #columns: ColumnDefinition[] = []
  #rows = 0
  #bytes = 0

  constructor(dialect: ResultDialect, events: ResultEvents) {
    this.#dialect = dialect
    this.#events = events
  }

  get idle(): boolean {
    return this.#phase === 'idle'
  }

  /** Whether the client can read an ERR packet in place of the next packet. */
  get canFail(): boolean {
    return NEVER_FAILS.every((phase) => phase !== this.#phase)
  }

  start(expected: Expected, binary: boolean): void {
    this.#binary = binary
    this.#beginResult()
    this.#phase = expected === 'result' ? 'first' : expected
  }

  /** The client's file has gone up in full. */
  localInfileSent(): void {
    this.#phase = 'first'
  }

  begin(bytes: Buffer, start: number, length: number): Disposition {
    if (length === 0) throw unexpected('an empty packet', this.#phase)
    const first = bytes[start]!
    if (this.#phase === 'rows') {
      if (first < 0xfe || (first === 0xfe && length >= (this.#dialect.deprecateEof ? MAX_PACKET_PAYLOAD : 9))) {
        if (this.#binary && first !== 0) throw unexpected('a packet that is no row', this.#phase)
        this.#role = 'row'
        this.#rows++
        this.#bytes += length
        return this.lookAtRows ? this.#events.rowBegins(length) : 'pass'
      }
      this.#role = first === 0xff ? 'error' : this.#endRole(length)
      return 'take'
    }
    this.#role = this.#roleOf(first, length)
    if (this.#role === 'definition' && !(this.wantColumns && this.#phase === 'definitions')) return 'pass'
    return 'take'
  }

  passed(): void {
    if (this.#role === 'definition') this.#definitionRead()
  }

  packet(bytes: Buffer, start: number, end: number): boolean {
    const events = this.#events
    switch (this.#role) {
      case 'row':
        return events.row(bytes, start, end)
      case 'definition':
        this.#columns.push(decodeColumnDefinition(bytes.subarray(start, end), this.#dialect.extendedMetadata))
        this.#definitionRead()
        return true
      case 'count':
        this.#left = decodeColumnCount(bytes.subarray(start, end))
        this.#phase = 'definitions'
        return true
      case 'ok':
        return this.#ok(bytes, start, end)
      case 'eof':
        return this.#eof(decodeEofPacket(bytes.subarray(start, end)).status)
      case 'error':
        return this.#error(decodeErrPacket(bytes.subarray(start, end)), bytes[start - 1]!)
      case 'prepare-ok':
        return this.#prepareOk(decodePrepareOk(bytes.subarray(start, end)))
      case 'local-infile':
        events.localInfile()
        this.#phase = 'local-infile'
        return true
      case 'text':
        events.resultEnded({ rows: 0, bytes: end - start, status: 0 })
        return this.#done()
      case 'pass':
        return true
    }
  }

  pass(bytes: Buffer): void {
    this.#events.pass(bytes)
  }

  #roleOf(first: number, length: number): Role {
    const phase = this.#phase
    switch (phase) {
      case 'first':
        if (first === 0x00) return 'ok'
        if (first === 0xff) return 'error'
        if (first === 0xfb) return 'local-infile'
        return first === 0xfe ? this.#endRole(length) : 'count'
      case 'single':
        if (first === 0x00) return 'ok'
        if (first === 0xff) return 'error'
        if (first === 0xfe) return this.#endRole(length)
        break
      case 'definitions':
      case 'prepare-definitions':
        if (first !== 0xff && first !== 0xfe) return 'definition'
        break
      case 'definitions-eof':
      case 'prepare-eof':
        if (first === 0xfe && length === 5) return 'eof'
        if (first === 0xff && phase === 'definitions-eof') return 'error'
        break
      case 'prepare':
        if (first === 0x00) return 'prepare-ok'
        if (first === 0xff) return 'error'
        break
      case 'fields':
        if (first === 0xff) return 'error'
        return first === 0xfe ? this.#endRole(length) : 'definition'
      case 'text':
        return first === 0xff ? 'error' : 'text'
      case 'idle':
        if (first === 0xff) return 'error'
        break
      case 'rows':
      case 'local-infile':
        break
    }
    throw unexpected(`a packet that begins with 0x${first.toString(16)}`, phase)
  }

  /** Header 0xfe: EOF, or the OK packet that has taken its place. */
  #endRole(length: number): Role {
    if (this.#dialect.deprecateEof && length >= 7) return 'ok'
    if (length === 5) return 'eof'
    throw unexpected('a packet that is no EOF', this.#phase)
  }

  #definitionRead(): void {
    if (this.#phase === 'fields') return
    if (--this.#left > 0) return
    if (this.#phase === 'definitions') {
      this.#phase = this.#dialect.deprecateEof ? 'rows' : 'definitions-eof'
      const columns = this.#columns
      this.#columns = []
      if (this.wantColumns) this.#events.columns(columns)
    } else if (!this.#dialect.deprecateEof) {
      this.#phase = 'prepare-eof'
    } else {
      this.#prepareDefinitions()
    }
  }

  #ok(bytes: Buffer, start: number, end: number): boolean {
    const ok = decodeOkPacket(bytes.subarray(start, end), this.#dialect.sessionTrack)
    const verbatim = this.#events.ok(ok, bytes, start, end)
    const rows = this.#phase === 'rows' ? this.#rows : ok.affectedRows
    this.#resultEnded(rows, ok.status)
    const shown = this.#afterResult(ok.status)
    return verbatim && shown
  }

  #eof(status: number): boolean {
    if (this.#phase === 'prepare-eof') return this.#prepareDefinitions()
    if (this.#phase === 'definitions-eof' && (status & STATUS.cursorExists) === 0) {
      this.#phase = 'rows'
      return true
    }
    this.#resultEnded(this.#rows, status)
    return this.#afterResult(status)
  }

  #error(error: ErrPacket, sequence: number): boolean {
    if (this.#phase === 'idle') {
      this.#events.unsolicited(error)
      return true
    }
    if (error.errno === PROGRESS_ERRNO) return true
    const verbatim = this.#events.failed(error, sequence)
    const shown = this.#done()
    return verbatim && shown
  }

  #prepareOk(ok: PrepareOk): boolean {
    this.#events.prepared(ok)
    this.#left = ok.parameters
    this.#leftColumns = ok.columns
    if (this.#left > 0) this.#phase = 'prepare-definitions'
    else return this.#prepareDefinitions()
    return true
  }

  /** After one block of COM_STMT_PREPARE's definitions comes the other, if any. */
  #prepareDefinitions(): boolean {
    this.#left = this.#leftColumns
    this.#leftColumns = 0
    if (this.#left === 0) return this.#done()
    this.#phase = 'prepare-definitions'
    return true
  }

  #resultEnded(rows: number, status: number): void {
    this.#events.resultEnded({ rows, bytes: this.#bytes, status })
  }

  #afterResult(status: number): boolean {
    if ((status & STATUS.moreResults) === 0) return this.#done()
    this.#beginResult()
    this.#phase = 'first'
    return true
  }

  #beginResult(): void {
    this.#rows = 0
    this.#bytes = 0
    this.#left = 0
    this.#leftColumns = 0
    this.#columns = []
    this.lookAtRows = false
  }

  #done(): boolean {
    this.#phase = 'idle'
    return this.#events.done()
  }
}

function unexpected(what: string, phase: Phase): WireError {
  return new WireError(`the server sent ${what} where ${phase} was due`)
}
