import { isUtf8 } from 'node:buffer'

/** Longer texts are seldom repeated with other values. */
const MAX_LENGTH = 4096

/**
 * The text with a placeholder for each number and string constant, as a key for facts that do not depend on them; undefined
 * where that cannot be said by this small lexer (escape strings, dollar quotes, comments, odd numbers) and for statements
 * other than SELECT, INSERT, UPDATE and DELETE.
 */
export function literalFree(text: Buffer): string | undefined {
  if (text.length > MAX_LENGTH || text.length === 0 || !STARTS.has(text[0]! | 0x20)) return undefined
  const source = text.toString('latin1')
  if (!/^(?:select|insert|update|delete)\b/i.test(source)) return undefined
  let shape = ''
  let copied = 0
  let wide = false
  for (let at = 0; at < source.length; at++) {
    const byte = source.charCodeAt(at)
    const kind = byte < 128 ? KIND[byte]! : OTHER_BYTE
    if (kind === PLAIN) continue
    if (kind === WORD) {
      // Runs to the end of the word, digits in it included.
      while (++at < source.length && isWord(source.charCodeAt(at))) if (source.charCodeAt(at) >= 128) wide = true
      const next = source.charCodeAt(at)
      const quoted = source.charCodeAt(next === AMPERSAND ? at + 1 : at)
      if (quoted === QUOTE || (next === AMPERSAND && quoted === DOUBLE_QUOTE)) return undefined
      at--
    } else if (kind === DIGIT) {
      const end = endOfNumber(source, at)
      if (end < 0) return undefined
      shape += `${source.slice(copied, at)}0`
      copied = end
      at = end - 1
    } else if (kind === STRING) {
      const end = endOfQuoted(source, at, QUOTE)
      if (end < 0) return undefined
      shape += `${source.slice(copied, at)}''`
      copied = end
      at = end - 1
    } else if (kind === NAME) {
      const end = endOfQuoted(source, at, DOUBLE_QUOTE)
      if (end < 0) return undefined
      at = end - 1
    } else if (kind === PARAMETER) {
      const start = at
      while (isDigit(source.charCodeAt(at + 1))) at++
      if (at === start || isWord(source.charCodeAt(at + 1))) return undefined
    } else if (kind === COMMENT_START) {
      const next = source.charCodeAt(at + 1)
      if (next === byte || next === ASTERISK) return undefined
    } else if (kind === OTHER_BYTE) wide = true
    else return undefined
  }
  if ((wide || HIGH.test(source)) && !isUtf8(text)) return undefined
  return shape + source.slice(copied)
}

const QUOTE = 0x27
const DOUBLE_QUOTE = 0x22
const AMPERSAND = 0x26
const ASTERISK = 0x2a
const DOT = 0x2e
const HIGH = /[\x80-\xff]/
const STARTS = new Set([...'siud'].map((c) => c.charCodeAt(0)))

const PLAIN = 0
const WORD = 1
const DIGIT = 2
const STRING = 3
const NAME = 4
const PARAMETER = 5
const COMMENT_START = 6
const REFUSED = 7
const OTHER_BYTE = 8

const KIND = new Uint8Array(128)
for (let byte = 0; byte < 128; byte++) {
  const char = String.fromCharCode(byte)
  if (/[A-Za-z_]/.test(char)) KIND[byte] = WORD
  else if (/[0-9]/.test(char)) KIND[byte] = DIGIT
  else if (char === "'") KIND[byte] = STRING
  else if (char === '"') KIND[byte] = NAME
  else if (char === '$') KIND[byte] = PARAMETER
  else if (char === '-' || char === '/') KIND[byte] = COMMENT_START
  else if (byte === 0 || char === '\\') KIND[byte] = REFUSED
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

function isWord(byte: number): boolean {
  return byte >= 128 || KIND[byte] === WORD || KIND[byte] === DIGIT || byte === 0x24
}

/** Digits with at most one fraction; -1 where something else follows that might belong to the number. */
function endOfNumber(source: string, start: number): number {
  if (start > 0 && source.charCodeAt(start - 1) === DOT) return -1
  let at = start
  while (isDigit(source.charCodeAt(at))) at++
  if (source.charCodeAt(at) === DOT) {
    if (!isDigit(source.charCodeAt(at + 1))) return -1
    at++
    while (isDigit(source.charCodeAt(at))) at++
  }
  const next = source.charCodeAt(at)
  return next === DOT || isWord(next) ? -1 : at
}

function endOfQuoted(source: string, start: number, quote: number): number {
  for (let at = start + 1; at < source.length; at++) {
    const byte = source.charCodeAt(at)
    if (byte === 0) return -1
    if (byte !== quote) continue
    if (source.charCodeAt(at + 1) !== quote) return at + 1
    at++
  }
  return -1
}
