import { COMMENT_OPEN, END, ERROR, Lexer, type LexerMode, NUMBER, STRING } from './lexer.js'

/** Longer texts are seldom repeated with other values. */
const MAX_LENGTH = 4096

/**
 * The canonical text with a placeholder for each number and string, as a key for facts that do not depend on them;
 * undefined for statements other than queries and changes of rows.
 */
export function literalFree(source: string, mode: LexerMode): string | undefined {
  if (source.length > MAX_LENGTH || !/^[\s(]*(?:select|insert|update|delete|replace|with)\b/i.test(source))
    return undefined
  const lexer = new Lexer(source, mode)
  let shape = ''
  let copied = 0
  for (;;) {
    const kind = lexer.next()
    if (kind === END) return shape + source.slice(copied)
    if (kind === ERROR) return undefined
    if (kind === COMMENT_OPEN) {
      const close = source.indexOf('*/', lexer.end)
      if (close < 0) return undefined
      lexer.seek(close + 2)
    } else if (kind === NUMBER || kind === STRING) {
      shape += `${source.slice(copied, lexer.start)}${kind === NUMBER ? '0' : "''"}`
      copied = lexer.end
    }
  }
}
