/**
 * Which output columns of a SELECT hold nothing of any column: constants, parameters, `count(...)`, the time, and arithmetic,
 * comparisons and casts over these.
 */
import type { OutputKind } from '../facts.js'
import { Cursor, isWord, type Token } from './tokens.js'

/** Undefined where the columns cannot be counted (a star, a set operation, what MySQL's grammar has besides), or none is safe. */
export function outputsOf(tokens: readonly Token[]): readonly OutputKind[] | undefined {
  if (!isWord(tokens[0], 'SELECT')) return undefined
  if (tokens.some((token) => token.kind === 'word' && NOT_PLAIN.has(token.text))) return undefined
  let at = 1
  while (tokens[at]?.kind === 'word' && MODIFIERS.has(tokens[at]!.text)) at++
  const outputs: OutputKind[] = []
  let start = at
  for (let depth = 0; ; at++) {
    const token = tokens[at]
    const ends = token === undefined || (depth === 0 && token.kind === 'word' && ENDS.has(token.text))
    if (ends || (depth === 0 && isWord(token, ','))) {
      if (at === start || isStar(tokens, start, at)) return undefined
      outputs.push(isSafe(new Cursor(tokens, start, at)) ? 'safe' : 'other')
      start = at + 1
      if (ends) break
    } else if (isWord(token, '(')) depth++
    else if (isWord(token, ')') && --depth < 0) return undefined
  }
  return outputs.includes('safe') ? outputs : undefined
}

/** Statements with one of these anywhere have their output from several places, or not as the select list says. */
const NOT_PLAIN: ReadonlySet<string> = new Set(['UNION', 'EXCEPT', 'INTERSECT', 'MINUS', 'INTO', 'PROCEDURE', 'WITH'])
const ENDS: ReadonlySet<string> = new Set([
  'FROM',
  'WHERE',
  'GROUP',
  'HAVING',
  'ORDER',
  'LIMIT',
  'WINDOW',
  'FOR',
  'LOCK',
  ';',
])
const MODIFIERS: ReadonlySet<string> = new Set(
  `ALL DISTINCT DISTINCTROW HIGH_PRIORITY STRAIGHT_JOIN SQL_SMALL_RESULT SQL_BIG_RESULT SQL_BUFFER_RESULT SQL_NO_CACHE SQL_CACHE
   SQL_CALC_FOUND_ROWS`.split(/\s+/),
)

function isStar(tokens: readonly Token[], start: number, end: number): boolean {
  if (!isWord(tokens[end - 1], '*')) return false
  return end - start === 1 || isWord(tokens[end - 2], '.')
}

/** An expression that is understood to its end, with or without an alias. */
function isSafe(cursor: Cursor): boolean {
  if (!operation(cursor, 0)) return false
  if (cursor.done) return true
  const named = cursor.accept('AS')
  const alias = cursor.peek()!
  cursor.at++
  if (!cursor.done) return false
  return named ? alias?.kind !== 'punctuation' && alias?.kind !== 'number' : alias.kind === 'name' || isAlias(alias)
}

/** Bare words that are operators or begin a clause need no list here: what stands alone behind a value can only be its name. */
function isAlias(token: Token): boolean {
  return token.kind === 'word' || token.kind === 'string'
}

function operation(cursor: Cursor, depth: number): boolean {
  if (depth > 20) return false
  for (;;) {
    while (cursor.acceptAny('-', '+') !== undefined) {}
    if (!operand(cursor, depth)) return false
    if (cursor.acceptAny('+', '-', '*', '/', '%', 'DIV', 'MOD') !== undefined) continue
    if (!comparison(cursor)) return true
  }
}

/** `<=>` and its kin are cut into their characters. */
function comparison(cursor: Cursor): boolean {
  if (cursor.accept('!', '=')) return true
  let any = false
  while (cursor.acceptAny('<', '=', '>') !== undefined) any = true
  return any
}

function operand(cursor: Cursor, depth: number): boolean {
  const token = cursor.peek()
  if (token === undefined) return false
  if (token.kind === 'number' || token.kind === 'string' || isWord(token, '?')) {
    cursor.at++
    return true
  }
  if (cursor.accept('(')) return operation(cursor, depth + 1) && cursor.accept(')')
  // Quoted, a name is a column's.
  if (token.kind !== 'word') return false
  if (CONSTANTS.has(token.text) && !isWord(cursor.peek(1), '.') && !isWord(cursor.peek(1), '(')) {
    cursor.at++
    return true
  }
  const next = cursor.peek(1)
  // With a space between, the server may look for a stored function (Function Name Parsing and Resolution, 11.2.5).
  if (next === undefined || !isWord(next, '(') || next.start !== token.end) return false
  if (token.text === 'COUNT') return count(cursor)
  if (token.text === 'CAST') return cast(cursor, depth)
  if (!CONSTANT_FUNCTIONS.has(token.text) || !isWord(cursor.peek(2), ')')) return false
  cursor.at += 3
  return true
}

/** COUNT of anything without a query in it, and not over a window. */
function count(cursor: Cursor): boolean {
  const start = cursor.at
  cursor.at++
  cursor.skipParentheses()
  if (!isWord(cursor.tokens[cursor.at - 1], ')') || cursor.sees('OVER')) return false
  for (let at = start; at < cursor.at; at++) {
    const token = cursor.tokens[at]!
    if (token.kind === 'word' && QUERIES.has(token.text)) return false
    // A variable is assigned in passing.
    if (isWord(token, '@')) return false
  }
  return true
}

/** CAST(... AS type) */
function cast(cursor: Cursor, depth: number): boolean {
  cursor.at += 2
  if (!operation(cursor, depth + 1) || !cursor.accept('AS')) return false
  while (cursor.peek()?.kind === 'word') cursor.at++
  if (cursor.sees('(')) cursor.skipParentheses()
  return cursor.accept(')')
}

const CONSTANTS: ReadonlySet<string> = new Set([
  'NULL',
  'TRUE',
  'FALSE',
  'CURRENT_DATE',
  'CURRENT_TIME',
  'CURRENT_TIMESTAMP',
])
const CONSTANT_FUNCTIONS: ReadonlySet<string> = new Set([
  ...['NOW', 'CURDATE', 'CURTIME', 'CURRENT_DATE', 'CURRENT_TIME', 'CURRENT_TIMESTAMP', 'UTC_TIMESTAMP', 'VERSION'],
])
const QUERIES: ReadonlySet<string> = new Set(['SELECT', 'TABLE', 'VALUES', 'WITH'])
