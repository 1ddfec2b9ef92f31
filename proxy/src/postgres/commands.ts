import type { PostgresMode } from '@sluice/parsers'
import {
  decodeBind,
  decodeExecute,
  decodeParse,
  decodeQuery,
  decodeTarget,
  encodeDescribe,
  Target,
} from '@sluice/wire/postgres'
import type { Pass, Statement, Verdict } from '../gate.js'
import type { AwaitChange, Conversation, Wait } from './conversation.js'
import {
  bindExchange,
  COPY_END,
  closeExchange,
  describePortalExchange,
  describeStatementExchange,
  executeExchange,
  parseExchange,
  queryExchange,
  refusalExchange,
  refusedQueryExchange,
  SYNC_EXCHANGE,
} from './exchange.js'
import type { Change } from './name-table.js'
import {
  declaresCursor,
  type Executed,
  MAX_SQL_PREPARED,
  type Portal,
  type PreparedStatement,
  preparedBy,
} from './prepared-statements.js'
import { recordedParameters } from './recorded-values.js'
import {
  encodeRefusal,
  encodeUnknownPortal,
  encodeUnknownStatement,
  foreignCharacters,
  functionCall,
  REFUSED_DESCRIBE,
  REFUSED_NAME,
  REFUSED_QUERY,
  reservedName,
  tooManyPrepared,
} from './refusal.js'

const HEADER = 5
const MODE: PostgresMode = { dialect: 'postgres' }
const NOT_RUN = 'not run: an earlier message of the same pipeline failed'

/**
 * The messages of a client, one method a message: asks the gate about each statement and passes on what may go upstream.
 * Every message that the server will answer takes its place in the queue of exchanges. In all methods `[start, end)` is
 * the whole message, type byte included.
 */
export class Commands {
  readonly #conversation: Conversation
  readonly #wait: Wait
  readonly #awaitChange: AwaitChange
  /** Counts Syncs: what the server skips after an error ends with the segment. */
  #segment = 0

  constructor(conversation: Conversation, wait: Wait, awaitChange: AwaitChange) {
    this.#conversation = conversation
    this.#wait = wait
    this.#awaitChange = awaitChange
  }

  // Simple protocol

  query(bytes: Buffer, start: number, end: number): void {
    const text = decodeQuery(bytes, start + HEADER, end)
    if (this.#refuseForeignCharacters(text, true)) return
    const statement = this.#conversation.gate.analyse(text, MODE)
    if (statement instanceof Promise) this.#wait(statement, (known) => this.#admitQuery(known, bytes, start, end))
    else this.#admitQuery(statement, bytes, start, end)
  }

  #admitQuery(statement: Statement, bytes: Buffer, start: number, end: number): void {
    const { gate, skipping, statements } = this.#conversation
    if (skipping) return
    const executed = statements.executedBy(statement)
    const answer = this.#answerWithoutGate(statement, executed)
    if (answer !== undefined) {
      this.#refuse(answer, true)
      return
    }
    const verdict = gate.admit(
      statement,
      undefined,
      executed && 'statements' in executed ? executed.statements : undefined,
    )
    if (verdict instanceof Promise) this.#wait(verdict, (known) => this.#forwardQuery(known, bytes, start, end))
    else this.#forwardQuery(verdict, bytes, start, end)
  }

  #forwardQuery(verdict: Verdict, bytes: Buffer, start: number, end: number): void {
    if (verdict.kind === 'refusal') {
      this.#refuse(encodeRefusal(verdict.error), true)
      return
    }
    if (this.#notRun(verdict)) return
    this.#noteSql(verdict.statement, verdict)
    this.#forward(verdict, bytes, start, end)
    this.#conversation.exchanges.push(queryExchange(verdict))
    this.#segment++
  }

  refuseFunctionCall(): void {
    this.#refuse(encodeRefusal(this.#conversation.gate.refuse('function call', functionCall()).error), true)
  }

  // Extended protocol

  parse(bytes: Buffer, start: number, end: number): void {
    const { name, text: view, parameterTypes } = decodeParse(bytes, start + HEADER, end)
    if (name === REFUSED_NAME) {
      this.#refuse(encodeRefusal(this.#conversation.gate.refuse(`parse ${REFUSED_NAME}`, reservedName()).error), false)
      return
    }
    if (this.#refuseForeignCharacters(view, false)) return
    const text = Buffer.from(view) // kept for as long as the statement, so not as a view of a chunk
    const statement = this.#conversation.gate.analyse(text, MODE)
    const go = (known: Statement) => this.#forwardParse(name, known, parameterTypes, bytes, start, end)
    if (statement instanceof Promise) this.#wait(statement, go)
    else go(statement)
  }

  #forwardParse(
    name: string,
    statement: Statement,
    parameterTypes: readonly number[],
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    const { gate, statements, exchanges, skipping } = this.#conversation
    if (skipping) return
    const verdict = gate.permit(statement)
    if (verdict.kind === 'refusal') {
      // The server would have forgotten its unnamed statement with a Parse that fails.
      const change = name === '' ? statements.names.begin(name, undefined, this.#segment) : undefined
      this.#refuse(encodeRefusal(verdict.error), false, change)
      return
    }
    this.#forward(verdict, bytes, start, end)
    const prepared: PreparedStatement = { statement, parameterTypes, layout: undefined }
    exchanges.push(parseExchange(statements.names.begin(name, prepared, this.#segment)))
  }

  bind(bytes: Buffer, start: number, end: number): void {
    const { gate, statements } = this.#conversation
    const bind = decodeBind(bytes, start + HEADER, end)
    if (this.#mustAwait(statements.names.unsettled(bind.statement, this.#segment), () => this.bind(bytes, start, end)))
      return
    const prepared = statements.find(bind.statement)
    if (prepared === undefined) {
      this.#refuse(encodeUnknownStatement(bind.statement), false)
      return
    }
    const executed = statements.executedBy(prepared.statement)
    const answer = this.#answerWithoutGate(prepared.statement, executed)
    if (answer !== undefined) {
      this.#refuse(answer, false)
      return
    }
    const executes = allOf(statements.alternatives(bind.statement), executed)
    const parameters = recordedParameters(bytes, bind, prepared.parameterTypes)
    const verdict = gate.admit(prepared.statement, parameters, executes)
    const go = (known: Verdict) =>
      this.#forwardBind(known, bind.portal, prepared, bind.resultFormats, bytes, start, end)
    if (verdict instanceof Promise) this.#wait(verdict, go)
    else go(verdict)
  }

  #forwardBind(
    verdict: Verdict,
    key: string,
    prepared: PreparedStatement,
    resultFormats: readonly number[],
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    if (verdict.kind === 'refusal') {
      this.#refuse(encodeRefusal(verdict.error), false)
      return
    }
    if (this.#notRun(verdict)) return
    const portal: Portal = {
      key,
      pass: verdict,
      prepared,
      resultFormats,
      describedIn: -1,
      layout: undefined,
      masker: undefined,
      rows: 0,
      bytes: 0,
      recordedRows: 0,
      doubtful: false,
    }
    this.#forward(verdict, bytes, start, end)
    this.#conversation.exchanges.push(
      bindExchange(verdict, this.#conversation.portals.begin(key, portal, this.#segment)),
    )
  }

  execute(bytes: Buffer, start: number, end: number): void {
    const { portals, exchanges, toServer } = this.#conversation
    const name = decodeExecute(bytes, start + HEADER, end)
    if (this.#mustAwait(portals.unsettled(name, this.#segment), () => this.execute(bytes, start, end))) return
    const portal = portals.get(name)
    if (portal === undefined || portal.doubtful) {
      this.#refuse(encodeUnknownPortal(name), false)
      return
    }
    // Rows can be masked only by a description of this very portal; where the client asked for none, the relay does.
    if (portal.pass.masking !== 'none' && portal.layout === undefined && portal.describedIn !== this.#segment) {
      toServer.write(encodeDescribe(Target.portal, name))
      exchanges.push(describePortalExchange(portal, true))
      portal.describedIn = this.#segment
    }
    this.#noteSql(portal.pass.statement, portal.pass)
    this.#forward(portal.pass, bytes, start, end)
    exchanges.push(executeExchange(portal))
  }

  describe(bytes: Buffer, start: number, end: number): void {
    const { portals, statements, exchanges, toServer } = this.#conversation
    const { target, name } = decodeTarget(bytes, start + HEADER, end)
    const unsettled = (target === Target.portal ? portals : statements.names).unsettled(name, this.#segment)
    if (this.#mustAwait(unsettled, () => this.describe(bytes, start, end))) return
    if (target === Target.portal) {
      const portal = portals.get(name)
      if (portal !== undefined) portal.describedIn = this.#segment
      exchanges.push(describePortalExchange(portal, false))
    } else exchanges.push(describeStatementExchange(statements.names.get(name)))
    toServer.pass(bytes, start, end)
  }

  close(bytes: Buffer, start: number, end: number): void {
    const { portals, statements, exchanges, toServer } = this.#conversation
    const { target, name } = decodeTarget(bytes, start + HEADER, end)
    const change =
      target === Target.portal
        ? portals.begin(name, undefined, this.#segment)
        : statements.names.begin(name, undefined, this.#segment)
    exchanges.push(closeExchange(change))
    toServer.pass(bytes, start, end)
  }

  sync(bytes: Buffer, start: number, end: number): void {
    this.#conversation.skipping = false
    this.#conversation.toServer.pass(bytes, start, end)
    this.#conversation.exchanges.push(SYNC_EXCHANGE)
    this.#segment++
  }

  // COPY

  endCopy(bytes: Buffer, start: number, end: number): void {
    const { exchanges, toServer } = this.#conversation
    this.#conversation.copyingIn = undefined
    if (exchanges.length === 0) return // the server ignores it: the COPY has failed meanwhile
    toServer.pass(bytes, start, end)
    exchanges.push(COPY_END)
  }

  // Decisions

  /** The one way of a statement to the server: without a pass there is none. */
  #forward(pass: Pass, bytes: Buffer, start: number, end: number): void {
    if (pass.masking === 'all-but-plain') this.#conversation.touchedMasked = true
    this.#conversation.toServer.pass(bytes, start, end)
  }

  /** Lets the server fail where the refused message would have been; see `REFUSED_NAME`. */
  #refuse(answer: Buffer, simple: boolean, change?: Change<unknown>): void {
    const { exchanges, toServer } = this.#conversation
    if (this.#conversation.skipping) {
      change?.settle(false)
      return
    }
    if (simple) {
      toServer.write(REFUSED_QUERY)
      exchanges.push(refusedQueryExchange(answer))
      this.#segment++
      return
    }
    toServer.write(REFUSED_DESCRIBE)
    exchanges.push(refusalExchange(answer, change))
    // Whether this fails or something before it has: what follows up to Sync will not run.
    this.#conversation.skipping = true
  }

  /** An error for what cannot be put to the gate; undefined: it can. */
  #answerWithoutGate(statement: Statement, executed: Executed | undefined): Buffer | undefined {
    if (executed !== undefined && 'unknown' in executed) {
      const answer = encodeUnknownStatement(executed.unknown)
      this.#conversation.gate.failed(undefined, '26000', 'execute of a prepared statement that is not known')
      return answer
    }
    const names = preparedBy(statement)
    if (names.length === 0) return undefined
    const error = names.includes(REFUSED_NAME)
      ? reservedName()
      : this.#conversation.statements.full
        ? tooManyPrepared(MAX_SQL_PREPARED)
        : undefined
    return error && encodeRefusal(this.#conversation.gate.refuse('prepare', error).error)
  }

  /** In encodings other than UTF-8 only ASCII means the same to the server and to the parser. */
  #refuseForeignCharacters(text: Buffer, simple: boolean): boolean {
    if (!this.#conversation.asciiOnly || text.every((byte) => byte < 0x80)) return false
    const { error } = this.#conversation.gate.refuse('<not kept: client encoding>', foreignCharacters())
    this.#refuse(encodeRefusal(error), simple)
    return true
  }

  /** While the gate was deciding, something before it has failed. */
  #notRun(pass: Pass): boolean {
    if (!this.#conversation.skipping) return false
    this.#conversation.gate.failed(pass, '25000', NOT_RUN)
    return true
  }

  /** What SQL itself prepares or declares has names that the protocol's own can be confused with. */
  #noteSql(statement: Statement, pass: Pass): void {
    this.#conversation.statements.note(statement)
    if (pass.masking === 'none' || !declaresCursor(statement)) return
    // A cursor may take the place of a portal, and then its rows would be masked by the wrong description.
    this.#conversation.portals.forEach((portal, key) => {
      if (key !== '') portal.doubtful = true
    })
  }

  #mustAwait(change: Change<unknown> | undefined, again: () => void): boolean {
    if (change === undefined) return false
    this.#awaitChange(change, again)
    return true
  }
}

function allOf(
  alternatives: readonly Statement[] | undefined,
  executed: Executed | undefined,
): readonly Statement[] | undefined {
  const statements = executed !== undefined && 'statements' in executed ? executed.statements : undefined
  if (alternatives === undefined || statements === undefined) return alternatives ?? statements
  return [...alternatives, ...statements]
}
