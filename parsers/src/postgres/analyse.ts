import { isUtf8 } from 'node:buffer'
import type { PostgresMode, StatementFacts, TextRange } from '../facts.js'
import type { Prepared, Reading, ReadOptions } from '../reading.js'
import { UnanalysableError } from '../unanalysable-error.js'
import type { Fields, PostgresGrammar } from './grammar.js'
import { secretRanges, secretsOfUnreadable } from './secrets.js'
import { literalFree } from './shape.js'
import { unwrap } from './tree.js'
import { walkStatement } from './walk.js'
import { disagreement, WITNESSED_VERBS } from './witness.js'

/** Longer statements cost the second parser seconds. */
const WITNESSED_BYTES = 2048

/** Longer texts are seldom seen twice. */
const MAX_KEY = 16_384

/** The text as it came, and what its facts are known under. */
export function prepare(text: Buffer): Prepared {
  const shape = literalFree(text)
  if (shape !== undefined) return { text, key: `p${shape}`, literalFree: true }
  return { text, key: text.length > MAX_KEY ? undefined : `P${text.toString('latin1')}`, literalFree: false }
}

/** Reads a text with PostgreSQL's grammar. Throws only where the parser broke. */
export function read(
  text: Buffer,
  _mode: PostgresMode,
  grammar: PostgresGrammar,
  options: ReadOptions,
): Reading | undefined {
  try {
    return readStatements(text, grammar, options)
  } catch (error) {
    if (!(error instanceof UnanalysableError)) throw error
    const secrets = secretsOfUnreadable(text)
    return secrets.length > 0 ? { ...error.result, secrets } : error.result
  }
}

function readStatements(text: Buffer, grammar: PostgresGrammar, { thorough }: ReadOptions): Reading | undefined {
  if (text.includes(0)) throw new UnanalysableError('encoding', 'the statement holds a zero byte')
  if (!isUtf8(text)) throw new UnanalysableError('encoding', 'the statement is not valid utf-8')
  const statements: StatementFacts[] = []
  const secrets: TextRange[] = []
  for (const raw of grammar.parse(text)) {
    const [node, fields] = unwrap((raw.stmt ?? {}) as Fields) ?? []
    if (!node || !fields) throw new UnanalysableError('unknown', 'the statement is not known to the gateway')
    const start = raw.stmt_location ?? 0
    const end = raw.stmt_len ? start + raw.stmt_len : text.length
    const facts = walkStatement(node, fields)
    if (WITNESSED_VERBS.has(facts.verb) && end - start <= WITNESSED_BYTES) {
      if (!thorough) return undefined
      const reason = disagreement(text.toString('utf8', start, end), facts)
      if (reason) throw new UnanalysableError('disagreement', reason)
    }
    statements.push(facts)
    secrets.push(...secretRanges(node, fields, text, start, end))
  }
  return { ok: true, statements, secrets }
}
