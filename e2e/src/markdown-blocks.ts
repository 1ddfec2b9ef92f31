/**
 * The fenced blocks of a Markdown page, with what a comment in front of each says about testing it. The comment does not show
 * in the rendered page:
 *
 *     <!-- test: file policy.yaml -->        the block becomes this file in the walkthrough's folder
 *     <!-- test: config -->                  sections of sluice.yaml that `sluice check` must accept
 *     <!-- test: policy -->                  a policy, or rules of one, that `sluice check` must accept
 *     <!-- test: console -->                 `$ command` lines, each with the output that must come
 *     <!-- test: console exit 1 -->          the last command must exit with this status
 *     <!-- test: serve -->                   starts the gateway, which runs from here on
 *     <!-- test: none (why) -->              not tested
 *
 * In shown output `...` stands for anything in a line, and a line of its own for any lines.
 */
export interface Block {
  /** `README.md:42`, the line of the opening fence. */
  readonly place: string
  readonly kind: 'file' | 'config' | 'policy' | 'console' | 'serve' | 'none' | 'unmarked'
  /** What stands behind the kind in the comment. */
  readonly argument: string
  readonly text: string
}

const MARKER = /^\s*<!-- test: (file|config|policy|console|serve|none)(?: (.*))? -->\s*$/
const FENCE = /^(\s*)(`{3,}|~{3,})/

export function markdownBlocks(page: string, markdown: string): Block[] {
  const lines = markdown.split('\n')
  const blocks: Block[] = []
  for (let i = 0; i < lines.length; i++) {
    const fence = FENCE.exec(lines[i]!)
    if (!fence) continue
    const opening = i
    const text: string[] = []
    for (i++; i < lines.length && lines[i]!.trim() !== fence[2]; i++) {
      text.push(lines[i]!.startsWith(fence[1]!) ? lines[i]!.slice(fence[1]!.length) : lines[i]!)
    }
    const marker = MARKER.exec(lines[opening - 1] ?? '')
    blocks.push({
      place: `${page}:${opening + 1}`,
      kind: (marker?.[1] as Block['kind'] | undefined) ?? 'unmarked',
      argument: marker?.[2] ?? '',
      text: `${text.join('\n')}\n`,
    })
  }
  return blocks
}

/** Targets of links to files of the project, without what stands behind `#`. */
export function localLinks(markdown: string): string[] {
  return [...markdown.matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, target]) => target!)
}

const SESSION_ID = /\b[0-9a-z]{9}-[0-9a-z]{8}\b/g
const HASH = /\b[0-9a-f]{64}\b/g

/** Session ids and hashes that a page shows, and what really came in their place. */
export class Names {
  readonly #real = new Map<string, string>()

  /** The page's text with the real names that are known. */
  real(shown: string): string {
    return [SESSION_ID, HASH].reduce((so, kind) => so.replace(kind, (name) => this.#real.get(name) ?? name), shown)
  }

  /**
   * Does output look as the page shows it? Blanks at the ends of lines do not count, and what differs each time (times, durations)
   * stands for any of its kind. So does a session or hash on its first sight; from then on it must be the same one.
   */
  looksLike(shown: string, actual: string): boolean {
    const known = new Set(this.#real.values())
    const pattern = tidy(this.real(shown), known)
      .split('\n')
      .map((line) => (line.trim() === '...' ? '(?:.*\\n)*?' : `${line.split('...').map(escaped).join('.*?')}\\n`))
      .join('')
    if (!new RegExp(`^${pattern}$`).test(`${tidy(actual, known)}\n`)) return false
    for (const kind of [SESSION_ID, HASH]) {
      const came = actual.match(kind) ?? []
      shown.match(kind)?.forEach((name, i) => {
        if (came[i] !== undefined && !this.#real.has(name)) this.#real.set(name, came[i])
      })
    }
    return true
  }
}

function tidy(text: string, known: ReadonlySet<string>): string {
  return text
    .replace(SESSION_ID, (name) => (known.has(name) ? name : '<session>'))
    .replace(HASH, (name) => (known.has(name) ? name : '<hash>'))
    .replace(/\b\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?Z?)?/g, '<time>')
    .replace(/^ *\d+:\d\d\.\d{3}\b/gm, '<clock>')
    .replace(/\b\d+(\.\d+)? (ms|s|min)\b/g, '<duration>')
    .replace(/[ \t]+$/gm, '')
    .replace(/\n+$/, '')
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
