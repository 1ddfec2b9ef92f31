/**
 * What a parser need not read of a large text: what stands in long string literals, and the rows of INSERT ... VALUES and REPLACE
 * ... VALUES that are nothing but literals, like the row before them. Neither names a relation or calls a function.
 */

/** The kinds of tokens that matter here. `BROKEN`: the scanner does not know how the server would read on. */
export const END = 0
export const BROKEN = 1
export const WORD = 2
export const STRING = 3
export const NUMBER = 4
export const PARAMETER = 5
export const SIGN = 6
export const OPEN = 7
export const CLOSE = 8
export const COMMA = 9
export const SEMICOLON = 10
/** Before a string: says its character set. */
export const INTRODUCER = 11
export const COMMENT = 12
export const OTHER = 13

/** Cuts a dialect's text into tokens, white space left out. */
export interface Scanner {
  /** The token under way, `[start, end)`. */
  readonly start: number
  readonly end: number
  /** What stands between the quotes of a STRING. */
  readonly innerStart: number
  readonly innerEnd: number
  next(): number
  /** Goes on from another place, at which a token begins. */
  seek(position: number): void
  /** The word under way is this one, whatever its case; `word` is in upper case. */
  is(word: string): boolean
}

/** Shorter literals are left where they are. */
const LONG = 32

/** Where in a list of rows the text is. */
type Place = 'elsewhere' | 'before a row' | 'in a row' | 'after a row' | 'before another row'

/**
 * The ranges that can be left out, as start, end, start, end, in order; undefined where the scanner cannot tell. What is left
 * parses as the whole does if the server takes the whole.
 */
export function collapsible(scanner: Scanner): number[] | undefined {
  const ranges: number[] = []
  let place: Place = 'elsewhere'
  let depth = 0
  let first = true
  let inserts = false
  /** How many items the row before has, and where it ends; 0: it holds more than literals. */
  let items = 0
  let rowEnd = 0
  for (;;) {
    const kind = scanner.next()
    if (kind === BROKEN) return undefined
    if (kind === END) return ranges
    if (kind === OPEN && (place === 'before a row' || place === 'before another row')) {
      const open = scanner.start
      const row = literalRow(scanner)
      if (row.items > 0) {
        if (place === 'before another row' && row.items === items) leaveOut(ranges, rowEnd, scanner.end)
        else for (let i = 0; i < row.strings.length; i += 2) leaveOut(ranges, row.strings[i]!, row.strings[i + 1]!)
        items = row.items
        rowEnd = scanner.end
        place = 'after a row'
        continue
      }
      scanner.seek(open + 1)
      depth++
      place = 'in a row'
      continue
    }
    if (kind === OPEN) depth++
    else if (kind === CLOSE) {
      if (--depth < 0) return undefined
      if (depth === 0 && place === 'in a row') {
        items = 0
        place = 'after a row'
        continue
      }
    } else if (kind === STRING && scanner.innerEnd - scanner.innerStart > LONG) {
      leaveOut(ranges, scanner.innerStart, scanner.innerEnd)
    }
    if (depth > 0) {
      if (place !== 'in a row') place = 'elsewhere'
    } else if (kind === COMMA && place === 'after a row') place = 'before another row'
    else if (kind === WORD && inserts && (scanner.is('VALUES') || scanner.is('VALUE'))) place = 'before a row'
    else place = 'elsewhere'
    if (kind === SEMICOLON && depth === 0) {
      first = true
      inserts = false
    } else if (kind !== COMMENT) {
      if (first) inserts = kind === WORD && (scanner.is('INSERT') || scanner.is('REPLACE'))
      first = false
    }
  }
}

interface Row {
  readonly items: number
  /** The insides of its long strings, as ranges. */
  readonly strings: readonly number[]
}

const NO_ROW: Row = { items: 0, strings: [] }

/** After an opening parenthesis: literals, DEFAULT and parameters to the closing one, or no such row. */
function literalRow(scanner: Scanner): Row {
  const strings: number[] = []
  for (let items = 1; ; items++) {
    let kind = scanner.next()
    if (kind === SIGN) {
      do kind = scanner.next()
      while (kind === SIGN)
      if (kind !== NUMBER) return NO_ROW
    } else if (kind === INTRODUCER) {
      kind = scanner.next()
      if (kind !== STRING) return NO_ROW
    }
    if (kind === STRING) {
      if (scanner.innerEnd - scanner.innerStart > LONG) strings.push(scanner.innerStart, scanner.innerEnd)
    } else if (kind === WORD) {
      if (!LITERALS.some((word) => scanner.is(word))) return NO_ROW
    } else if (kind !== NUMBER && kind !== PARAMETER) return NO_ROW
    kind = scanner.next()
    if (kind === CLOSE) return { items, strings }
    if (kind !== COMMA) return NO_ROW
  }
}

const LITERALS = ['NULL', 'DEFAULT', 'TRUE', 'FALSE']

function leaveOut(ranges: number[], start: number, end: number): void {
  if (ranges.at(-1) === start) ranges[ranges.length - 1] = end
  else ranges.push(start, end)
}

/** The text without these ranges. */
export function without(text: Buffer, ranges: readonly number[]): Buffer {
  let length = text.length
  for (let i = 0; i < ranges.length; i += 2) length -= ranges[i + 1]! - ranges[i]!
  const rest = Buffer.allocUnsafe(length)
  let at = 0
  let copied = 0
  for (let i = 0; i < ranges.length; i += 2) {
    at += text.copy(rest, at, copied, ranges[i]!)
    copied = ranges[i + 1]!
  }
  text.copy(rest, at, copied)
  return rest
}
