import type { TextRange } from '../facts.js'
import type { Fields } from './grammar.js'

/** Statements whose strings may be passwords or connection strings. */
const SECRETIVE = new Set([
  'CreateRoleStmt',
  'AlterRoleStmt',
  'CreateSubscriptionStmt',
  'AlterSubscriptionStmt',
  'CreateUserMappingStmt',
  'AlterUserMappingStmt',
  'CreateForeignServerStmt',
  'AlterForeignServerStmt',
])

/** A string that holds a secret wherever it stands: `host=x password=y`, `postgres://user:pass@host`, an inner PASSWORD 'x'. */
const SECRET_TEXT =
  /passw(?:or)?d["'`]?\s*[=:]|passw(?:or)?d\s+["']|identified\s+(?:by|with|as|via)\b|:\/\/[^/\s]{0,100}:[^/\s]{0,100}@/i

/** The byte ranges of a statement's string constants that must not be recorded. */
export function secretRanges(node: string, fields: Fields, text: Buffer, start: number, end: number): TextRange[] {
  const secretive = SECRETIVE.has(node) && !onlyHarmlessOptions(node, fields)
  const ranges: TextRange[] = []
  for (const range of stringConstants(text, start, end)) {
    if (secretive || SECRET_TEXT.test(text.toString('latin1', range.start, range.end))) ranges.push(range)
  }
  return ranges
}

/** All string constants of a text that names passwords and could not be read any further. */
export function secretsOfUnreadable(text: Buffer): TextRange[] {
  if (!/passw|identified|connection|options/i.test(text.toString('latin1'))) return []
  return [...stringConstants(text, 0, text.length)]
}

function onlyHarmlessOptions(node: string, fields: Fields): boolean {
  if (node !== 'CreateRoleStmt' && node !== 'AlterRoleStmt') return false
  return !((fields.options ?? []) as Fields[]).some((o) => (o.DefElem as Fields | undefined)?.defname === 'password')
}

const QUOTE = 0x27
const DOUBLE_QUOTE = 0x22
const DOLLAR = 0x24
const BACKSLASH = 0x5c

/** String constants in all of PostgreSQL's forms (Lexical Structure, 4.1.2), comments and quoted names passed by. */
export function* stringConstants(text: Buffer, start: number, end: number): Generator<TextRange> {
  let at = start
  while (at < end) {
    const byte = text[at]!
    if (byte === QUOTE) {
      const escapes = at > start && (text[at - 1]! | 0x20) === 0x65 && !(at > start + 1 && isWordByte(text[at - 2]!))
      const close = endOfQuoted(text, at, end, QUOTE, escapes)
      yield { start: at, end: close }
      at = close
    } else if (byte === DOUBLE_QUOTE) {
      at = endOfQuoted(text, at, end, DOUBLE_QUOTE, false)
    } else if (byte === DOLLAR && !(at > start && isWordByte(text[at - 1]!))) {
      const tag = /^\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$/.exec(
        text.toString('latin1', at, Math.min(end, at + 130)),
      )?.[0]
      if (!tag) {
        at++
        continue
      }
      const found = text.indexOf(tag, at + tag.length, 'latin1')
      const close = found < 0 || found > end ? end : found + tag.length
      yield { start: at, end: close }
      at = close
    } else if (byte === 0x2d && text[at + 1] === 0x2d) {
      const line = text.indexOf(0x0a, at)
      at = line < 0 ? end : line + 1
    } else if (byte === 0x2f && text[at + 1] === 0x2a) {
      at = endOfComment(text, at, end)
    } else at++
  }
}

function endOfQuoted(text: Buffer, open: number, end: number, quote: number, escapes: boolean): number {
  for (let at = open + 1; at < end; at++) {
    if (escapes && text[at] === BACKSLASH) at++
    else if (text[at] === quote) {
      if (text[at + 1] !== quote) return at + 1
      at++
    }
  }
  return end
}

function endOfComment(text: Buffer, open: number, end: number): number {
  let depth = 0
  for (let at = open; at < end; at++) {
    if (text[at] === 0x2f && text[at + 1] === 0x2a) {
      depth++
      at++
    } else if (text[at] === 0x2a && text[at + 1] === 0x2f) {
      at++
      if (--depth === 0) return at + 1
    }
  }
  return end
}

function isWordByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a) || byte === 0x5f || byte >= 0x80
  )
}
