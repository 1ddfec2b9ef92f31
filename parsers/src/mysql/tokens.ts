import { UnanalysableError } from '../unanalysable-error.js'
import { COMMENT_OPEN, END, ERROR, Lexer, type LexerMode, NAME, NUMBER, SPACE, STRING, WORD } from './lexer.js'

/** A token of a canonical text. */
export interface Token {
  readonly kind: 'word' | 'name' | 'string' | 'number' | 'punctuation'
  /** Byte offsets in the canonical text. */
  readonly start: number
  readonly end: number
  /** Words in upper case; names without their quotes; the rest as written. */
  readonly text: string
  /** What a word or name stands for as an identifier. */
  readonly name: string
}

/** The tokens of a canonical text, optimizer hints left out but for what they set. */
export interface Tokens {
  readonly list: readonly Token[]
  readonly hints: readonly string[]
}

/** @throws UnanalysableError `syntax` or `unknown` where the text cannot be cut. */
export function tokenize(source: string, mode: LexerMode): Tokens {
  const lexer = new Lexer(source, mode)
  const list: Token[] = []
  const hints: string[] = []
  for (;;) {
    const kind = lexer.next()
    const { start, end } = lexer
    if (kind === END) return { list, hints }
    if (kind === SPACE) continue
    if (kind === ERROR) throw new UnanalysableError('syntax', lexer.error)
    if (kind === COMMENT_OPEN) {
      // Only optimizer hints are left in a canonical text.
      const close = source.indexOf('*/', end)
      if (close < 0) throw new UnanalysableError('syntax', 'a comment is not closed')
      hints.push(decode(source.slice(end + 1, close)))
      lexer.seek(close + 2)
      continue
    }
    const raw = source.slice(start, end)
    if (kind === WORD) list.push({ kind: 'word', start, end, text: raw.toUpperCase(), name: decode(raw) })
    else if (kind === NAME) {
      const quote = raw[0]!
      const text = decode(raw.slice(1, -1).replaceAll(quote + quote, quote))
      list.push({ kind: 'name', start, end, text, name: text })
    } else if (kind === STRING) list.push({ kind: 'string', start, end, text: raw, name: '' })
    else if (kind === NUMBER) list.push({ kind: 'number', start, end, text: raw, name: '' })
    else
      for (let at = start; at < end; at++)
        list.push({ kind: 'punctuation', start: at, end: at + 1, text: source[at]!, name: '' })
  }
}

/** Names are utf8, whatever the connection's character set made of them. */
function decode(latin1: string): string {
  return /[\x80-\xff]/.test(latin1) ? Buffer.from(latin1, 'latin1').toString('utf8') : latin1
}

/** The text of a string token without quotes and escapes. */
export function stringValue(token: Token): string {
  const open = token.text.search(/['"]/)
  const quote = token.text[open]!
  const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', 0: '\0', b: '\b', Z: '\x1a' }
  return decode(
    token.text
      .slice(open + 1, -1)
      .replace(/\\(.)|(['"])\2/gs, (whole, escaped: string | undefined, doubled: string | undefined) =>
        escaped !== undefined ? (escapes[escaped] ?? escaped) : doubled === quote ? quote : whole,
      ),
  )
}

/** A place in a list of tokens, for the small grammars. */
export class Cursor {
  readonly tokens: readonly Token[]
  at: number
  readonly end: number

  constructor(tokens: readonly Token[], at = 0, end = tokens.length) {
    this.tokens = tokens
    this.at = at
    this.end = end
  }

  peek(ahead = 0): Token | undefined {
    const at = this.at + ahead
    return at < this.end ? this.tokens[at] : undefined
  }

  get done(): boolean {
    return this.at >= this.end
  }

  /** True where these keywords or punctuation come next. */
  sees(...words: string[]): boolean {
    return words.every((word, i) => isWord(this.peek(i), word))
  }

  /** Passes these by if they come next. */
  accept(...words: string[]): boolean {
    if (!this.sees(...words)) return false
    this.at += words.length
    return true
  }

  /** Passes by the one of these that comes next and says which. */
  acceptAny(...words: string[]): string | undefined {
    const found = words.find((word) => this.sees(word))
    if (found !== undefined) this.at++
    return found
  }

  /** An identifier, a keyword that is used as one included. */
  identifier(): string | undefined {
    const token = this.peek()
    if (token?.kind !== 'word' && token?.kind !== 'name') return undefined
    this.at++
    return token.name
  }

  /** `name` or `schema.name`. */
  qualified(): { schema: string | undefined; name: string } | undefined {
    // `.name` is the current database's.
    if (this.sees('.')) this.at++
    const first = this.identifier()
    if (first === undefined) return undefined
    if (!this.sees('.') || this.peek(1)?.kind === 'punctuation') return { schema: undefined, name: first }
    this.at++
    return { schema: first, name: this.identifier()! }
  }

  /** Passes by what is in parentheses, which come next. */
  skipParentheses(): void {
    let depth = 0
    do {
      if (this.sees('(')) depth++
      else if (this.sees(')')) depth--
      this.at++
    } while (depth > 0 && !this.done)
  }
}

/** True for this keyword or punctuation, unquoted. */
export function isWord(token: Token | undefined, word: string): boolean {
  return token !== undefined && token.text === word && (token.kind === 'word' || token.kind === 'punctuation')
}
