import type { Dialect } from '@sluice/domain'
import type { LexicalMode } from './facts.js'
import { read as readMysql } from './mysql/analyse.js'
import { MysqlGrammar } from './mysql/grammar.js'
import { read as readPostgres } from './postgres/analyse.js'
import { PostgresGrammar } from './postgres/grammar.js'
import type { Reading, ReadOptions } from './reading.js'

/** The parsers of both dialects in one thread. */
export interface Reader {
  ready(dialect: Dialect): boolean
  load(dialect: Dialect): Promise<void>
  /** Reads a prepared text; undefined where it needs more than is allowed here. Throws only where a parser broke. */
  read(text: Buffer, mode: LexicalMode, options: ReadOptions): Reading | undefined
}

export function openReader(): Reader {
  const postgres = new PostgresGrammar()
  const mysql = new MysqlGrammar()
  const grammars = { postgres, mysql }
  return {
    ready: (dialect) => grammars[dialect].ready,
    load: (dialect) => grammars[dialect].load(),
    read: (text, mode, options) =>
      mode.dialect === 'postgres' ? readPostgres(text, mode, postgres, options) : readMysql(text, mode, mysql, options),
  }
}
