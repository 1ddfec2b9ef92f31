/** Patterns of names in a policy: `*` stands for any run of characters, parts are divided by dots, quotes keep case and stars. */

/** Whether names are compared as PostgreSQL does (unquoted folds to lower case), exactly, or without regard to case. */
export type Comparison = 'postgres' | 'exact' | 'caseless'

interface Part {
  readonly text: string
  readonly quoted: boolean
  readonly matchers: Record<Comparison, (name: string) => boolean>
}

export interface NamePattern {
  readonly source: string
  /** From the most general to the most particular: schema, table, column. */
  readonly parts: readonly Part[]
}

/** Reads a pattern of 1 to `most` parts. Returns an error's text where it is not one. */
export function parseNamePattern(source: string, most: number): NamePattern | string {
  const parts: Part[] = []
  let rest = source
  for (;;) {
    const found = /^(?:"((?:[^"]|"")+)"|`((?:[^`]|``)+)`|([^\s."`]+))(\.|$)/u.exec(rest)
    if (found === null)
      return `\`${source}\` is not a name; quote what has dots or blanks in it: \`"my schema".orders\``
    const [whole, double, back, bare, dot] = found
    parts.push(
      bare !== undefined
        ? makePart(bare, false)
        : makePart(double !== undefined ? double.replaceAll('""', '"') : (back as string).replaceAll('``', '`'), true),
    )
    rest = rest.slice(whole.length)
    if (dot === '') break
  }
  if (parts.length > most) return `\`${source}\` has ${parts.length} parts where ${most} are known`
  return { source, parts }
}

/** A pattern of one part, in which dots and quotes are ordinary characters: users, groups, databases. */
export function literalName(source: string): NamePattern {
  return { source, parts: [makePart(source, false)] }
}

/** Does part `fromEnd` (0 is the last) match? A part that the pattern leaves out matches every name. */
export function partMatches(pattern: NamePattern, fromEnd: number, name: string, comparison: Comparison): boolean {
  const part = pattern.parts[pattern.parts.length - 1 - fromEnd]
  return part === undefined || part.matchers[comparison](name)
}

/** The pattern leaves part `fromEnd` out, or it is `*` alone. */
export function partIsOpen(pattern: NamePattern, fromEnd: number): boolean {
  const part = pattern.parts[pattern.parts.length - 1 - fromEnd]
  return part === undefined || (!part.quoted && /^\*+$/.test(part.text))
}

/** The pattern's last part is a plain name, without `*`. */
export function namesOneThing(pattern: NamePattern): boolean {
  const last = pattern.parts.at(-1)
  return last !== undefined && (last.quoted || !last.text.includes('*'))
}

function makePart(text: string, quoted: boolean): Part {
  const folded = quoted ? text : text.toLowerCase()
  return {
    text,
    quoted,
    matchers: {
      postgres: matcher(folded, quoted),
      exact: matcher(text, quoted),
      caseless: caselessly(matcher(text.toLowerCase(), quoted)),
    },
  }
}

function caselessly(matches: (name: string) => boolean): (name: string) => boolean {
  return (name) => matches(name.toLowerCase())
}

function matcher(text: string, quoted: boolean): (name: string) => boolean {
  if (quoted || !text.includes('*')) return (name) => name === text
  if (/^\*+$/.test(text)) return () => true
  const pieces = text.split(/\*+/)
  const first = pieces[0] as string
  const last = pieces.at(-1) as string
  const middle = pieces.slice(1, -1)
  // By hand and not by a RegExp: linear, whatever the pattern.
  return (name) => {
    if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false
    let at = first.length
    const end = name.length - last.length
    for (const piece of middle) {
      const found = name.indexOf(piece, at)
      if (found === -1 || found + piece.length > end) return false
      at = found + piece.length
    }
    return true
  }
}
