/** A class of statements, as policies name them. `opaque`: what the gateway cannot see into. */
export type StatementClass = 'read' | 'write' | 'schema' | 'access' | 'session' | 'transaction' | 'procedure' | 'opaque'

/** A relation as the statement names it, folded by the server's rules of quoting and case. MySQL: `schema` is the database. */
export interface RelationName {
  readonly schema?: string
  readonly name: string
}

/** One thing that a statement does to one relation: `insert` to `public.orders` is a `write`. */
export interface RelationUse {
  readonly relation: RelationName
  /** The verb that a policy would name for this use: `select`, `insert`, `update`, `delete`, `truncate`, `drop table`, ... */
  readonly verb: string
  readonly class: StatementClass
  /**
   * `update`: the columns of this relation that assigned values may come from, so that what one column holds can
   * be had from another; `*` where a value may be a whole row.
   */
  readonly assignedFrom?: readonly string[]
}

export interface FunctionUse {
  readonly schema?: string
  readonly name: string
  /** MySQL: every call of it in the statement is without arguments. */
  readonly bare?: true
}

/**
 * A change of a session setting: SET, RESET, set_config, SET NAMES; value undefined where the text does not say it. Under the
 * name `@`: a MySQL user variable (`SET @x = ...`, `@x := ...`, `SELECT ... INTO @x`).
 */
export interface SettingChange {
  readonly name: string
  readonly value?: string
  /** The setting outlives the session: ALTER ROLE/DATABASE/SYSTEM ... SET, SET GLOBAL/PERSIST. */
  readonly lasting: boolean
}

/**
 * What an output column can show. `safe`: constants, parameters, the time, how many rows there are (`count`), and arithmetic,
 * comparisons and casts over these, by the server's own functions if no user's function has the name. `other`: anything.
 */
export type OutputKind = 'safe' | 'other'

/** What one statement of a text is and touches. Nested statements (CTE, EXPLAIN, COPY (query), PREPARE, ...) are folded in. */
export interface StatementFacts {
  /** The statement's kind as the server's manual names it, lower case: `select`, `drop database`, `create table as`, `explain`. */
  readonly verb: string
  readonly class: StatementClass
  readonly relations: readonly RelationUse[]
  readonly functions: readonly FunctionUse[]
  /** PostgreSQL: names after a dot (`x.name`, `(x).name`): columns, or functions called with a row. Left out: none. */
  readonly dotted?: readonly string[]
  /** Every statement inside this one, itself excluded: `explain analyze delete ...` has a `delete` here. */
  readonly nested: readonly { readonly verb: string; readonly class: StatementClass }[]
  /** For update and delete (nested ones included): every one of them has a WHERE. True for all other statements. */
  readonly hasWhere: boolean
  readonly settings: readonly SettingChange[]
  /** Databases named: `drop database x`, `use x`. */
  readonly databases: readonly string[]
  /**
   * True only if each output column that the wire attributes to a table's column is that very column: the FROM list holds
   * base tables alone, without derived tables, CTEs, set operations and subqueries in the select list.
   */
  readonly plainOutput: boolean
  /**
   * Of a single plain SELECT whose output columns can be counted, for each of them; also of a PREPARE of one. Left out for
   * everything else, and where no column is safe.
   */
  readonly outputs?: readonly OutputKind[]
  /** COPY and LOAD DATA: which way the rows go. `out` is towards the client; `server` is a file or program on the server. */
  readonly copy?: { readonly direction: 'in' | 'out'; readonly end: 'client' | 'server' }
  /** PREPARE / EXECUTE / DEALLOCATE: the name (undefined with deallocate: ALL). */
  readonly prepared?: { readonly action: 'prepare' | 'execute' | 'deallocate'; readonly name?: string }
  /** Begins, ends or marks a transaction. */
  readonly transaction?: 'begin' | 'commit' | 'rollback' | 'savepoint'
}

/** Byte range `[start, end)` in the original text that must not be recorded: passwords in CREATE USER, SET PASSWORD, ... */
export interface TextRange {
  readonly start: number
  readonly end: number
}

export interface Analysed {
  readonly ok: true
  readonly statements: readonly StatementFacts[]
  /** The bytes that were analysed: these and no others may be forwarded. PostgreSQL: as they came. MySQL: the canonical text. */
  readonly text: Buffer
  readonly secrets: readonly TextRange[]
}

/** Why a text could not be analysed; it is refused. */
export interface Unanalysable {
  readonly ok: false
  readonly cause: 'syntax' | 'encoding' | 'limit' | 'unknown' | 'disagreement'
  /** One sentence, lower case, no final period. For `syntax` in PostgreSQL the server's own words. */
  readonly reason: string
  /** Character position of a syntax error, from 1, as PostgreSQL's error field `P`. */
  readonly position?: number
  /** As in `Analysed`; what looks like a secret in a text that could not be read. */
  readonly secrets?: readonly TextRange[]
}

export type Analysis = Analysed | Unanalysable

/** The server's lexical mode and names, which are part of the input. */
export interface PostgresMode {
  readonly dialect: 'postgres'
}

export interface MysqlMode {
  readonly dialect: 'mysql'
  readonly flavour: 'mysql' | 'mariadb'
  /** As in executable comments: 80400 for 8.4.0, 101119 for 10.11.19. */
  readonly version: number
  /** Upper-case words of sql_mode in force. */
  readonly sqlMode: ReadonlySet<string>
  /** The client allowed multi-statements (CLIENT_MULTI_STATEMENTS, or COM_SET_OPTION). */
  readonly multiStatements: boolean
}

export type LexicalMode = PostgresMode | MysqlMode

/**
 * SQL text to facts. Synchronous where it can be (known text, small statement), a promise where the parser runs in a worker.
 * Never throws and never rejects: what goes wrong is an `Unanalysable`.
 */
export interface Analyser {
  analyse(text: Buffer, mode: LexicalMode): Analysis | Promise<Analysis>
  /** Stops the workers. */
  close(): Promise<void>
}
