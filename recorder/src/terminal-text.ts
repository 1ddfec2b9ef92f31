/** Text of others on a terminal: made harmless, measured, cut and wrapped. */

const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Shows control characters, those that turn the writing direction or are invisible, and half characters as escapes. */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const named = NAMED[character]
    if (named !== undefined) return named
    const code = character.codePointAt(0)!
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}

const ZERO = /^\p{M}$/u
const WIDE =
  /^[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]$/u

/** Columns that a text takes: East Asian characters and emoji two, combining marks none. */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of text) width += characterWidth(character)
  return width
}

function characterWidth(character: string): number {
  if (character < '\u0300') return 1
  if (ZERO.test(character)) return 0
  return WIDE.test(character) || character >= '\u{20000}' ? 2 : 1
}

/** At most `columns` wide, with `…` where something was cut off. */
export function cut(text: string, columns: number): string {
  if (text.length <= columns && displayWidth(text) <= columns) return text
  let width = 0
  let kept = ''
  for (const character of text) {
    width += characterWidth(character)
    if (width > columns - 1) break
    kept += character
  }
  return `${kept}…`
}

/** Lines of at most `columns`, broken at spaces where there are some. Nothing is lost. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  let width = 0
  let space = -1
  for (const character of text) {
    width += characterWidth(character)
    line += character
    if (width > columns) {
      const at = space > 0 ? space : line.length - character.length
      lines.push(line.slice(0, at))
      line = line.slice(at)
      width = displayWidth(line)
      space = -1
    }
    if (character === ' ') space = line.length
  }
  return [...lines, line]
}

export function pad(text: string, columns: number, right: boolean): string {
  const fill = ' '.repeat(Math.max(0, columns - displayWidth(text)))
  return right ? fill + text : text + fill
}
