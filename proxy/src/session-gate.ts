import type { Identity } from '@sluice/domain'
import { SluiceError } from '@sluice/domain'
import type { Analyser, LexicalMode, OutputKind, StatementClass, StatementFacts } from '@sluice/parsers'
import {
  type ColumnOrigin,
  type Decision,
  decide,
  type MaskSet,
  masksFor,
  type Policy,
  planMasks,
} from '@sluice/policy'
import { type RecordedValue, redactText, type SessionRecord } from '@sluice/recorder'
import type { Catalog, Touch } from './catalog.js'
import type { Gate, MaskPlan, Outcome, Pass, Refusal, Statement, Verdict, WireColumn } from './gate.js'
import { wayOut } from './way-out.js'

/** The database that a session is on, as the gate sees it. */
export interface GateDatabase {
  /** Its name in the configuration. */
  readonly name: string
  readonly dialect: 'postgres' | 'mysql'
  readonly catalog: Catalog
}

export interface SessionGateOptions {
  readonly identity: Identity
  readonly address: string
  readonly database: GateDatabase
  readonly analyser: Analyser
  /** The policy in force now; asked anew for each statement. */
  readonly policy: () => Policy
  readonly record: SessionRecord
  readonly rowsToRecord: number
  /** MySQL: the configured database for a schema on the same server; undefined: none, or none this user may enter. */
  readonly databaseOf: (schema: string) => GateDatabase | undefined
  /** Told of every decision, for metrics. */
  readonly onDecision: (decision: Decision) => void
}

/** A pass, and what the gate remembers of it. Never exported: this is the only place where one is made. */
interface IssuedPass extends Pass {
  readonly startedAt: number
  readonly masks: MaskSet
  readonly touch: Touch
  readonly changesSchema: boolean
  /** Of what is shown: for SQL's EXECUTE, of what stands behind the name. */
  readonly plainOutput: boolean
  /** Of what is shown, where that is one statement whose columns are told apart. */
  readonly outputs: readonly OutputKind[] | undefined
}

interface PlannedMasks {
  readonly columns: readonly WireColumn[]
  readonly masks: MaskSet
  readonly touch: Touch
  readonly plain: boolean | undefined
  readonly outputs: readonly OutputKind[] | undefined
  readonly catalog: Catalog
  readonly reads: number
  readonly plan: MaskPlan | undefined
}

/** Milliseconds after which the catalog is read again while statements go on, and after which they wait for it. */
const OLD = 10_000
const TOO_OLD = 60_000

/** The gate of one session: facts, decision, record. See `Gate`. */
export function createSessionGate(options: SessionGateOptions): Gate & { readonly statements: number } {
  return new SessionGate(options)
}

class SessionGate implements Gate {
  statements = 0
  readonly #options: SessionGateOptions
  #database: GateDatabase
  /** The masks of the last policy and database seen, so that a statement costs one comparison. */
  #masks: { policy: Policy; database: GateDatabase; set: MaskSet } | undefined
  /** The last plan and all that it rests on: most results look like the one before. */
  #planned: PlannedMasks | undefined

  constructor(options: SessionGateOptions) {
    this.#options = options
    this.#database = options.database
  }

  analyse(text: Buffer, mode: LexicalMode): Statement | Promise<Statement> {
    const analysis = this.#options.analyser.analyse(text, mode)
    if (analysis instanceof Promise) return analysis.then((done) => ({ original: text, analysis: done }))
    return { original: text, analysis }
  }

  permit(statement: Statement): Verdict {
    const decision = this.#decide(statement)
    if (decision.effect === 'deny') return this.#refused(statement, decision)
    return this.#issue(statement, 0, undefined)
  }

  admit(
    statement: Statement,
    parameters?: readonly RecordedValue[],
    executes?: readonly Statement[],
  ): Verdict | Promise<Verdict> {
    if (this.#mustRefreshCatalog(statement, executes)) {
      return this.#database.catalog.refresh().then(() => this.#admit(statement, parameters, executes))
    }
    return this.#admit(statement, parameters, executes)
  }

  refuse(text: string, error: SluiceError): Refusal {
    return this.#noteRefusal(text, undefined, error.clientMessage, error)
  }

  maskPlan(pass: Pass, columns: readonly WireColumn[]): MaskPlan | undefined | Promise<MaskPlan | undefined> {
    const { catalog, dialect } = this.#database
    const { masks, touch, plainOutput, outputs } = pass as IssuedPass
    const plain = dialect === 'mysql' ? plainOutput : undefined
    const known = this.#planned
    if (
      known !== undefined &&
      known.columns === columns &&
      known.masks === masks &&
      known.touch === touch &&
      known.plain === plain &&
      known.outputs === outputs &&
      known.catalog === catalog &&
      known.reads === catalog.reads
    )
      return known.plan
    const originsNow = () => columns.map((column) => catalog.origin(column, masks))
    const plan = (origins: readonly ColumnOrigin[]) => {
      const made = planMasks(masks, touch, plain, origins, outputs)
      // What is unknown may be known next time.
      if (!origins.some(isUnknown))
        this.#planned = { columns, masks, touch, plain, outputs, catalog, reads: catalog.reads, plan: made }
      return made
    }
    const origins = originsNow()
    if (!origins.some(isUnknown) || !catalog.worthRefreshing) return plan(origins)
    return catalog.refresh().then(() => plan(originsNow()))
  }

  result(
    pass: Pass,
    columns: readonly { name: string; type: string; masked?: true }[],
    rows: readonly (readonly RecordedValue[])[],
  ): void {
    this.#options.record.note({ type: 'result', at: Date.now(), statement: pass.number, columns, rows })
  }

  finished(pass: Pass, outcome: Outcome): void {
    const issued = pass as IssuedPass
    if (issued.changesSchema) this.#database.catalog.invalidate()
    this.#options.record.note({
      type: 'finished',
      at: Date.now(),
      statement: pass.number,
      tag: outcome.tag,
      rows: outcome.rows,
      bytes: outcome.bytes,
      milliseconds: Math.round((performance.now() - issued.startedAt) * 1000) / 1000,
    })
  }

  failed(pass: Pass | undefined, code: string, message: string): void {
    const issued = pass as IssuedPass | undefined
    // A server's error may echo values; where the statement can carry masked ones, only the code is kept.
    const kept =
      issued && !issued.masks.empty && issued.touch !== 'clean'
        ? '<not kept: the statement touches masked columns>'
        : message
    const statement = pass && pass.number > 0 ? { statement: pass.number } : {}
    this.#options.record.note({ type: 'error', at: Date.now(), ...statement, code, message: kept })
  }

  changeDatabase(schema: string): SluiceError | undefined {
    const database = this.#options.databaseOf(schema)
    if (!database) {
      return new SluiceError(
        'database_unknown',
        `no database \`${schema}\` for user \`${this.#options.identity.user}\``,
        {
          hint: 'ask the operator of the gateway for a rule that lets you in',
        },
      )
    }
    this.#database = database
    return undefined
  }

  #admit(
    statement: Statement,
    parameters: readonly RecordedValue[] | undefined,
    executes: readonly Statement[] | undefined,
  ): Verdict | Promise<Verdict> {
    const decision = this.#decide(statement)
    if (decision.effect === 'deny') return this.#refused(statement, decision)
    for (const executed of executes ?? []) {
      const inner = this.#decide(executed)
      if (inner.effect === 'deny') return this.#refused(statement, inner)
    }
    const laundering = this.#wayOut(statement, executes)
    if (laundering) return this.#refused(statement, laundering)
    this.#options.onDecision(decision)
    const number = ++this.statements
    const kept = this.#options.record.append({
      type: 'statement',
      at: Date.now(),
      statement: number,
      text: textOf(statement),
      ...(parameters && parameters.length > 0 ? { parameters } : {}),
      decision: 'allow',
      ...(decision.rule === undefined ? {} : { rule: decision.rule }),
    })
    const pass = this.#issue(statement, number, executes)
    if (kept === undefined) return pass
    return kept.then(
      () => pass,
      (error: unknown) => ({ kind: 'refusal', error: asUnrecorded(error) }),
    )
  }

  #decide(statement: Statement): Decision {
    const { identity, address, policy } = this.#options
    const database = this.#database
    return decide(policy(), {
      identity,
      database: database.name,
      dialect: database.dialect,
      analysis: statement.analysis,
      clientAddress: address,
      now: Date.now(),
      ...(database.dialect === 'mysql'
        ? { databaseOf: (schema: string) => this.#options.databaseOf(schema)?.name }
        : {}),
    })
  }

  #refused(statement: Statement, decision: Decision): Refusal {
    this.#options.onDecision(decision)
    const { rule, reason } = decision
    return this.#noteRefusal(textOf(statement), rule, reason, refusalError(decision, statement.analysis))
  }

  #noteRefusal(text: string, rule: string | undefined, reason: string, error: SluiceError): Refusal {
    this.#options.record.note({
      type: 'statement',
      at: Date.now(),
      statement: ++this.statements,
      text,
      decision: 'deny',
      ...(rule === undefined ? {} : { rule }),
      reason,
    })
    return { kind: 'refusal', error }
  }

  #issue(statement: Statement, number: number, executes: readonly Statement[] | undefined): Pass {
    const masks = this.#maskSet()
    const touch = masks.empty ? 'clean' : this.#touch(statement, executes)
    const facts = factsOf(statement)
    return {
      kind: 'pass',
      statement,
      number,
      masking: masks.empty ? 'none' : touch === 'clean' ? 'by-origin' : 'all-but-plain',
      rowsToRecord: this.#options.rowsToRecord,
      startedAt: performance.now(),
      masks,
      touch,
      changesSchema: facts.some(changesSchema),
      plainOutput: (executes?.flatMap(factsOf) ?? facts).every((each) => each.plainOutput),
      outputs: touch === 'clean' ? undefined : this.#outputs(facts, executes?.flatMap(factsOf)),
    } as Omit<IssuedPass, keyof Pass> & object as IssuedPass
  }

  /** What the analysis says of the columns that will be shown, where only one statement can show any. */
  #outputs(
    own: readonly StatementFacts[],
    executed: readonly StatementFacts[] | undefined,
  ): readonly OutputKind[] | undefined {
    const [facts] = own
    const [shown] = executed ?? own
    if (!facts || !shown?.outputs || own.length !== 1 || (executed && executed.length !== 1)) return undefined
    // The parameters of an EXECUTE are expressions, and a safe output may be a parameter.
    if (executed && (facts.prepared?.action !== 'execute' || facts.functions.length > 0)) return undefined
    // A user's own `count` is no count.
    return this.#database.catalog.callsUnknown(shown) ? undefined : shown.outputs
  }

  #maskSet(): MaskSet {
    const policy = this.#options.policy()
    const known = this.#masks
    if (known && known.policy === policy && known.database === this.#database) return known.set
    const set = masksFor(policy, this.#options.identity, this.#database.name)
    this.#masks = { policy, database: this.#database, set }
    return set
  }

  #touch(statement: Statement, executes: readonly Statement[] | undefined): Touch {
    const masks = this.#maskSet()
    let touch: Touch = 'clean'
    for (const facts of allFacts(statement, executes)) {
      const own = this.#database.catalog.touch(facts, masks)
      if (own === 'masked') return 'masked'
      if (own === 'unknown' || isUnseen(facts)) touch = 'unknown'
    }
    return touch
  }

  /** Where the catalog does not know what a statement names, it is read again; it may be newer than the last reading. */
  #mustRefreshCatalog(statement: Statement, executes: readonly Statement[] | undefined): boolean {
    const masks = this.#maskSet()
    const { catalog } = this.#database
    if (masks.empty || !catalog.worthRefreshing) return false
    if (catalog.stale || catalog.age > TOO_OLD) return true
    // Changes that went past the gateway are seen soon, and nobody waits for that.
    if (catalog.age > OLD) void catalog.refresh()
    return allFacts(statement, executes).some((facts) => catalog.touch(facts, masks) === 'unknown')
  }

  /** Ways out of a masked table on which this version cannot mask: they are refused. */
  #wayOut(statement: Statement, executes: readonly Statement[] | undefined): Decision | undefined {
    const masks = this.#maskSet()
    if (masks.empty) return undefined
    const own = factsOf(statement)
    for (const facts of executes === undefined ? own : withExecuted(own, executes.flatMap(factsOf))) {
      const refused = wayOut(facts, this.#database.catalog, masks)
      if (refused) return refused
    }
    return undefined
  }
}

/** What is done, what that executes, and both taken as one statement. */
function withExecuted(own: readonly StatementFacts[], executed: readonly StatementFacts[]): readonly StatementFacts[] {
  return [...own, ...executed, ...own.flatMap((each) => executed.map((inner) => together(each, inner)))]
}

/** The facts of a statement and of all that may stand behind the name that it executes. */
function allFacts(statement: Statement, executes: readonly Statement[] | undefined): readonly StatementFacts[] {
  return executes ? [statement, ...executes].flatMap(factsOf) : factsOf(statement)
}

/** What a cursor shows was said when it was declared; what code does, nobody sees. Only the wire can tell, and only of plain columns. */
function isUnseen(facts: StatementFacts): boolean {
  return facts.verb === 'fetch' || UNSEEN.has(facts.class) || facts.nested.some((inner) => UNSEEN.has(inner.class))
}

const UNSEEN: ReadonlySet<StatementClass> = new Set(['opaque', 'procedure'])

function isUnknown(origin: ColumnOrigin): boolean {
  return origin.kind === 'unknown'
}

function factsOf(statement: Statement): readonly StatementFacts[] {
  return statement.analysis.ok ? statement.analysis.statements : []
}

/** A statement and what it executes, as one: `create table x as execute p` writes here and reads there. */
function together(outer: StatementFacts, inner: StatementFacts): StatementFacts {
  return {
    ...outer,
    relations: [...outer.relations, ...inner.relations],
    functions: [...outer.functions, ...inner.functions],
    settings: [...outer.settings, ...inner.settings],
  }
}

function changesSchema(facts: StatementFacts): boolean {
  return facts.class === 'schema' || facts.nested.some((inner) => inner.class === 'schema')
}

/** The text as it goes on record: as the client sent it, without its secrets. */
function textOf(statement: Statement): string {
  const { analysis, original } = statement
  if (analysis.ok) return redactText(original, analysis.secrets)
  // What cannot be read may hold a password anywhere.
  const text = redactText(original, analysis.secrets ?? [])
  return /password|identified|secret/i.test(text) ? text.replace(/'[^']*'?|"[^"]*"?/g, "'<redacted>'") : text
}

function refusalError(decision: Decision, analysis: Statement['analysis']): SluiceError {
  if (!analysis.ok && analysis.cause === 'syntax') {
    return new SluiceError('statement_syntax', analysis.reason, {
      // As the server would have said it.
      ...(analysis.position === undefined ? {} : { position: analysis.position }),
    })
  }
  const code = analysis.ok ? 'statement_denied' : 'statement_unanalysable'
  const by = decision.rule === undefined ? 'no rule allows it' : `refused by rule \`${decision.rule}\``
  return new SluiceError(code, by, { detail: decision.reason, hint: decision.hint })
}

function asUnrecorded(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error
  return new SluiceError('recorder_unavailable', 'the statement could not be recorded', { cause: error })
}
