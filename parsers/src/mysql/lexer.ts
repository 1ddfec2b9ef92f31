/** MySQL's lexer (sql/sql_lex.cc): cuts a text into tokens without allocating any. Works on bytes, one character each. */

export const END = 0
export const SPACE = 1
/** An unquoted identifier or keyword. */
export const WORD = 2
/** A quoted identifier. */
export const NAME = 3
/** A string, hexadecimal or bit literal in quotes, with its prefix. */
export const STRING = 4
export const NUMBER = 5
/** `--` or `#` to the end of the line, the line break not included. */
export const LINE_COMMENT = 6
/** `/*`: what it is, is the caller's to find out. */
export const COMMENT_OPEN = 7
/** Two dashes that are no comment. */
export const DASHES = 8
export const PUNCTUATION = 9
export const ERROR = 10

export interface LexerMode {
  readonly ansiQuotes: boolean
  readonly noBackslashEscapes: boolean
}

/** The lexical words of an sql_mode. */
export function lexerMode(sqlMode: ReadonlySet<string>): LexerMode {
  return {
    ansiQuotes: sqlMode.has('ANSI_QUOTES') || sqlMode.has('ANSI'),
    noBackslashEscapes: sqlMode.has('NO_BACKSLASH_ESCAPES'),
  }
}

export class Lexer {
  readonly source: string
  readonly mode: LexerMode
  /** The token under way: `[start, end)`. */
  start = 0
  end = 0
  /** Why the token is an ERROR. */
  error = ''
  #afterName = false

  /** `source`: the text's bytes as latin1. */
  constructor(source: string, mode: LexerMode) {
    this.source = source
    this.mode = mode
  }

  /** Cuts the next token and says its kind. */
  next(): number {
    const kind = this.#cut()
    this.#afterName = kind === WORD || kind === NAME
    return kind
  }

  /** Goes on from another place. */
  seek(position: number): void {
    this.end = position
    this.#afterName = false
  }

  #cut(): number {
    const { source } = this
    let at = (this.start = this.end)
    if (at >= source.length) return END
    const byte = source.charCodeAt(at)
    if (isSpace(byte)) {
      while (isSpace(source.charCodeAt(++at))) {}
      this.end = at
      return SPACE
    }
    if (isDigit(byte)) return this.#number(at)
    if (isWord(byte)) return this.#word(at)
    switch (byte) {
      case 0x27:
        return this.#quoted(at, STRING)
      case 0x22:
        return this.#quoted(at, this.mode.ansiQuotes ? NAME : STRING)
      case 0x60:
        return this.#quoted(at, NAME)
      case 0x23:
        return this.#line(at)
      case 0x2d:
        if (source.charCodeAt(at + 1) === 0x2d) return this.#dashes(at)
        break
      case 0x2f:
        if (source.charCodeAt(at + 1) === 0x2a) {
          this.end = at + 2
          return COMMENT_OPEN
        }
        break
      case 0x2e:
        if (isDigit(source.charCodeAt(at + 1)) && !this.#afterName) return this.#fraction(at)
        break
      case 0:
        return this.#fail('the statement holds a zero byte outside of quotes')
    }
    this.end = at + 1
    return PUNCTUATION
  }

  #fail(reason: string): number {
    this.error = reason
    this.end = this.source.length
    return ERROR
  }

  #dashes(at: number): number {
    const next = this.source.charCodeAt(at + 2)
    // A comment if a space or control character, or nothing, follows.
    if (Number.isNaN(next) || next <= 0x20 || next === 0x7f) return this.#line(at)
    this.end = at + 2
    return DASHES
  }

  #line(at: number): number {
    const line = this.source.indexOf('\n', at)
    this.end = line < 0 ? this.source.length : line
    return LINE_COMMENT
  }

  #word(at: number): number {
    const { source } = this
    let end = at
    let byte = source.charCodeAt(end)
    // 0xA0 is a space in latin1 and a part of letters in utf8: it would be read both ways.
    for (; isWord(byte); byte = source.charCodeAt(++end)) {
      if (byte === 0xa0) return this.#fail('an unquoted name holds a character that must be quoted with backticks')
    }
    if (byte === 0x27 && end === at + 1) {
      const prefix = source.charCodeAt(at) | 0x20
      if (prefix === 0x6e) return this.#prefixed(at, end)
      if (prefix === 0x78 || prefix === 0x62) return this.#digits(at, prefix === 0x78 ? HEX : BITS)
    }
    if (source.charCodeAt(at) === 0x24)
      return this.#fail('names that begin with a dollar sign must be quoted with backticks')
    this.end = end
    return WORD
  }

  #prefixed(start: number, quote: number): number {
    const kind = this.#quoted(quote, STRING)
    this.start = start
    return kind
  }

  /** x'41' and b'01' know no escapes. */
  #digits(at: number, form: RegExp): number {
    form.lastIndex = at + 1
    const found = form.exec(this.source)
    if (!found) return this.#fail('malformed hexadecimal or bit literal')
    this.end = form.lastIndex
    return STRING
  }

  #quoted(open: number, kind: number): number {
    const { source } = this
    const quote = source.charCodeAt(open)
    const escapes = kind === STRING && !this.mode.noBackslashEscapes
    for (let at = open + 1; at < source.length; at++) {
      const byte = source.charCodeAt(at)
      if (byte === 0x5c && escapes) at++
      else if (byte === quote) {
        if (source.charCodeAt(at + 1) !== quote) {
          this.end = at + 1
          return kind
        }
        at++
      } else if (byte === 0 && kind === NAME) return this.#fail('a quoted name holds a zero byte')
    }
    return this.#fail('a quote is not closed')
  }

  /** What begins with a digit: a number or, as in `2fa_tokens`, a name. */
  #number(at: number): number {
    const { source } = this
    let end = at
    while (isDigit(source.charCodeAt(end))) end++
    // After `t.` digits are a name.
    if (this.source.charCodeAt(at - 1) === 0x2e) return this.#word(at)
    const next = source.charCodeAt(end)
    if (next === 0x2e) return this.#fraction(end)
    if ((next | 0x20) === 0x65) {
      const exponent = this.#exponent(end)
      if (exponent > 0) {
        this.end = exponent
        return NUMBER
      }
    }
    if (!isWord(next)) {
      this.end = end
      return NUMBER
    }
    const kind = this.#word(at)
    if (kind === WORD && /^0(?:x[0-9A-Fa-f]+|b[01]+)$/.test(source.slice(at, this.end))) return NUMBER
    return kind
  }

  #fraction(dot: number): number {
    const { source } = this
    let end = dot + 1
    while (isDigit(source.charCodeAt(end))) end++
    if ((source.charCodeAt(end) | 0x20) === 0x65) {
      const exponent = this.#exponent(end)
      if (exponent > 0) end = exponent
    }
    this.end = end
    return NUMBER
  }

  /** The end of `e10`, `e-3`; 0 where it is no exponent or a longer word. */
  #exponent(at: number): number {
    const { source } = this
    let end = at + 1
    const sign = source.charCodeAt(end)
    const signed = sign === 0x2b || sign === 0x2d
    if (signed) end++
    const digits = end
    while (isDigit(source.charCodeAt(end))) end++
    if (end === digits || (!signed && isWord(source.charCodeAt(end)))) return 0
    return end
  }
}

const HEX = /'(?:[0-9A-Fa-f]{2})*'/y
const BITS = /'[01]*'/y

export function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

function isWord(byte: number): boolean {
  return WORD_BYTES[byte] === 1 || byte >= 0x80
}

const WORD_BYTES = new Uint8Array(128)
for (const char of '$_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ')
  WORD_BYTES[char.charCodeAt(0)] = 1
