import type { TextRange } from '@sluice/parsers'

const REDACTED = '<redacted>'

/**
 * A statement's text with `<redacted>` in the place of each range. Ranges are byte offsets in UTF-8, in any order, and may
 * overlap or touch; one that makes no sense hides the whole text.
 */
export function redactText(text: string | Buffer, ranges: readonly TextRange[]): string {
  if (ranges.length === 0) return typeof text === 'string' ? text : text.toString('utf8')
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  if (ranges.some(({ start, end }) => !(start >= 0 && start <= end && end <= bytes.length))) return REDACTED
  let redacted = ''
  let done = -1
  let from = 0
  for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start)) {
    if (start === end) continue
    if (start > done) redacted += bytes.toString('utf8', from, start) + REDACTED
    done = Math.max(done, end)
    from = done
  }
  return redacted + bytes.toString('utf8', from)
}
