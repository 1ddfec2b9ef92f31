import type { RecordedValue, SessionEvent } from './events.js'
import { cut, displayWidth, escapeControls, pad } from './terminal-text.js'

type Result = SessionEvent & { type: 'result' }

const ROWS = 40
const CELL = 48
const MIN_CELL = 6

/** A result's rows as aligned lines, at most `columns` wide; masked columns say so in their heading. */
export function renderTable(result: Result, columns: number): string[] {
  if (result.columns.length === 0) return []
  const rows = result.rows.slice(0, ROWS).map((row) => row.map(renderValue))
  const heads = result.columns.map((column) => escapeControls(column.name) + (column.masked ? ' (masked)' : ''))
  const wanted = heads.map((head, i) =>
    Math.min(CELL, Math.max(displayWidth(head), ...rows.map((row) => displayWidth(row[i] ?? '')))),
  )
  const widths = fit(wanted, columns)
  const right = result.columns.map((column) => /int|numeric|decimal|float|double|money|serial|year/i.test(column.type))
  const line = (cells: readonly string[], heading: boolean) =>
    widths
      .map((width, i) => pad(cut(cells[i] ?? '', width), width, !heading && right[i]!))
      .join(' │ ')
      .trimEnd()
  const lines = [
    line(heads, true),
    widths.map((width) => '─'.repeat(width)).join('─┼─'),
    ...rows.map((row) => line(row, false)),
  ]
  if (widths.length < heads.length) lines.push(`… ${count(heads.length - widths.length, 'more column')} on record`)
  if (result.rows.length > ROWS) lines.push(`… ${count(result.rows.length - ROWS, 'more row')} on record`)
  return lines
}

/** `1 row`, `2 rows`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

/** One value on one line. */
export function renderValue(value: RecordedValue): string {
  if (value === null) return 'NULL'
  if (typeof value === 'string') return escapeControls(value)
  return `<${count(value.bytes, 'byte')}>`
}

/** Narrows the widest columns until all fit; leaves out the last ones where that is not enough. */
function fit(wanted: readonly number[], columns: number): number[] {
  const widths = [...wanted]
  const total = () => widths.reduce((sum, width) => sum + width + 3, -3)
  while (total() > columns) {
    const widest = Math.max(...widths)
    if (widest > MIN_CELL) widths[widths.indexOf(widest)] = widest - 1
    else if (widths.length > 1) widths.pop()
    else break
  }
  return widths
}
