import type { SluiceError } from '@sluice/domain'
import type { Analysis, LexicalMode } from '@sluice/parsers'
import type { Mask } from '@sluice/policy'
import type { RecordedValue } from '@sluice/recorder'

/** A text with its facts. Relays keep it for prepared statements; deciding is done anew at each execution. */
export interface Statement {
  /** As the client sent it; goes on record. */
  readonly original: Buffer
  readonly analysis: Analysis
}

/** What is owed to the rows of an admitted statement. `none`: nothing here can carry a masked value, pass the rows as they come. */
export type Masking = 'none' | 'by-origin' | 'all-but-plain'

/** A result column as the wire describes it. */
export interface WireColumn {
  readonly name: string
  readonly origin:
    | { readonly kind: 'none' }
    | { readonly kind: 'oid'; readonly relation: number; readonly attribute: number }
    | { readonly kind: 'name'; readonly schema: string; readonly table: string; readonly column: string }
}

/** One mask a column, in order; undefined where the column goes as it is. */
export type MaskPlan = readonly (Mask | undefined)[]

export interface Outcome {
  readonly tag: string
  readonly rows: number
  readonly bytes: number
}

declare const proof: unique symbol

/**
 * The proof that the gate let a statement through: only the gate makes one, and only with one may a statement go upstream.
 * `number` is the statement's number in the record, 0 for a permit to prepare.
 */
export interface Pass {
  readonly [proof]: true
  readonly kind: 'pass'
  readonly statement: Statement
  readonly number: number
  readonly masking: Masking
  /** How many rows of the result to hand to `result`; 0: none. */
  readonly rowsToRecord: number
}

/** The gate's no. `error` says which rule and what to do, for the client. It is on record already. */
export interface Refusal {
  readonly kind: 'refusal'
  readonly error: SluiceError
}

export type Verdict = Pass | Refusal

/**
 * One a session. Facts, decision, record, in this order; whatever can be answered at once is not a promise.
 * Promises never reject: what goes wrong is a refusal.
 */
export interface Gate {
  analyse(text: Buffer, mode: LexicalMode): Statement | Promise<Statement>
  /** May this statement be prepared? Decides, without a record of the allowed (its execution makes one). */
  permit(statement: Statement): Verdict
  /**
   * May this statement run now? Decides and records; with durability `strict` the promise waits for the store.
   * `executes`: for SQL's EXECUTE, every statement that may stand behind the name: all must be allowed, the strictest masking holds.
   */
  admit(
    statement: Statement,
    parameters?: readonly RecordedValue[],
    executes?: readonly Statement[],
  ): Verdict | Promise<Verdict>
  /** Puts a refusal that the relay itself makes (a forbidden command, a setting) on record and returns it. */
  refuse(text: string, error: SluiceError): Refusal
  /** The masks for a result's columns; undefined: none. Call only where `pass.masking` is not `none`. */
  maskPlan(pass: Pass, columns: readonly WireColumn[]): MaskPlan | undefined | Promise<MaskPlan | undefined>
  /** A result's columns and first rows, values masked, as text. */
  result(
    pass: Pass,
    columns: readonly { name: string; type: string; masked?: true }[],
    rows: readonly (readonly RecordedValue[])[],
  ): void
  /** A statement's outcome. A text of several statements has several. */
  finished(pass: Pass, outcome: Outcome): void
  /** The server answered with an error; without a pass, one that no statement caused. */
  failed(pass: Pass | undefined, code: string, message: string): void
  /** MySQL's USE: is this user let into that database? Undefined: yes, and what follows is decided for it. */
  changeDatabase(schema: string): SluiceError | undefined
}
