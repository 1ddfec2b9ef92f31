import type { MysqlMode, TextRange, Unanalysable } from '../facts.js'
import { FactsBuilder } from '../facts-builder.js'
import type { Prepared, Reading, ReadOptions } from '../reading.js'
import { UnanalysableError } from '../unanalysable-error.js'
import { canonicalise } from './canonicalise.js'
import { classify } from './classify.js'
import type { MysqlGrammar } from './grammar.js'
import { lexerMode } from './lexer.js'
import { outputsOf } from './outputs.js'
import { parserText } from './parser-text.js'
import { secretRanges, secretsOfUnreadable } from './secrets.js'
import { literalFree } from './shape.js'
import { splitStatements } from './split.js'
import { Cursor, type Token, tokenize } from './tokens.js'
import { readTail } from './utility.js'
import { RowWalk, rowStatementKind } from './walk.js'
import { disagreement } from './witness.js'

/** Longer texts are seldom seen twice. */
const MAX_KEY = 16_384

/** The canonical text, and what its facts are known under. */
export function prepare(text: Buffer, mode: MysqlMode): Prepared | Unanalysable {
  try {
    const canonical = canonicalise(text, mode)
    const lexical = lexerMode(mode.sqlMode)
    const prefix = `${mode.flavour[1]}${lexical.ansiQuotes ? 1 : 0}${lexical.noBackslashEscapes ? 1 : 0}${mode.multiStatements ? 1 : 0}`
    if (canonical.text.length > MAX_KEY) return { ...canonical, key: undefined, literalFree: false }
    const source = canonical.text.toString('latin1')
    const shape = literalFree(source, lexical)
    if (shape !== undefined) return { ...canonical, key: `m${prefix}${shape}`, literalFree: true }
    return { ...canonical, key: `M${prefix}${source}`, literalFree: false }
  } catch (error) {
    if (!(error instanceof UnanalysableError)) throw error
    const secrets = secretsOfUnreadable(text.toString('latin1'), undefined)
    return secrets.length > 0 ? { ...error.result, secrets } : error.result
  }
}

/** Reads a canonical text. Undefined: only with the other parsers. Throws only where a parser broke. */
export function read(text: Buffer, mode: MysqlMode, grammar: MysqlGrammar, options: ReadOptions): Reading | undefined {
  const source = text.toString('latin1')
  let tokens: readonly Token[] | undefined
  try {
    const cut = tokenize(source, lexerMode(mode.sqlMode))
    tokens = cut.list
    return readStatements(tokens, cut.hints, mode, options.thorough ? grammar : undefined)
  } catch (error) {
    if (error === NEEDS_WITNESS) return undefined
    if (!(error instanceof UnanalysableError)) throw error
    const secrets = secretsOfUnreadable(source, tokens)
    return secrets.length > 0 ? { ...error.result, secrets } : error.result
  }
}

const NEEDS_WITNESS = new Error('another parser must be heard')

function readStatements(
  tokens: readonly Token[],
  hints: readonly string[],
  mode: MysqlMode,
  grammar: MysqlGrammar | undefined,
): Reading {
  const statements = splitStatements(tokens)
  if (statements.length > 1 && !mode.multiStatements) {
    throw new UnanalysableError('syntax', 'several statements in one text, which the client did not ask for at login')
  }
  const secrets: TextRange[] = []
  const facts = statements.map((statement) => {
    const reader = new StatementReader(
      new FactsBuilder({ verb: '', class: 'opaque' }),
      new Cursor(statement),
      mode,
      grammar,
    )
    reader.statement()
    if (reader.facts.kind.verb === 'select') reader.facts.outputs = outputsOf(statement)
    for (const hint of hints) readHint(reader.facts, hint)
    secrets.push(...secretRanges(reader.facts.kind.verb, statement))
    return reader.facts.build()
  })
  // The statements behind it were cut by the mode before it.
  if (facts.length > 1 && facts.some((f) => f.settings.some(({ name }) => LEXICAL_SETTINGS.has(name)))) {
    throw new UnanalysableError(
      'unknown',
      'a change of sql_mode or character set must be sent as a statement of its own',
    )
  }
  return { ok: true, statements: facts, secrets }
}

const LEXICAL_SETTINGS = new Set(['sql_mode', 'character_set_client'])

/** SET_VAR changes a variable for one statement. */
function readHint(facts: FactsBuilder, hint: string): void {
  for (const [, name, value] of hint.matchAll(/SET_VAR\s*\(\s*(\w+)\s*=\s*'?([^')]*)'?\s*\)/gi)) {
    facts.setting(name!.toLowerCase(), value!, false)
  }
}

/** Reads one statement, with those inside it, into facts. */
export class StatementReader {
  readonly facts: FactsBuilder
  readonly cursor: Cursor
  readonly #mode: MysqlMode
  /** Undefined: no other parser may be heard here. */
  readonly #grammar: MysqlGrammar | undefined

  constructor(facts: FactsBuilder, cursor: Cursor, mode: MysqlMode, grammar: MysqlGrammar | undefined) {
    this.facts = facts
    this.cursor = cursor
    this.#mode = mode
    this.#grammar = grammar
  }

  statement(): void {
    const rows = rowStatementKind(this.cursor)
    if (rows) {
      this.facts.kind = rows
      this.#rows()
      return
    }
    const head = this.cursor.peek()?.text.slice(0, 40) ?? ''
    const form = classify(this.cursor)
    if (!form)
      throw new UnanalysableError('unknown', `this kind of statement is not known to the gateway (\`${head}\`)`)
    this.facts.kind = form.kind
    readTail(form.tail, this)
    if (!this.cursor.done)
      throw new UnanalysableError('unknown', `the gateway cannot read the end of this \`${form.kind.verb}\``)
  }

  /** Expressions to the end, with the queries in them. */
  expressions(): void {
    new RowWalk(this.facts, this.cursor).expressions()
  }

  /** The row statement at the cursor, as one inside this; false: there is none. */
  nestedRows(): boolean {
    const rows = rowStatementKind(this.cursor)
    if (!rows) return false
    const { kind } = this.facts
    this.facts.kind = rows
    this.#rows()
    this.facts.kind = kind
    this.facts.nest(rows)
    return true
  }

  /** Any statement at the cursor, as one inside this. */
  nestedStatement(): void {
    const { kind } = this.facts
    this.statement()
    this.facts.nest(this.facts.kind)
    this.facts.kind = kind
  }

  /** A statement in a string. It is not sent in canonical form, so it must be in it. */
  nestedText(sql: string): void {
    const text = Buffer.from(sql)
    const canonical = canonicalise(text, this.#mode)
    if (canonical.text !== text) {
      this.facts.nest({ verb: 'prepare', class: 'opaque' })
      return
    }
    const { list, hints } = tokenize(text.toString('latin1'), lexerMode(this.#mode.sqlMode))
    const [statement, ...more] = splitStatements(list)
    if (!statement || more.length > 0) throw new UnanalysableError('syntax', 'a prepared text holds one statement')
    for (const hint of hints) readHint(this.facts, hint)
    const inner = new StatementReader(this.facts, new Cursor(statement), this.#mode, this.#grammar)
    inner.nestedStatement()
  }

  /** A reader of a part of the same statement. */
  part(start: number, end: number): StatementReader {
    return new StatementReader(this.facts, new Cursor(this.cursor.tokens, start, end), this.#mode, this.#grammar)
  }

  /** A row statement: our own walk, and the other parsers' opinion on it. */
  #rows(): void {
    if (!this.#grammar) throw NEEDS_WITNESS
    const { kind } = this.facts
    const own = new FactsBuilder(kind)
    const { cursor } = this
    const sql = parserText(cursor)
    const walk = new RowWalk(own, cursor)
    walk.statement()
    const refused = disagreement(sql, own.build(), walk.cteNames, this.#grammar, this.#mode.flavour)
    if (refused) throw new UnanalysableError(refused.cause, refused.reason)
    this.facts.absorb(own)
  }
}
