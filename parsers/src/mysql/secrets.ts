import type { TextRange } from '../facts.js'
import type { Token } from './tokens.js'

/** Statements whose strings may be passwords. */
const SECRETIVE = /^(?:create user|alter user|grant|set password|change|start |clone|create server|alter server)/

/** What a password stands after. */
const BEFORE_SECRET = new Set(['BY', 'AS', '(', '=', 'PASSWORD', 'REPLACE', 'USING'])

/** A string that holds a secret wherever it stands. */
const SECRET_TEXT =
  /passw(?:or)?d["'`]?\s*[=:]|passw(?:or)?d\s+["']|identified\s+(?:by|with|as|via)\b|:\/\/[^/\s]{0,100}:[^/\s]{0,100}@/i

/** The byte ranges of a statement's strings that must not be recorded, in the text that the tokens were cut from. */
export function secretRanges(verb: string, tokens: readonly Token[]): TextRange[] {
  const secretive = SECRETIVE.test(verb)
  const ranges: TextRange[] = []
  tokens.forEach((token, at) => {
    if (token.kind !== 'string') return
    const secret = secretive && BEFORE_SECRET.has(tokens[at - 1]?.text ?? '')
    if (secret || SECRET_TEXT.test(token.text)) ranges.push({ start: token.start, end: token.end })
  })
  return ranges
}

/** All strings of a text that names passwords and could not be read any further; the whole of it if it cannot be cut. */
export function secretsOfUnreadable(source: string, tokens: readonly Token[] | undefined): TextRange[] {
  if (!/passw|identified/i.test(source)) return []
  if (!tokens) return [{ start: 0, end: source.length }]
  return tokens.filter(({ kind }) => kind === 'string').map(({ start, end }) => ({ start, end }))
}
