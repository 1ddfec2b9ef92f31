import { isUtf8 } from 'node:buffer'
import { Secret, SluiceError } from '@sluice/domain'
import type { Analysed } from '@sluice/parsers'
import type { RecordedValue } from '@sluice/recorder'
import { WireError } from '@sluice/wire'
import {
  COMMAND,
  commandName,
  decodeChangeUser,
  decodeExecute,
  decodeFieldList,
  decodeLongDataHead,
  framePacket,
  HEADER_BYTES,
  physicalPackets,
  plainOkPayload,
  queryTextOffset,
  statementIdOf,
} from '@sluice/wire/mysql'
import type { Gate, Pass, Statement, Verdict } from '../gate.js'
import type { RelayOptions } from '../protocol.js'
import { type CharacterSet, characterSetOf } from './character-set.js'
import type { Exchange, Line } from './exchange.js'
import type { MysqlHello } from './greet.js'
import {
  killedBy,
  type LexicalState,
  readAlike,
  refusalOf,
  runsUnseenCode,
  TRACKING_STATEMENT,
} from './lexical-state.js'
import type { MysqlUpstream } from './log-in.js'
import { LOGIN_PACKET_LIMIT, PacketChannel } from './packet-channel.js'
import { type PreparedStatement, PreparedStatements } from './prepared-statements.js'
import { recordParameter } from './recorded-values.js'
import {
  errorAnswer,
  MALFORMED,
  NEEDS_PREPARING,
  NO_CURSOR,
  type ServerError,
  UNKNOWN_COMMAND,
  UNKNOWN_STATEMENT,
  UNKNOWN_THREAD,
} from './refusal.js'

/** MariaDB: the statement that was prepared last. */
const LAST_PREPARED = 0xffffffff

/** A command as it came: the payload, and the packets it came in. */
interface Received {
  readonly payload: Buffer
  readonly packets: readonly Buffer[]
}

/** A statement on its way through the gate. */
interface Request {
  readonly parameters?: readonly RecordedValue[]
  /** A permit only: COM_STMT_PREPARE runs nothing. */
  readonly permitOnly?: true
  /** Sends it upstream. `hooks` are what must happen when the server has answered. */
  readonly send: (pass: Pass, hooks: Hooks) => void
}

type Hooks = Pick<Exchange, 'onOk' | 'onFailed'>

/** Reads the client's commands, takes each statement through the gate, and sends what may go. One a session. */
export class Commands {
  readonly #options: RelayOptions<MysqlHello, MysqlUpstream>
  readonly #gate: Gate
  readonly #line: Line
  readonly #lexical: LexicalState
  readonly #agreed: { readonly queryAttributes: boolean; readonly bulk: boolean }
  readonly #status: () => number
  readonly #prepared = new PreparedStatements()
  /** Where long data that is on its way belongs. */
  #longData: { readonly prepared: PreparedStatement; readonly parameter: number } | undefined
  /** The server's warnings are of a statement that touches masked columns. */
  #warningsMayShow = false

  constructor(parts: {
    readonly options: RelayOptions<MysqlHello, MysqlUpstream>
    readonly line: Line
    readonly lexical: LexicalState
    readonly agreed: { readonly queryAttributes: boolean; readonly bulk: boolean }
    /** Server status flags of the last answer, for answers of the gateway's own. */
    readonly status: () => number
  }) {
    this.#options = parts.options
    this.#gate = parts.options.gate
    this.#line = parts.line
    this.#lexical = parts.lexical
    this.#agreed = parts.agreed
    this.#status = parts.status
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
        this.#standIn('show processlist', (pass) => this.#line.send(received.packets, running(pass, 'result')))
        break
      case COMMAND.processKill:
        this.#standIn(`kill ${payload.length >= 5 ? payload.readUInt32LE(1) : 0}`, neverSent)
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
        this.#changeUser(received)
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
    this.#analyse(text, (statement) => {
      const body = this.#forwarded(statement, payload.subarray(0, offset), text, { payload, packets })
      if (body)
        this.#request(statement, {
          send: (pass, hooks) => this.#line.send(body, { ...running(pass, 'result'), ...hooks }),
        })
    })
  }

  #prepare(received: Received): void {
    this.#prepared.last = undefined
    const text = withoutTrailingNul(received.payload.subarray(1))
    const { sqlMode } = this.#lexical.mode
    this.#analyse(text, (statement) => {
      const body = this.#forwarded(statement, received.payload.subarray(0, 1), text, received)
      if (!body) return
      this.#request(statement, {
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
    this.#request(prepared.statement, {
      parameters,
      send: (pass, hooks) => this.#line.send(packets, { ...running(pass, 'result'), ...hooks, binary: true, prepared }),
    })
  }

  #bulkExecute({ payload, packets }: Received): void {
    const prepared = this.#preparedOf(payload)
    if (!prepared) return
    this.#request(prepared.statement, {
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
    this.#standIn(`use ${quoted(name)}`, (pass, hooks) => {
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
    this.#standIn(`show columns from ${quoted(list.table)}`, (pass) => {
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
      followUps: [this.#withoutAttributes(TRACKING_STATEMENT)],
    })
  }

  /**
   * The same user proves itself again, and gets a session as new: the server's is reset, not changed, because the server
   * knows another user. Manual: "COM_CHANGE_USER".
   */
  #changeUser({ payload }: Received): void {
    const { hello, reauthentication } = this.#options
    const change = this.#orMalformed(() => decodeChangeUser(payload.subarray(1), hello.capabilities))
    if (!change) return
    const characterSet = change.characterSet === undefined ? hello.characterSet : characterSetOf(change.characterSet)
    if (!reauthentication || (change.user !== hello.user && change.user !== hello.login)) {
      this.#refuseChange('the user of a session cannot be changed', 'open a new connection to log in as somebody else')
      return
    }
    if (!characterSet) {
      this.#refuseChange('this character set is not supported', 'use utf8mb4, utf8mb3, latin1 or ascii')
      return
    }
    // The answer to the first challenge is not for the nonce of now, if clients switched plugins: they are asked anew.
    const authPlugin = change.authPlugin === 'caching_sha2_password' ? '' : (change.authPlugin ?? '')
    const { authResponse } = change
    this.#line.converse(
      (channel, sequence) => {
        const packets = new PacketChannel(channel, LOGIN_PACKET_LIMIT, sequence)
        return reauthentication
          .prove(channel, { ...hello, authPlugin, authResponse: new Secret(authResponse), packets })
          .finally(() => this.#line.continueWith(packets.sequence))
      },
      (identity) => {
        if (identity.user !== hello.user) throw new SluiceError('internal', 'another user was proved than asked for')
        this.#beginAnew(characterSet, change.database)
      },
    )
  }

  #refuseChange(what: string, hint: string): void {
    const error = new SluiceError('feature_unsupported', `COM_CHANGE_USER: ${what}`, { hint })
    this.#answerRefusal(this.#gate.refuse('COM_CHANGE_USER', error).error)
  }

  #beginAnew(characterSet: CharacterSet, database: string): void {
    const setNames = `set names ${characterSet === 'utf8mb3' ? 'utf8' : characterSet}`
    const followUps = [TRACKING_STATEMENT, setNames].map((text) => this.#withoutAttributes(text))
    const success = plainOkPayload(this.#options.hello.status)
    const reset = (pass: Pass | undefined, after: readonly Buffer[], hooks: Hooks) => {
      this.#prepared.clear()
      this.#line.send(framePacket(Buffer.of(COMMAND.resetConnection), 0), {
        pass,
        expected: 'single',
        binary: false,
        hidden: true,
        followUps: [...followUps, ...after],
        success,
        ...hooks,
      })
    }
    if (database === '' || database === this.#lexical.schema) {
      reset(undefined, [], {})
      return
    }
    const initDb = Buffer.concat([Buffer.of(COMMAND.initDb), Buffer.from(database)])
    this.#standIn(`use ${quoted(Buffer.from(database))}`, (pass, hooks) => reset(pass, [initDb], hooks))
  }

  #refuseCommand(code: number): void {
    const name = commandName(code)
    const error = new SluiceError('feature_unsupported', `\`${name}\` is not supported through the gateway`)
    this.#answerRefusal(this.#gate.refuse(name, error).error, UNKNOWN_COMMAND)
  }

  /** A command that is decided and recorded as this statement, and goes on as it came. */
  #standIn(text: string, send: Request['send']): void {
    this.#analyse(Buffer.from(text), (statement) => this.#request(statement, { send }))
  }

  #analyse(text: Buffer, then: (statement: Statement) => void): void {
    const statement = this.#gate.analyse(text, this.#lexical.mode)
    if (statement instanceof Promise) this.#line.wait(statement, then)
    else then(statement)
  }

  #request(statement: Statement, request: Request): void {
    const executes = this.#executedBy(statement)
    if (executes === null) return
    const own = refusalOf(statement, executes ?? []) ?? this.#diagnosticsRefusal(statement)
    if (own) {
      this.#answerRefusal(this.#gate.refuse(statement.original.toString('utf8'), own).error)
      return
    }
    const verdict = request.permitOnly
      ? this.#gate.permit(statement)
      : this.#gate.admit(statement, request.parameters, executes)
    if (verdict instanceof Promise) this.#line.wait(verdict, (known) => this.#act(known, statement, request))
    else this.#act(verdict, statement, request)
  }

  #act(verdict: Verdict, statement: Statement, request: Request): void {
    if (verdict.kind === 'refusal') {
      this.#answerRefusal(verdict.error)
      return
    }
    if (!statement.analysis.ok) throw new SluiceError('internal', 'a statement without an analysis was let through')
    if (request.permitOnly) {
      request.send(verdict, {})
      return
    }
    const { statements, text } = statement.analysis
    for (const facts of statements) {
      const { prepared } = facts
      if (runsUnseenCode(facts)) this.#prepared.forgetNames()
      if (prepared?.action === 'prepare' && prepared.name !== undefined) {
        const error = this.#prepared.name(prepared.name, statement)
        if (error) {
          this.#fail(verdict, error)
          return
        }
      }
    }
    if (statements.some((facts) => facts.relations.length > 0)) this.#warningsMayShow = false
    if (verdict.masking === 'all-but-plain') this.#warningsMayShow = true
    const only = statements.length === 1 ? statements[0] : undefined
    if (only?.verb === 'kill') {
      this.#kill(verdict, text)
      return
    }
    if (only?.verb === 'use') {
      this.#use(verdict, only.databases[0], request)
      return
    }
    request.send(verdict, {})
  }

  /** Warnings show values as errors do, and the server keeps them until another statement uses a table. */
  #diagnosticsRefusal({ analysis }: Statement): SluiceError | undefined {
    if (!this.#warningsMayShow || !analysis.ok || !asksForWarnings(analysis)) return undefined
    return new SluiceError('statement_denied', 'warnings of a statement that touches masked columns are not shown', {
      detail: 'they could show a value',
      hint: 'they can be shown again after a statement on other tables',
    })
  }

  /** Every statement that the text's EXECUTEs may run; null where one of them is not known, which was answered. */
  #executedBy(statement: Statement): readonly Statement[] | undefined | null {
    if (!statement.analysis.ok) return undefined
    let executes: Statement[] | undefined
    this.#prepared.readIn(this.#lexical.mode.sqlMode)
    for (const { prepared } of statement.analysis.statements) {
      if (prepared?.action !== 'execute' || prepared.name === undefined) continue
      const { name } = prepared
      const known = this.#prepared.named(name)
      const itself = statement.analysis.statements.some(
        (facts) => facts.prepared?.action === 'prepare' && facts.prepared.name?.toLowerCase() === name.toLowerCase(),
      )
      if (known.length === 0 && !itself) {
        const error = new SluiceError(
          'feature_unsupported',
          `no prepared statement \`${name}\` is known to the gateway`,
          {
            hint: 'prepare it in this session, and again after a call of a procedure',
          },
        )
        this.#answerRefusal(this.#gate.refuse(statement.original.toString('utf8'), error).error, UNKNOWN_STATEMENT)
        return null
      }
      executes = [...(executes ?? []), ...known]
    }
    return executes
  }

  /** The gate decides for the new database from here on, and for the old one again where the server does not follow. */
  #use(pass: Pass, schema: string | undefined, request: Request): void {
    if (schema === undefined) {
      this.#fail(pass, new SluiceError('internal', 'a `use` without a database'))
      return
    }
    const before = this.#lexical.schema
    const error = this.#gate.changeDatabase(schema)
    if (error) {
      this.#fail(pass, error)
      return
    }
    this.#lexical.schema = schema
    request.send(pass, {
      onFailed: () => {
        this.#lexical.schema = before
        if (before !== undefined) this.#gate.changeDatabase(before)
      },
    })
  }

  #kill(pass: Pass, text: Buffer): void {
    const target = killedBy(text)
    if (!target) {
      const error = new SluiceError('feature_unsupported', 'this form of `kill` is not supported through the gateway', {
        hint: 'name the session by its number: kill query 7',
      })
      this.#fail(pass, error)
      return
    }
    const error = this.#options.killSession(target.id, target.what)
    if (error) {
      this.#fail(pass, error, UNKNOWN_THREAD)
      return
    }
    this.#gate.finished(pass, { tag: 'OK', rows: 0, bytes: 0 })
    this.#line.answer(plainOkPayload(this.#status()))
  }

  /** An admitted statement that the relay itself cannot carry out. */
  #fail(pass: Pass, error: SluiceError, as?: ServerError): void {
    const answer = errorAnswer(error, as)
    this.#gate.failed(pass, String(answer.errno), answer.message)
    this.#line.answerError(answer)
  }

  #answerRefusal(error: SluiceError, as?: ServerError): void {
    this.#line.answerError(errorAnswer(error, as))
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
    this.#answerRefusal(this.#gate.refuse(text.toString('utf8', 0, 1024), error).error)
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

  #withoutAttributes(text: string): Buffer {
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

function asksForWarnings({ statements, text }: Analysed): boolean {
  return statements.some(
    ({ verb }) =>
      verb === 'get diagnostics' || (verb.startsWith('show') && /\b(warnings|errors)\b/i.test(text.toString('latin1'))),
  )
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
