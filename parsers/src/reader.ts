import { isUtf8 } from 'node:buffer'
import type { Dialect } from '@sluice/domain'
import { collapsible, without } from './collapse.js'
import type { LexicalMode } from './facts.js'
import { prepare as prepareMysql, read as readMysql } from './mysql/analyse.js'
import { mapRanges } from './mysql/canonicalise.js'
import { MysqlGrammar } from './mysql/grammar.js'
import { lexerMode } from './mysql/lexer.js'
import { MysqlScanner } from './mysql/scanner.js'
import { prepare as preparePostgres, read as readPostgres } from './postgres/analyse.js'
import { PostgresGrammar } from './postgres/grammar.js'
import { PostgresScanner } from './postgres/scanner.js'
import { isLiteralFree, type Reading, type ReadOptions } from './reading.js'

/** Of longer texts no more is parsed than must be, and none of it on the event loop. Bytes. */
export const LARGE = 1 << 16

/** Nothing longer is handed to a parser, bytes. */
const MAX_PARSED = 4 << 20

/** The parsers of both dialects in one thread. */
export interface Reader {
  ready(dialect: Dialect): boolean
  load(dialect: Dialect): Promise<void>
  /** Reads a prepared text; undefined where it needs more than is allowed here. Throws only where a parser broke. */
  read(text: Buffer, mode: LexicalMode, options: ReadOptions): Reading | undefined
  /** Prepares and reads a large text, hearing every witness; secrets are ranges of the text as it came. */
  readRaw(text: Buffer, mode: LexicalMode): Reading
}

export function openReader(): Reader {
  const postgres = new PostgresGrammar()
  const mysql = new MysqlGrammar()
  const grammars = { postgres, mysql }

  const read: Reader['read'] = (text, mode, options) =>
    mode.dialect === 'postgres' ? readPostgres(text, mode, postgres, options) : readMysql(text, mode, mysql, options)

  const readAll = (text: Buffer, mode: LexicalMode, brief: Reading | undefined): Reading => {
    if (text.length <= MAX_PARSED) return read(text, mode, { thorough: true }) ?? TOO_MUCH
    if (!brief || brief.ok) return TOO_MUCH
    // Positions are those of what is left of the text; a secret may be anywhere in it.
    const { cause, reason, secrets } = brief
    return { ok: false, cause, reason, ...(secrets ? { secrets: [{ start: 0, end: text.length }] } : undefined) }
  }

  return {
    ready: (dialect) => grammars[dialect].ready,
    load: (dialect) => grammars[dialect].load(),
    read,
    readRaw(original, mode) {
      const prepared = mode.dialect === 'postgres' ? preparePostgres(original) : prepareMysql(original, mode)
      if ('ok' in prepared) return prepared
      const { text, segments } = prepared
      const short = collapsed(text, mode)
      const brief = short && short.length <= MAX_PARSED ? read(short, mode, { thorough: true }) : undefined
      const reading = brief && isLiteralFree(brief) ? brief : readAll(text, mode, brief)
      if (!segments) return reading
      const secrets = reading.secrets && mapRanges(reading.secrets, segments)
      return reading.ok
        ? { ...reading, secrets: secrets ?? [], text }
        : { ...reading, ...(secrets ? { secrets } : undefined) }
    },
  }
}

const TOO_MUCH: Reading = {
  ok: false,
  cause: 'limit',
  reason: `the statement is longer than ${MAX_PARSED} bytes without its literals and the rows of nothing but literals`,
}

/** A text without what need not be read of it; undefined where that cannot be told. */
function collapsed(text: Buffer, mode: LexicalMode): Buffer | undefined {
  if (mode.dialect === 'postgres') {
    // What is not valid is for the parser to refuse.
    if (text.includes(0) || !isUtf8(text)) return undefined
    const ranges = collapsible(new PostgresScanner(text))
    return ranges && without(text, ranges)
  }
  const ranges = collapsible(new MysqlScanner(text.toString('latin1'), lexerMode(mode.sqlMode)))
  return ranges && without(text, ranges)
}
