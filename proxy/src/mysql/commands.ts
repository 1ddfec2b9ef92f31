import { isUtf8 } from 'node:buffer'
import { SluiceError } from '@sluice/domain'
import { WireError } from '@sluice/wire'
import {
  COMMAND,
  commandName,
  decodeExecute,
  decodeFieldList,
  decodeLongDataHead,
  framePacket,
  HEADER_BYTES,
  physicalPackets,
  queryTextOffset,
  statementIdOf,
} from '@sluice/wire/mysql'
import type { Gate, Pass, Statement } from '../gate.js'
import type { RelayOptions } from '../protocol.js'
import { UserChange } from './change-user.js'
import type { Exchange, Line } from './exchange.js'
import type { MysqlHello } from './greet.js'
import { type LexicalState, readAlike, TRACKING_STATEMENT } from './lexical-state.js'
import type { MysqlUpstream } from './log-in.js'
import { type PreparedStatement, PreparedStatements } from './prepared-statements.js'
import { recordParameter } from './recorded-values.js'
import {
  MALFORMED,
  NEEDS_PREPARING,
  NO_CURSOR,
  type ServerError,
  UNKNOWN_COMMAND,
  UNKNOWN_STATEMENT,
} from './refusal.js'
import { Statements } from './statements.js'

/** MariaDB: the statement that was prepared last. */
const LAST_PREPARED = 0xffffffff

/** A command as it came: the payload, and the packets it came in. */
interface Received {
  readonly payload: Buffer
  readonly packets: readonly Buffer[]
}

/** Reads the client's commands, takes each statement through the gate, and sends what may go. One a session. */
export class Commands {
  readonly #gate: Gate
  readonly #line: Line
  readonly #lexical: LexicalState
  readonly #agreed: { readonly queryAttributes: boolean; readonly bulk: boolean }
  readonly #prepared = new PreparedStatements()
  readonly #statements: Statements
  readonly #userChange: UserChange
  /** Where long data that is on its way belongs. */
  #longData: { readonly prepared: PreparedStatement; readonly parameter: number } | undefined

  constructor(parts: {
    readonly options: RelayOptions<MysqlHello, MysqlUpstream>
    readonly line: Line
    readonly lexical: LexicalState
    readonly agreed: { readonly queryAttributes: boolean; readonly bulk: boolean }
    /** Server status flags of the last answer, for answers of the gateway's own. */
    readonly status: () => number
  }) {
    this.#gate = parts.options.gate
    this.#line = parts.line
    this.#lexical = parts.lexical
    this.#agreed = parts.agreed
    this.#statements = new Statements({ ...parts, prepared: this.#prepared })
    this.#userChange = new UserChange({
      ...parts,
      prepared: this.#prepared,
      statements: this.#statements,
      preparation: (setNames) => [TRACKING_STATEMENT, setNames].map((text) => this.#ownQuery(text)),
    })
  }

  /** Whether long data, which streams and is not answered, is for a statement that there is. Notes its coming. */
  longDataBegins(bytes: Buffer, start: number, length: number): boolean {
    if (length < 7) return false
    const { statementId, parameter } = decodeLongDataHead(bytes.subarray(start, start + 7))
    const prepared = this.#find(statementId)
    if (!prepared || parameter >= prepared.parameters) return false
    prepared.longData.set(parameter, prepared.longData.get(parameter) ?? 0)
    this.#longData = { prepared, parameter }
    return true
  }

  longDataEnded(payloadBytes: number): void {
    if (!this.#longData) return
    const { prepared, parameter } = this.#longData
    prepared.longData.set(parameter, (prepared.longData.get(parameter) ?? 0) + payloadBytes - 7)
    this.#longData = undefined
  }

  take(bytes: Buffer, start: number, end: number, inOnePacket: boolean): void {
    const payload = bytes.subarray(start, end)
    const received = {
      payload,
      packets: inOnePacket ? [bytes.subarray(start - HEADER_BYTES, end)] : framePacket(payload, 0),
    }
    const code = payload[0] ?? COMMAND.sleep
    switch (code) {
      case COMMAND.query:
        this.#query(received)
        break
      case COMMAND.prepare:
        this.#prepare(received)
        break
      case COMMAND.execute:
        this.#execute(received)
        break
      case COMMAND.bulkExecute:
        if (this.#agreed.bulk) this.#bulkExecute(received)
        else this.#refuseCommand(code)
        break
      case COMMAND.fetch:
        this.#fetch(received)
        break
      case COMMAND.closeStatement:
        this.#close(received)
        break
      case COMMAND.resetStatement:
        this.#reset(received)
        break
      case COMMAND.initDb:
        this.#initDb(received)
        break
      case COMMAND.fieldList:
        this.#fieldList(received)
        break
      case COMMAND.processInfo:
        this.#statements.standIn('show processlist', (pass) =>
          this.#line.send(received.packets, running(pass, 'result')),
        )
        break
      case COMMAND.processKill:
        this.#statements.standIn(`kill ${payload.length >= 5 ? payload.readUInt32LE(1) : 0}`, neverSent)
        break
      case COMMAND.setOption:
        this.#setOption(received)
        break
      case COMMAND.ping:
        this.#line.send(received.packets, plain('single'))
        break
      case COMMAND.statistics:
        this.#line.send(received.packets, plain('text'))
        break
      case COMMAND.resetConnection:
        this.#resetConnection(received)
        break
      case COMMAND.changeUser:
        this.#orMalformed(() => this.#userChange.begin(payload))
        break
      case COMMAND.quit:
        this.#line.sendUnanswered(received.packets)
        this.#line.end('the client quit')
        break
      default:
        this.#refuseCommand(code)
        break
    }
  }

  #query({ payload, packets }: Received): void {
    const offset = this.#orMalformed(() => queryTextOffset(payload, this.#agreed.queryAttributes))
    if (offset === undefined) return
    const text = withoutTrailingNul(payload.subarray(offset))
    this.#statements.analyse(text, (statement) => {
      const body = this.#forwarded(statement, payload.subarray(0, offset), text, { payload, packets })
      if (body)
        this.#statements.request(statement, {
          send: (pass, hooks) => this.#line.send(body, { ...running(pass, 'result'), ...hooks }),
        })
    })
  }

  #prepare(received: Received): void {
    this.#prepared.last = undefined
    const text = withoutTrailingNul(received.payload.subarray(1))
    const { sqlMode } = this.#lexical.mode
    this.#statements.analyse(text, (statement) => {
      const body = this.#forwarded(statement, received.payload.subarray(0, 1), text, received)
      if (!body) return
      this.#statements.request(statement, {
        permitOnly: true,
        send: (pass) =>
          this.#line.send(body, {
            ...running(pass, 'prepare'),
            onPrepared: (ok) => this.#prepared.add(ok.statementId, statement, ok.parameters, sqlMode),
          }),
      })
    })
  }

  #execute({ payload, packets }: Received): void {
    const prepared = this.#preparedOf(payload)
    if (!prepared) return
    const command = this.#orMalformed(() =>
      decodeExecute(payload, {
        parameters: prepared.parameters,
        boundTypes: prepared.boundTypes,
        longData: new Set(prepared.longData.keys()),
        queryAttributes: this.#agreed.queryAttributes,
      }),
    )
    if (!command) return
    if (command.types) prepared.boundTypes = command.types
    const parameters = command.values?.map((value, i) => recordParameter(value, prepared.longData.get(i))) ?? [
      { bytes: payload.length },
    ]
    prepared.longData.clear() // the server forgets it with the execution, too
    this.#statements.request(prepared.statement, {
      parameters,
      send: (pass, hooks) => this.#line.send(packets, { ...running(pass, 'result'), ...hooks, binary: true, prepared }),
    })
  }

  #bulkExecute({ payload, packets }: Received): void {
    const prepared = this.#preparedOf(payload)
    if (!prepared) return
    this.#statements.request(prepared.statement, {
      parameters: [{ bytes: payload.length }],
      send: (pass, hooks) => this.#line.send(packets, { ...running(pass, 'result'), ...hooks, binary: true, prepared }),
    })
  }

  /** Rows of an execution that was admitted: they come under its pass. */
  #fetch({ payload, packets }: Received): void {
    const prepared = this.#preparedOf(payload)
    if (!prepared) return
    if (!prepared.cursor) {
      this.#error(NO_CURSOR, `statement ${prepared.id} has no open cursor`)
      return
    }
    const { pass } = prepared.cursor
    this.#line.send(packets, { ...running(pass, 'rows'), binary: true, prepared })
  }

  #close({ payload, packets }: Received): void {
    const prepared = payload.length === 5 ? this.#find(payload.readUInt32LE(1)) : undefined
    if (!prepared) return
    this.#prepared.close(prepared.id)
    this.#line.sendUnanswered(packets)
  }

  #reset({ payload, packets }: Received): void {
    const prepared = this.#preparedOf(payload)
    if (!prepared) return
    prepared.longData.clear()
    prepared.cursor = undefined
    this.#line.send(packets, plain('single'))
  }

  #initDb({ payload, packets }: Received): void {
    const name = payload.subarray(1)
    if (name.length === 0 || name.includes(0) || !isUtf8(name)) {
      this.#error(MALFORMED, 'the name of the database is not utf-8 text')
      return
    }
    this.#statements.standIn(`use ${quoted(name)}`, (pass, hooks) => {
      this.#line.send(packets, { ...running(pass, 'single'), ...hooks })
    })
  }

  #fieldList({ payload, packets }: Received): void {
    const list = this.#orMalformed(() => decodeFieldList(payload))
    if (!list) return
    if (!isUtf8(list.table)) {
      this.#error(MALFORMED, 'the name of the table is not utf-8 text')
      return
    }
    this.#statements.standIn(`show columns from ${quoted(list.table)}`, (pass) => {
      this.#line.send(packets, running(pass, 'fields'))
    })
  }

  #setOption({ payload, packets }: Received): void {
    const option = payload.length === 3 ? payload.readUInt16LE(1) : undefined
    if (option !== 0 && option !== 1) {
      this.#error(MALFORMED, 'COM_SET_OPTION with an unknown option')
      return
    }
    this.#line.send(packets, { ...plain('single'), onOk: () => this.#lexical.setMultiStatements(option === 0) })
  }

  #resetConnection({ packets }: Received): void {
    this.#line.send(packets, {
      ...plain('single'),
      onOk: () => this.#prepared.clear(),
      followUps: [this.#ownQuery(TRACKING_STATEMENT)],
    })
  }

  #refuseCommand(code: number): void {
    const name = commandName(code)
    const error = new SluiceError('feature_unsupported', `\`${name}\` is not supported through the gateway`)
    this.#statements.answerRefusal(this.#gate.refuse(name, error).error, UNKNOWN_COMMAND)
  }

  #error([errno, sqlState]: ServerError, message: string): void {
    this.#line.answerError({ errno, sqlState, message })
  }

  /** The text that was analysed in place of the one that came; undefined where it cannot be, which was answered. */
  #forwarded(statement: Statement, before: Buffer, text: Buffer, received: Received): readonly Buffer[] | undefined {
    const { analysis } = statement
    if (!analysis.ok) return received.packets // the gate refuses it
    if (analysis.text.equals(text) && before.length + text.length === received.payload.length) return received.packets
    const payload = Buffer.concat([before, analysis.text])
    if (physicalPackets(payload.length) === this.#line.physicalPackets) return framePacket(payload, 0)
    const error = new SluiceError('limit_exceeded', 'the statement takes another number of packets than it came in', {
      hint: 'leave out its comments, or cut it into smaller ones',
    })
    this.#statements.answerRefusal(this.#gate.refuse(text.toString('utf8', 0, 1024), error).error)
    return undefined
  }

  #find(id: number): PreparedStatement | undefined {
    return id === LAST_PREPARED ? this.#prepared.last : this.#prepared.find(id)
  }

  #preparedOf(payload: Buffer): PreparedStatement | undefined {
    const id = this.#orMalformed(() => statementIdOf(payload))
    if (id === undefined) return undefined
    const prepared = this.#find(id)
    if (!prepared) {
      this.#error(UNKNOWN_STATEMENT, `unknown prepared statement ${id}`)
    } else if (!readAlike(prepared.sqlMode, this.#lexical.mode.sqlMode)) {
      // The server may read the text again at any execution, and would read another one.
      this.#error(NEEDS_PREPARING, 'sql_mode has changed since the statement was prepared; prepare it again')
      return undefined
    }
    return prepared
  }

  /** Reads a command; one that cannot be read is answered, and the session goes on. */
  #orMalformed<T>(read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      this.#error(MALFORMED, 'malformed communication packet')
      return undefined
    }
  }

  /** COM_QUERY of the gateway's own. */
  #ownQuery(text: string): Buffer {
    const head = this.#agreed.queryAttributes ? [COMMAND.query, 0, 1] : [COMMAND.query]
    return Buffer.concat([Buffer.from(head), Buffer.from(text)])
  }
}

function running(pass: Pass, expected: Exchange['expected']): Exchange {
  return { pass, expected, binary: false }
}

function plain(expected: Exchange['expected']): Exchange {
  return { pass: undefined, expected, binary: false }
}

function neverSent(): never {
  throw new SluiceError('internal', 'a kill was about to go upstream with a number of the gateway')
}

function withoutTrailingNul(text: Buffer): Buffer {
  return text.length > 0 && text[text.length - 1] === 0 ? text.subarray(0, -1) : text
}

function quoted(name: Buffer): string {
  return `\`${name.toString('utf8').replaceAll('`', '``')}\``
}
