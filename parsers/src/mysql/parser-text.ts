import { type Cursor, isWord, type Token } from './tokens.js'

/**
 * The statement at the cursor as the other parsers read it best: literals replaced by short ones, rows and lists of nothing
 * but literals cut down to one, names in backticks where they were quoted. Neither tables nor kind depend on what is left out.
 */
export function parserText(cursor: Cursor): string {
  const { tokens, end } = cursor
  const parts: string[] = []
  let after = -1
  /** The closing parenthesis of the last row of nothing but literals. */
  let lastRow = -1
  for (let at = cursor.at; at < end; at++) {
    const token = tokens[at]!
    // The other parsers take these for tables.
    if (MODIFIERS.has(token.text) && UPDATES.has(tokens[at - 1]?.text ?? '') && token.kind === 'word') continue
    if (after >= 0 && token.start > after) parts.push(' ')
    after = token.end
    if (lastRow >= 0 && lastRow === at - 1 && isWord(token, ',') && isWord(tokens[at + 1], '(')) {
      const close = endOfLiterals(tokens, at + 1, end)
      if (close >= 0) {
        at = lastRow = close
        after = tokens[at]!.end
        continue
      }
    }
    if (isWord(token, '(')) {
      const close = endOfLiterals(tokens, at, end)
      lastRow = close
      if (close > at + 2 && isWord(tokens[at - 1], 'IN')) {
        parts.push('(0)')
        at = close
        after = tokens[at]!.end
        continue
      }
    }
    parts.push(written(token))
  }
  return parts.join('')
}

/** Reserved words that stand between UPDATE and its tables. */
const MODIFIERS = new Set(['LOW_PRIORITY', 'IGNORE'])
const UPDATES = new Set(['UPDATE', 'LOW_PRIORITY'])

/** The place of the closing parenthesis if nothing but literals stands before it; else -1. */
function endOfLiterals(tokens: readonly Token[], open: number, end: number): number {
  let at = open + 1
  while (at < end && isLiteral(tokens[at])) at++
  return at < end && isWord(tokens[at], ')') ? at : -1
}

function written(token: Token): string {
  if (token.kind === 'string') return "'0'"
  if (token.kind === 'number') return '0'
  if (token.kind === 'name') return `\`${token.text.replaceAll('`', '``')}\``
  if (token.kind !== 'word') return token.text
  // The TABLE statement is short for this.
  return token.text === 'TABLE' ? 'SELECT * FROM' : token.name
}

function isConstant(token: Token | undefined): boolean {
  return token?.kind === 'string' || token?.kind === 'number' || isWord(token, '?')
}

function isLiteral(token: Token | undefined): boolean {
  return isConstant(token) || (token !== undefined && LITERAL_WORDS.has(token.text) && token.kind !== 'name')
}

const LITERAL_WORDS = new Set([',', '-', '+', 'NULL', 'TRUE', 'FALSE', 'DEFAULT'])
