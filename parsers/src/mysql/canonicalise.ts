import type { MysqlMode, TextRange } from '../facts.js'
import type { TextSegment } from '../reading.js'
import { UnanalysableError } from '../unanalysable-error.js'
import { COMMENT_OPEN, DASHES, END, ERROR, Lexer, LINE_COMMENT, lexerMode, SPACE, WORD } from './lexer.js'

export interface Canonical {
  readonly text: Buffer
  /** Undefined where nothing was changed. */
  readonly segments?: readonly TextSegment[]
}

/**
 * The text with nothing left in it that servers read in different ways: executable comments expanded for the server
 * (Comments, 11.7), other comments dropped, `--1` parted. Line breaks stay where they are, and a text that needs no
 * change is returned as the same Buffer.
 * @throws UnanalysableError `syntax` where something is not closed, `unknown` for nested comments.
 */
export function canonicalise(original: Buffer, mode: MysqlMode): Canonical {
  const text = withoutEndingZero(original)
  const source = text.toString('latin1')
  if (!SUSPECT.test(source)) return { text }
  return new Canonicaliser(source, mode).run(text)
}

/** One zero byte at the end is legal and means nothing. */
export function withoutEndingZero(text: Buffer): Buffer {
  return text.at(-1) === 0 ? text.subarray(0, -1) : text
}

/** Servers answer comments alone with OK, and nothing at all with an error: `mysql` sends what stands between statements. */
const ONLY_COMMENTS = '/**/'

/** What any comment and `--` begin with. */
const SUSPECT = /--|#|\/\*/

class Canonicaliser {
  readonly #source: string
  readonly #mode: MysqlMode
  readonly #lexer: Lexer
  readonly #parts: string[] = []
  readonly #segments: TextSegment[] = []
  #length = 0
  #copied = 0
  /** Inside an executable comment that is expanded. */
  #expanding = false
  /** The word before, past spaces: an optimizer hint stands right after some words, and is a comment elsewhere. */
  #lastWord = ''

  constructor(source: string, mode: MysqlMode) {
    this.#source = source
    this.#mode = mode
    this.#lexer = new Lexer(source, lexerMode(mode.sqlMode))
  }

  run(original: Buffer): Canonical {
    const lexer = this.#lexer
    for (;;) {
      const kind = lexer.next()
      if (kind === END) break
      if (kind === ERROR) throw new UnanalysableError('syntax', lexer.error)
      if (this.#expanding && this.#closes()) continue
      if (kind === SPACE) continue
      if (kind === LINE_COMMENT || kind === COMMENT_OPEN) {
        if (kind === LINE_COMMENT) this.#lineComment()
        else this.#comment()
        this.#lastWord = ''
      } else {
        if (kind === DASHES) {
          this.#replace(lexer.start, lexer.start + 1, '- ')
          lexer.seek(lexer.start + 1)
        }
        this.#lastWord = kind === WORD ? this.#source.slice(lexer.start, lexer.end).toUpperCase() : ''
      }
    }
    if (this.#expanding) throw new UnanalysableError('syntax', 'a comment is not closed')
    if (this.#segments.length === 0) return { text: original }
    this.#parts.push(this.#source.slice(this.#copied))
    const text = this.#parts.join('')
    return { text: Buffer.from(text.trim() === '' ? ONLY_COMMENTS : text, 'latin1'), segments: this.#segments }
  }

  /** Puts something else in the place of `[start, end)`. */
  #replace(start: number, end: number, by: string): void {
    const kept = this.#source.slice(this.#copied, start)
    this.#parts.push(kept, by)
    this.#length += kept.length + by.length
    this.#copied = end
    this.#segments.push({ start: this.#length, shift: end - this.#length })
  }

  /** The end of an executable comment. */
  #closes(): boolean {
    const { start, end } = this.#lexer
    if (end !== start + 1 || this.#source.charCodeAt(start) !== 0x2a || this.#source.charCodeAt(end) !== 0x2f)
      return false
    this.#expanding = false
    this.#replace(start, end + 1, ' ')
    this.#lexer.seek(end + 1)
    return true
  }

  #lineComment(): void {
    const { start, end } = this.#lexer
    // The server looks for the end of an executable comment in a line comment, or not, as its version has it.
    if (this.#expanding) throw new UnanalysableError('unknown', 'a comment inside an executable comment')
    this.#replace(start, end, ' ')
  }

  #comment(): void {
    const { start, end } = this.#lexer
    if (this.#expanding) throw new UnanalysableError('unknown', 'a comment inside an executable comment')
    const opening = this.#source.slice(end, end + 8)
    if (opening.startsWith('+') && HINTED.has(this.#lastWord)) {
      this.#hint(start)
      return
    }
    const executable = /^(M?)!(\d*)/.exec(opening)
    if (!executable || (executable[1] === 'M' && this.#mode.flavour === 'mysql')) {
      this.#drop(start)
      return
    }
    const forMariadb = executable[1] === 'M'
    const digits = this.#versionDigits(executable[2]!)
    if (digits > 0 && !this.#runs(Number(executable[2]!.slice(0, digits)), forMariadb)) {
      this.#drop(start, true)
      return
    }
    const body = end + 1 + executable[1]!.length + digits
    this.#expanding = true
    this.#replace(start, body, ' ')
    this.#lexer.seek(body)
  }

  /** How many digits are the version: six, five or, without any meaning, none. */
  #versionDigits(digits: string): number {
    if (digits.length < 5) return 0
    if (digits.length === 5) return 5
    // Six digits are MySQL 8.0's reading; before, the sixth was a part of the statement.
    const sixDigits = this.#mode.flavour === 'mariadb' || this.#mode.version >= 80000
    if (digits.length > 6 || !sixDigits)
      throw new UnanalysableError('unknown', 'an executable comment with an ambiguous version')
    return 6
  }

  #runs(version: number, forMariadb: boolean): boolean {
    if (version > this.#mode.version) return false
    // MariaDB passes by what is for MySQL 5.7 and later.
    return this.#mode.flavour === 'mysql' || forMariadb || version < 50700 || version > 99999
  }

  /** A plain comment ends at the first end; one that is not executed may hold others. */
  #drop(start: number, executable = false): void {
    const end = this.#source.indexOf('*/', start + 2)
    if (end < 0) throw new UnanalysableError('syntax', 'a comment is not closed')
    const body = this.#source.slice(start + 2, end)
    if (executable && body.includes('/*'))
      throw new UnanalysableError('unknown', 'a comment inside an executable comment')
    this.#replace(start, end + 2, ` ${body.replace(/[^\n]+/g, '')}`)
    this.#lexer.seek(end + 2)
  }

  #hint(start: number): void {
    const end = this.#source.indexOf('*/', start + 3)
    if (end < 0) throw new UnanalysableError('syntax', 'an optimizer hint is not closed')
    const body = this.#source.slice(start + 3, end)
    if (/\/\*|[`"'\\]/.test(body.replace(/`[^`*/]*`|'[^'*/\\]*'|"[^"*/\\]*"/g, ''))) {
      throw new UnanalysableError('unknown', 'an optimizer hint that cannot be read')
    }
    this.#lexer.seek(end + 2)
  }
}

/** The words that an optimizer hint may follow (Optimizer Hints, 10.9.3). */
const HINTED = new Set(['SELECT', 'INSERT', 'REPLACE', 'UPDATE', 'DELETE'])

/** Ranges of the canonical text, as ranges of the original. */
export function mapRanges(ranges: readonly TextRange[], segments: readonly TextSegment[]): TextRange[] {
  const original = (position: number): number => {
    let shift = 0
    for (const segment of segments) {
      if (segment.start > position) break
      shift = segment.shift
    }
    return position + shift
  }
  return ranges.map(({ start, end }) => ({ start: original(start), end: original(end - 1) + 1 }))
}
