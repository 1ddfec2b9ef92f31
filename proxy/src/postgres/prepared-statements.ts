import { type ColumnDescription, nameKey } from '@sluice/wire/postgres'
import type { Pass, Statement, WireColumn } from '../gate.js'
import { type Change, NameTable } from './name-table.js'
import type { RowMasker } from './row-masker.js'

export type { Change }

/** A result's columns as the server described them, and what was made of the description. */
export interface Layout {
  /** The content of the RowDescription, so that the same one need not be decoded again. */
  readonly raw: Buffer
  readonly columns: readonly ColumnDescription[]
  /** The columns as the gate wants to see them; the same array for the same description. */
  readonly origins: readonly WireColumn[]
  /** The last that was made for such a result. */
  masker: RowMasker | undefined
}

/** A statement that the client prepared. */
export interface PreparedStatement {
  readonly statement: Statement
  /** Type OIDs, as far as the client declared or the server told them; 0: unknown. */
  parameterTypes: readonly number[]
  /** As the server described it last; formats are those of the statement, always text. */
  layout: Layout | undefined
}

/** A statement with its parameters, ready to run. It runs under the pass that its Bind was given. */
export interface Portal {
  readonly key: string
  readonly pass: Pass
  readonly prepared: PreparedStatement
  readonly resultFormats: readonly number[]
  /** The segment in which a Describe of it was sent last; -1: none was. */
  describedIn: number
  /** Undefined: not known (yet). */
  layout: Layout | 'no rows' | undefined
  masker: RowMasker | undefined
  /** What earlier Executes fetched of it. */
  rows: number
  bytes: number
  recordedRows: number
  /** A cursor of SQL may stand behind its name by now. */
  doubtful: boolean
}

/** More names or texts than this that SQL's PREPARE made in one session are refused: EXECUTE is decided for all of a name. */
export const MAX_SQL_PREPARED = 1000

/** What EXECUTE would run; `unknown` has the names that nothing is known to stand behind. */
export type Executed = { readonly statements: readonly Statement[] } | { readonly unknown: string }

/**
 * The prepared statements of a session. Those of the protocol (Parse) are followed exactly; of those of SQL (PREPARE)
 * every text that was ever sent under a name counts, because a PREPARE may sit in a text whose end nobody knows.
 * Both share one namespace on the server.
 */
export class PreparedStatements {
  readonly names = new NameTable<PreparedStatement>()
  readonly #sql = new Map<string, Statement[]>()
  #sqlCount = 0

  get full(): boolean {
    return this.#sqlCount >= MAX_SQL_PREPARED
  }

  /** What a Bind of the name would run. */
  find(key: string): PreparedStatement | undefined {
    const prepared = this.names.get(key)
    if (prepared !== undefined || this.#sqlCount === 0) return prepared
    const statement = this.#sql.get(key)?.at(-1)
    return statement === undefined ? undefined : { statement, parameterTypes: [], layout: undefined }
  }

  /** Everything that may stand behind the name besides `find`'s answer; undefined: nothing. */
  alternatives(key: string): readonly Statement[] | undefined {
    return this.#sqlCount === 0 || !this.#sql.has(key) ? undefined : this.#candidates(key)
  }

  /** What the EXECUTEs in a text would run; undefined: there is none. */
  executedBy(statement: Statement): Executed | undefined {
    const { analysis } = statement
    if (!analysis.ok) return undefined
    let executed: Statement[] | undefined
    for (const facts of analysis.statements) {
      const isExecute = facts.prepared?.action === 'execute'
      if (!isExecute && !facts.nested.some((inner) => inner.verb === 'execute')) continue
      const name = facts.prepared?.name
      if (name === undefined || !isExecute) return { unknown: name ?? '' }
      const candidates = this.#candidates(nameKey(name))
      if (preparedBy(statement).includes(name)) candidates.push(statement)
      if (candidates.length === 0) return { unknown: name }
      executed = executed === undefined ? candidates : executed.concat(candidates)
    }
    return executed === undefined ? undefined : { statements: executed }
  }

  /** Keeps the PREPAREs of a text that goes upstream. */
  note(statement: Statement): void {
    for (const name of preparedBy(statement)) {
      const key = nameKey(name)
      const texts = this.#sql.get(key) ?? []
      if (texts.some((known) => known.original.equals(statement.original))) continue
      // The text may be a view of a chunk, which is not to be kept alive for the session.
      texts.push({ original: Buffer.from(statement.original), analysis: statement.analysis })
      this.#sql.set(key, texts)
      this.#sqlCount++
    }
  }

  #candidates(key: string): Statement[] {
    const statements = this.names.candidates(key).map((prepared) => prepared.statement)
    return statements.concat(this.#sql.get(key) ?? [])
  }
}

const NONE: readonly string[] = []

/** The names that the PREPAREs of a text give. */
export function preparedBy(statement: Statement): readonly string[] {
  const { analysis } = statement
  if (!analysis.ok) return NONE
  let names: string[] | undefined
  for (const { prepared } of analysis.statements) {
    if (prepared?.action !== 'prepare' || prepared.name === undefined) continue
    names ??= []
    names.push(prepared.name)
  }
  return names ?? NONE
}

/** The text declares a cursor, which then shares the names of the protocol's portals. */
export function declaresCursor(statement: Statement): boolean {
  const { analysis } = statement
  if (!analysis.ok) return false
  for (const facts of analysis.statements) if (facts.verb.startsWith('declare')) return true
  return false
}
