/**
 * PostgreSQL's lexer (src/backend/parser/scan.l) as far as it must be known to tell literals from the rest, with
 * standard_conforming_strings on. Where this one is not sure, it is BROKEN.
 */
import {
  BROKEN,
  CLOSE,
  COMMA,
  COMMENT,
  END,
  NUMBER,
  OPEN,
  OTHER,
  PARAMETER,
  type Scanner,
  SEMICOLON,
  SIGN,
  STRING,
  WORD,
} from '../collapse.js'

export class PostgresScanner implements Scanner {
  start = 0
  end = 0
  innerStart = 0
  innerEnd = 0
  readonly #text: Buffer

  /** `text`: valid UTF-8. */
  constructor(text: Buffer) {
    this.#text = text
  }

  seek(position: number): void {
    this.end = position
  }

  is(word: string): boolean {
    if (this.end - this.start !== word.length) return false
    for (let i = 0; i < word.length; i++) {
      if ((this.#text[this.start + i]! & 0xdf) !== word.charCodeAt(i)) return false
    }
    return true
  }

  next(): number {
    const text = this.#text
    let at = this.end
    while (isSpace(text[at])) at++
    this.start = at
    const byte = text[at]
    if (byte === undefined) return END
    this.end = at + 1
    if (byte >= 0x80 || KIND[byte] === LETTER) return this.#word(at, byte)
    if (KIND[byte] === DIGIT) return this.#number(at)
    switch (byte) {
      case QUOTE:
        return this.#quoted(at)
      case 0x22:
        return this.#name(at)
      case DOLLAR:
        return this.#dollar(at)
      case 0x2d:
        return text[at + 1] === 0x2d ? this.#lineComment(at) : SIGN
      case 0x2b:
        return SIGN
      case 0x2f:
        return text[at + 1] === 0x2a ? this.#comment(at) : OTHER
      case 0x28:
        return OPEN
      case 0x29:
        return CLOSE
      case 0x2c:
        return COMMA
      case 0x3b:
        return SEMICOLON
      case 0x00:
      case 0x0b:
      case 0x5c:
        return BROKEN
    }
    return OTHER
  }

  #word(start: number, byte: number): number {
    const text = this.#text
    const next = text[start + 1]
    const prefix = byte | 0x20
    if (next === QUOTE) {
      if (prefix === 0x65) return this.#escaped(start + 1)
      if (prefix === 0x62 || prefix === 0x78) return this.#digits(start + 1)
      if (prefix === 0x6e) return this.#quoted(start + 1)
    }
    if (prefix === 0x75 && next === 0x26) {
      if (text[start + 2] === QUOTE) return this.#quoted(start + 2)
      if (text[start + 2] === 0x22) return this.#name(start + 2)
    }
    let at = start + 1
    while (isWordByte(text[at])) at++
    this.end = at
    return WORD
  }

  /** Digits, a fraction, an exponent. What else versions take for a number, or for a number and a word, is BROKEN. */
  #number(start: number): number {
    const text = this.#text
    let at = start + 1
    while (isDigit(text[at])) at++
    if (text[at] === 0x2e) {
      at++
      while (isDigit(text[at])) at++
    }
    if ((text[at] ?? 0) === 0x65 || text[at] === 0x45) {
      at++
      if (text[at] === 0x2b || text[at] === 0x2d) at++
      if (!isDigit(text[at])) return BROKEN
      while (isDigit(text[at])) at++
    }
    if (isWordByte(text[at]) || text[at] === QUOTE) return BROKEN
    this.end = at
    return NUMBER
  }

  /** Two quotes are one. */
  #quoted(open: number): number {
    const text = this.#text
    for (let from = open + 1; ; ) {
      const quote = text.indexOf(QUOTE, from)
      if (quote < 0) return BROKEN
      if (text[quote + 1] !== QUOTE) return this.#string(open + 1, quote, quote + 1)
      from = quote + 2
    }
  }

  #escaped(open: number): number {
    const text = this.#text
    for (let at = open + 1; at < text.length; at++) {
      const byte = text[at]
      if (byte === 0x5c) at++
      else if (byte === QUOTE) {
        if (text[at + 1] !== QUOTE) return this.#string(open + 1, at, at + 1)
        at++
      }
    }
    return BROKEN
  }

  /** B'01' and X'41' know no doubled quotes. */
  #digits(open: number): number {
    const quote = this.#text.indexOf(QUOTE, open + 1)
    if (quote < 0 || this.#text[quote + 1] === QUOTE) return BROKEN
    return this.#string(open + 1, quote, quote + 1)
  }

  #string(innerStart: number, innerEnd: number, end: number): number {
    const text = this.#text
    let at = end
    while (isSpace(text[at])) at++
    // It may go on in the next line, by the rules of the one before; comments may stand between, or not.
    if (text[at] === QUOTE || (text[at] === 0x2d && text[at + 1] === 0x2d)) return BROKEN
    this.innerStart = innerStart
    this.innerEnd = innerEnd
    this.end = end
    return STRING
  }

  #name(open: number): number {
    const text = this.#text
    for (let from = open + 1; ; ) {
      const quote = text.indexOf(0x22, from)
      if (quote < 0) return BROKEN
      if (text[quote + 1] !== 0x22) {
        this.end = quote + 1
        return OTHER
      }
      from = quote + 2
    }
  }

  /** `$1`, `$$...$$`, `$tag$...$tag$` */
  #dollar(start: number): number {
    const text = this.#text
    let at = start + 1
    if (isDigit(text[at])) {
      while (isDigit(text[at])) at++
      if (isWordByte(text[at])) return BROKEN
      this.end = at
      return PARAMETER
    }
    while (isWordByte(text[at]) && text[at] !== DOLLAR) at++
    if (text[at] !== DOLLAR) return BROKEN
    const tag = text.subarray(start, at + 1)
    const close = text.indexOf(tag, at + 1)
    if (close < 0 || isWordByte(text[close + tag.length])) return BROKEN
    return this.#string(at + 1, close, close + tag.length)
  }

  #lineComment(start: number): number {
    const text = this.#text
    let at = start
    while (at < text.length && text[at] !== 0x0a && text[at] !== 0x0d) at++
    this.end = at
    return COMMENT
  }

  /** Comments nest. */
  #comment(start: number): number {
    const text = this.#text
    let depth = 1
    for (let at = start + 2; at < text.length; at++) {
      if (text[at] === 0x2a && text[at + 1] === 0x2f) {
        at++
        if (--depth === 0) {
          this.end = at + 1
          return COMMENT
        }
      } else if (text[at] === 0x2f && text[at + 1] === 0x2a) {
        at++
        depth++
      }
    }
    return BROKEN
  }
}

const QUOTE = 0x27
const DOLLAR = 0x24
const LETTER = 1
const DIGIT = 2
const KIND = new Uint8Array(128)
for (let byte = 0; byte < 128; byte++) {
  const char = String.fromCharCode(byte)
  if (/[A-Za-z_]/.test(char)) KIND[byte] = LETTER
  else if (/[0-9]/.test(char)) KIND[byte] = DIGIT
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

function isWordByte(byte: number | undefined): boolean {
  return byte !== undefined && (byte >= 0x80 || KIND[byte] !== 0 || byte === DOLLAR)
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x09 || byte === 0x0d || byte === 0x0c
}
