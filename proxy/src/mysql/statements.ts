import { SluiceError } from '@sluice/domain'
import type { Analysed } from '@sluice/parsers'
import type { RecordedValue } from '@sluice/recorder'
import { plainOkPayload } from '@sluice/wire/mysql'
import type { Gate, Pass, Statement, Verdict } from '../gate.js'
import type { RelayOptions } from '../protocol.js'
import type { Exchange, Line } from './exchange.js'
import type { MysqlHello } from './greet.js'
import type { LexicalState } from './lexical-state.js'
import type { MysqlUpstream } from './log-in.js'
import type { PreparedStatements } from './prepared-statements.js'
import { errorAnswer, type ServerError, UNKNOWN_STATEMENT, UNKNOWN_THREAD } from './refusal.js'
import { killedBy, refusalOf, runsUnseenCode } from './statement-rules.js'

/** A statement on its way through the gate. */
export interface Request {
  readonly parameters?: readonly RecordedValue[]
  /** A permit only: COM_STMT_PREPARE runs nothing. */
  readonly permitOnly?: true
  /** Sends it upstream. `hooks` are what must happen when the server has answered. */
  readonly send: (pass: Pass, hooks: Hooks) => void
}

export type Hooks = Pick<Exchange, 'onOk' | 'onFailed'>

/**
 * Takes statements through the gate: facts, the relay's own rules, the decision; and does what is left to do with an
 * admitted one besides sending it. One a session.
 */
export class Statements {
  readonly #options: RelayOptions<MysqlHello, MysqlUpstream>
  readonly #gate: Gate
  readonly #line: Line
  readonly #lexical: LexicalState
  readonly #prepared: PreparedStatements
  readonly #status: () => number
  /** The server's warnings are of a statement that touches masked columns. */
  #warningsMayShow = false

  constructor(parts: {
    readonly options: RelayOptions<MysqlHello, MysqlUpstream>
    readonly line: Line
    readonly lexical: LexicalState
    readonly prepared: PreparedStatements
    /** Server status flags of the last answer, for answers of the gateway's own. */
    readonly status: () => number
  }) {
    this.#options = parts.options
    this.#gate = parts.options.gate
    this.#line = parts.line
    this.#lexical = parts.lexical
    this.#prepared = parts.prepared
    this.#status = parts.status
  }

  /** A command that is decided and recorded as this statement. */
  standIn(text: string, send: Request['send']): void {
    this.analyse(Buffer.from(text), (statement) => this.request(statement, { send }))
  }

  analyse(text: Buffer, then: (statement: Statement) => void): void {
    const statement = this.#gate.analyse(text, this.#lexical.mode)
    if (statement instanceof Promise) this.#line.wait(statement, then)
    else then(statement)
  }

  /** Decides, and answers or sends. */
  request(statement: Statement, request: Request): void {
    const executes = this.#executedBy(statement)
    if (executes === null) return
    const own = refusalOf(statement, executes ?? []) ?? this.#diagnosticsRefusal(statement)
    if (own) {
      this.answerRefusal(this.#gate.refuse(statement.original.toString('utf8'), own).error)
      return
    }
    const verdict = request.permitOnly
      ? this.#gate.permit(statement)
      : this.#gate.admit(statement, request.parameters, executes)
    if (verdict instanceof Promise) this.#line.wait(verdict, (known) => this.#act(known, statement, request, executes))
    else this.#act(verdict, statement, request, executes)
  }

  #act(verdict: Verdict, statement: Statement, request: Request, executes: readonly Statement[] = []): void {
    if (verdict.kind === 'refusal') {
      this.answerRefusal(verdict.error)
      return
    }
    if (!statement.analysis.ok) throw new SluiceError('internal', 'a statement without an analysis was let through')
    if (request.permitOnly) {
      request.send(verdict, {})
      return
    }
    const { statements, text } = statement.analysis
    if (runsUnseenCode(statement) || executes.some(runsUnseenCode)) this.#prepared.forgetNames()
    for (const { prepared } of statements) {
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
        this.answerRefusal(this.#gate.refuse(statement.original.toString('utf8'), error).error, UNKNOWN_STATEMENT)
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

  /** Answers the command at hand with a refusal that is on record. */
  answerRefusal(error: SluiceError, as?: ServerError): void {
    this.#line.answerError(errorAnswer(error, as))
  }
}

function asksForWarnings({ statements, text }: Analysed): boolean {
  return statements.some(
    ({ verb }) =>
      verb === 'get diagnostics' || (verb.startsWith('show') && /\b(warnings|errors)\b/i.test(text.toString('latin1'))),
  )
}
