import { createRequire } from 'node:module'

/** The two parsers from the registry that are heard about MySQL's queries; neither is the server's own. */
export class MysqlGrammar {
  #parsers: Record<'mysql' | 'mariadb', NodeSqlParser> | undefined
  #rust: SqlParserRust | undefined
  #loading: Promise<void> | undefined

  get ready(): boolean {
    return true
  }

  /** Makes the parsers ready; what needs none of them can be read without. */
  load(): Promise<void> {
    this.#loading ??= this.#load()
    return this.#loading
  }

  async #load(): Promise<void> {
    const require = createRequire(import.meta.url)
    const mysql = require('node-sql-parser/build/mysql') as ParserModule
    const mariadb = require('node-sql-parser/build/mariadb') as ParserModule
    this.#parsers = { mysql: new mysql.Parser(), mariadb: new mariadb.Parser() }
    const rust = await import('@guanmingchiu/sqlparser-ts')
    await rust.init()
    this.#rust = rust as unknown as SqlParserRust
  }

  /** node-sql-parser's tree with its table list; undefined where it cannot parse. */
  parse(sql: string, flavour: 'mysql' | 'mariadb'): NodeSqlTree | undefined {
    const parser = this.#parsers?.[flavour]
    if (!parser) throw new Error('the MySQL parsers are not loaded')
    try {
      return parser.parse(sql)
    } catch (error) {
      // A syntax error of a generated parser; anything else means that it broke.
      if (error instanceof Error && 'expected' in error) return undefined
      if (error instanceof Error && error.name === 'Error') return undefined
      throw error
    }
  }

  /** sqlparser-rs' tree; undefined where it cannot parse. @throws where its instance broke and must be replaced. */
  parseAgain(sql: string): unknown {
    if (!this.#rust) throw new Error('the MySQL parsers are not loaded')
    try {
      return this.#rust.parse(sql, 'mysql')
    } catch (error) {
      // The wrapper gives traps of the WASM instance the same class as syntax errors, but these words only to the latter.
      if (error instanceof Error && /^sql parser error| at Line: \d+, Column: \d+$/.test(error.message))
        return undefined
      throw error
    }
  }
}

export interface NodeSqlTree {
  /** `verb::schema or null::table` */
  readonly tableList: readonly string[]
  readonly ast: unknown
}

interface NodeSqlParser {
  parse(sql: string): NodeSqlTree
}

interface ParserModule {
  readonly Parser: new () => NodeSqlParser
}

interface SqlParserRust {
  parse(sql: string, dialect: 'mysql'): unknown
}
