import { isWord, type Token } from './tokens.js'

/** The statements of a text, at its semicolons; empty ones are left out. What a stored program holds stays with it. */
export function splitStatements(tokens: readonly Token[]): Token[][] {
  const statements: Token[][] = []
  let start = 0
  while (start < tokens.length) {
    const end = endOfStatement(tokens, start)
    if (end > start) statements.push(tokens.slice(start, end))
    start = end + 1
  }
  return statements
}

function endOfStatement(tokens: readonly Token[], start: number): number {
  const program = isProgram(tokens, start)
  let depth = 0
  for (let at = start; at < tokens.length; at++) {
    const token = tokens[at]!
    if (isWord(token, ';')) {
      if (depth <= 0) return at
    } else if (program && token.kind === 'word') {
      if (token.text === 'END') {
        depth--
        if (BLOCKS.has(tokens[at + 1]?.text ?? '')) at++
      } else if (opensBlock(tokens, at)) depth++
    }
  }
  return tokens.length
}

const BLOCKS = new Set(['IF', 'CASE', 'LOOP', 'WHILE', 'REPEAT', 'FOR'])
const BEFORE_STATEMENT = new Set([
  ';',
  'THEN',
  'ELSE',
  'BEGIN',
  'DO',
  'LOOP',
  'REPEAT',
  ':',
  ')',
  'ATOMIC',
  'EACH',
  'ROW',
  'DATA',
  'SQL',
  'DETERMINISTIC',
  'INVOKER',
  'DEFINER',
])

function opensBlock(tokens: readonly Token[], at: number): boolean {
  const { text } = tokens[at]!
  if (text === 'BEGIN') return true
  if (text === 'CASE') return true
  if (!BLOCKS.has(text)) return false
  if (text === 'IF' && isWord(tokens[at + 1], 'EXISTS')) return false
  if (text === 'IF' && isWord(tokens[at + 1], 'NOT') && isWord(tokens[at + 2], 'EXISTS')) return false
  const before = tokens[at - 1]
  return before === undefined || BEFORE_STATEMENT.has(before.text) || before.kind === 'string'
}

/** CREATE of a routine, trigger or event, and MariaDB's anonymous blocks. */
function isProgram(tokens: readonly Token[], start: number): boolean {
  if (isWord(tokens[start], 'BEGIN') && isWord(tokens[start + 1], 'NOT')) return true
  if (!isWord(tokens[start], 'CREATE') && !isWord(tokens[start], 'ALTER')) return false
  for (let at = start + 1; at < tokens.length && at < start + 24; at++) {
    const { kind, text } = tokens[at]!
    if (kind === 'word' && PROGRAMS.has(text)) return true
    if (kind === 'word' && NO_PROGRAMS.has(text)) return false
    if (text === ';') return false
  }
  return false
}

const PROGRAMS = new Set(['PROCEDURE', 'FUNCTION', 'TRIGGER', 'EVENT', 'PACKAGE'])
const NO_PROGRAMS = new Set([
  'TABLE',
  'VIEW',
  'INDEX',
  'DATABASE',
  'SCHEMA',
  'USER',
  'ROLE',
  'SERVER',
  'SEQUENCE',
  'TABLESPACE',
])
