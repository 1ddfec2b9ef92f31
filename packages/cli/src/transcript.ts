/** A recorded session as text for people: what was asked, what was decided, and what came back. */
import type { RecordedValue, SessionEvent } from '@sluice/recorder'
import { visible } from './print.js'
import { formatDuration, formatTime } from './time.js'

/** Values longer than this are cut in tables; the record has them whole. */
const CELL = 60

/** Makes the text of each event, in the order of the session; empty where there is nothing to show. */
export function createTranscript(): (event: SessionEvent) => string {
  let began = 0
  let who = ''
  return (event) => {
    const elapsed = `+${((event.at - began) / 1000).toFixed(3)}s`
    switch (event.type) {
      case 'session-started': {
        began = event.at
        who = `${event.user}@${event.database}`
        const groups = event.groups.length > 0 ? ` (${event.groups.join(', ')})` : ''
        const application = event.application === undefined ? '' : `, with ${event.application}`
        const head = `${event.user}${groups} on ${event.database} (${event.dialect}) from ${event.address} by ${event.method}`
        return visible(`${formatTime(event.at)}  ${head}${application}\n`)
      }
      case 'statement': {
        const parameters = (event.parameters ?? [])
          .map((value, i) => `   $${i + 1} = ${cell(value, 'NULL')}\n`)
          .join('')
        const verdict = event.decision === 'allow' ? '' : `   refused${because(event.rule)}${colon(event.reason)}\n`
        return visible(`\n${elapsed}  ${who}> ${event.text.trimEnd()}\n${parameters}${verdict}`)
      }
      case 'result':
        return table(event.columns, event.rows)
      case 'finished': {
        const rows =
          event.rows > 0 && !/\d$/.test(event.tag) ? `, ${event.rows} ${event.rows === 1 ? 'row' : 'rows'}` : ''
        return visible(`   ${event.tag}${rows}, ${formatDuration(event.milliseconds)}\n`)
      }
      case 'error':
        return visible(`   error ${event.code}: ${event.message}\n`)
      case 'session-ended': {
        const denied = event.denied > 0 ? `, ${event.denied} of them refused` : ''
        return visible(`\n${elapsed}  end: ${event.reason} (statements: ${event.statements}${denied})\n`)
      }
    }
  }
}

function because(rule: string | undefined): string {
  return rule === undefined ? '' : ` by rule \`${rule}\``
}

function colon(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${reason}`
}

type Result = Extract<SessionEvent, { type: 'result' }>

function table(columns: Result['columns'], rows: Result['rows']): string {
  if (columns.length === 0) return ''
  const headings = columns.map(({ name, masked }) => oneLine(masked ? `${name} (masked)` : name))
  const cells = rows.map((row) => row.map((value) => oneLine(cell(value, ''))))
  const widths = headings.map((heading, i) => Math.max(heading.length, ...cells.map((row) => row[i]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    `    ${row
      .map((text, i) => text.padEnd(widths[i] ?? 0))
      .join(' | ')
      .trimEnd()}\n`
  const rule = `   ${widths.map((width) => '-'.repeat(width + 2)).join('+')}\n`
  return line(headings) + rule + cells.map(line).join('')
}

function cell(value: RecordedValue, whenNull: string): string {
  if (value === null) return whenNull
  if (typeof value !== 'string') return `<${value.bytes} bytes>`
  return value.length > CELL ? `${value.slice(0, CELL - 1)}…` : value
}

function oneLine(text: string): string {
  return visible(text.replaceAll('\n', '⏎').replaceAll('\t', ' '))
}
