/** MySQL's tokens as far as they matter to what can be left out of a large text. */
import {
  BROKEN,
  CLOSE,
  COMMA,
  COMMENT,
  END,
  INTRODUCER,
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
import * as lexical from './lexer.js'

export class MysqlScanner implements Scanner {
  innerStart = 0
  innerEnd = 0
  readonly #lexer: lexical.Lexer

  /** `source`: a canonical text's bytes as latin1. */
  constructor(source: string, mode: lexical.LexerMode) {
    this.#lexer = new lexical.Lexer(source, mode)
  }

  get start(): number {
    return this.#lexer.start
  }

  get end(): number {
    return this.#lexer.end
  }

  seek(position: number): void {
    this.#lexer.seek(position)
  }

  is(word: string): boolean {
    const { source, start, end } = this.#lexer
    return end - start === word.length && source.slice(start, end).toUpperCase() === word
  }

  next(): number {
    const lexer = this.#lexer
    let kind = lexer.next()
    while (kind === lexical.SPACE) kind = lexer.next()
    switch (kind) {
      case lexical.END:
        return END
      case lexical.WORD:
        return lexer.source.charCodeAt(lexer.start) === 0x5f && this.#introduces() ? INTRODUCER : WORD
      case lexical.STRING:
        return this.#string()
      case lexical.NUMBER:
        return NUMBER
      case lexical.PUNCTUATION:
        return PUNCTUATION[lexer.source.charCodeAt(lexer.start)] ?? OTHER
      case lexical.NAME:
        return OTHER
      case lexical.COMMENT_OPEN:
        return this.#hint()
    }
    // Neither comments nor `--1` are left in a canonical text.
    return BROKEN
  }

  #introduces(): boolean {
    return INTRODUCERS.some((word) => this.is(word))
  }

  #string(): number {
    const { source, start, end } = this.#lexer
    const first = source.charCodeAt(start)
    this.innerStart = first === 0x27 || first === 0x22 ? start + 1 : start + 2
    this.innerEnd = end - 1
    return STRING
  }

  #hint(): number {
    const lexer = this.#lexer
    const close = lexer.source.indexOf('*/', lexer.end)
    if (close < 0) return BROKEN
    lexer.seek(close + 2)
    return COMMENT
  }
}

const PUNCTUATION: Readonly<Record<number, number>> = {
  40: OPEN,
  41: CLOSE,
  44: COMMA,
  59: SEMICOLON,
  43: SIGN,
  45: SIGN,
  63: PARAMETER,
}

/** As mysqldump writes them. */
const INTRODUCERS = ['_BINARY', '_UTF8MB4', '_UTF8MB3', '_UTF8', '_LATIN1', '_ASCII']
