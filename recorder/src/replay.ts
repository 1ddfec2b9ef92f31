import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionEvent } from './events.js'
import type { StoredEvent } from './format.js'
import { count, renderTable, renderValue } from './render-table.js'
import { escapeControls, wrap } from './terminal-text.js'

export interface ReplayOptions {
  /** 1: as it was; 10: ten times as fast; `instant`: without waiting. */
  readonly speed: number | 'instant'
  /** Width of the terminal in columns; 100 unless told, at least 60. */
  readonly columns?: number
  /** With colours of ANSI terminals. */
  readonly color?: boolean
  readonly signal?: AbortSignal
}

const LONGEST_PAUSE = 3_000 // milliseconds, of the replay's own time
const GUTTER = '          '

/**
 * Shows a session to people: what was asked and when, what was decided, what came back. Everything recorded is escaped before it
 * reaches `write`, so that a recording cannot steer the terminal. Throws what `events` throws.
 */
export async function replay(
  events: AsyncIterable<StoredEvent>,
  options: ReplayOptions,
  write: (text: string) => unknown,
): Promise<void> {
  const view = new ReplayView(Math.max(60, options.columns ?? 100), options.color ?? false)
  let before: number | undefined
  for await (const { event } of events) {
    if (options.speed !== 'instant' && before !== undefined) {
      const pause = Math.min(LONGEST_PAUSE, (event.at - before) / options.speed)
      if (pause > 0) await sleep(pause, undefined, options.signal === undefined ? {} : { signal: options.signal })
    }
    before = event.at
    for (const line of view.lines(event)) await write(`${line}\n`)
  }
}

type Of<T extends SessionEvent['type']> = SessionEvent & { type: T }

class ReplayView {
  readonly #columns: number
  readonly #color: boolean
  #started = 0
  #prompt = 'sql'
  /** The statement that was shown last: what belongs to another says so. */
  #shown: number | undefined
  #rows = 0

  constructor(columns: number, color: boolean) {
    this.#columns = columns
    this.#color = color
  }

  lines(event: SessionEvent): string[] {
    switch (event.type) {
      case 'session-started':
        return this.#header(event)
      case 'statement':
        return this.#statement(event)
      case 'result':
        this.#rows = event.rows.length
        return [...this.#belongs(event.statement), ...renderTable(event, this.#width).map((line) => GUTTER + line)]
      case 'finished':
        return this.#finished(event)
      case 'error':
        return this.#error(event)
      case 'session-ended':
        return ['', this.#style('dim', `${this.#time(event.at)}  ${ending(event)}`)]
      default: // from a newer gateway
        return [`${this.#time((event as SessionEvent).at)}  ${escapeControls(JSON.stringify(event))}`]
    }
  }

  get #width(): number {
    return this.#columns - GUTTER.length
  }

  #header(event: Of<'session-started'>): string[] {
    this.#started = event.at
    this.#prompt = escapeControls(event.database)
    const groups = event.groups.length === 0 ? '' : ` (${event.groups.join(', ')})`
    const application = event.application === undefined ? '' : `, ${event.application}`
    const when = new Date(event.at).toISOString().replace('T', ' ').slice(0, 19)
    const who = `${event.user}${groups} on ${event.database}`
    const how = `${when} UTC, ${event.dialect}, from ${event.address}${application}, by ${event.method}`
    return [this.#style('bold', escapeControls(who)), escapeControls(how)]
  }

  #statement(event: Of<'statement'>): string[] {
    this.#shown = event.statement
    this.#rows = 0
    const denied = event.decision === 'deny'
    const first = `${this.#prompt}=> `
    const next = `${this.#prompt}-> `
    const text = event.text.replaceAll('\r\n', '\n').replaceAll('\t', '    ').split('\n')
    const wrapped = text.flatMap((line) => wrap(escapeControls(line), Math.max(20, this.#width - first.length)))
    const shown = wrapped.map((line, i) => {
      const gutter = i === 0 ? this.#style('dim', `${this.#time(event.at)}  `) : GUTTER
      return gutter + this.#style('dim', i === 0 ? first : next) + this.#style(denied ? 'red' : 'bold', line)
    })
    const lines = ['', ...shown]
    if (event.parameters !== undefined && event.parameters.length > 0) {
      const parameters = event.parameters.map((value, i) => `$${i + 1} = ${renderValue(value)}`).join(', ')
      lines.push(...this.#indented(parameters))
    }
    if (denied) {
      const rule = event.rule === undefined ? 'no rule allows it' : `rule \`${event.rule}\``
      const reason = event.reason === undefined ? '' : `: ${event.reason}`
      lines.push(...this.#indented(`DENIED, ${rule}${reason}`, 'red'))
    }
    return lines
  }

  #finished(event: Of<'finished'>): string[] {
    const parts = [`${event.milliseconds < 10 ? event.milliseconds.toFixed(2) : Math.round(event.milliseconds)} ms`]
    const unrecorded = event.rows - this.#rows
    if (this.#rows > 0 && unrecorded > 0) parts.unshift(`${count(unrecorded, 'more row')} not recorded`)
    if (event.rows > 0 || this.#rows > 0) parts.unshift(count(event.rows, 'row'))
    return [...this.#belongs(event.statement), ...this.#indented(`${event.tag}  ${parts.join(', ')}`, 'dim')]
  }

  #error(event: Of<'error'>): string[] {
    const belongs = event.statement === undefined ? [] : this.#belongs(event.statement)
    return [...belongs, ...this.#indented(`ERROR ${event.code}: ${event.message}`, 'red')]
  }

  /** In a pipeline, outcomes come after later statements. */
  #belongs(statement: number): string[] {
    if (statement === this.#shown) return []
    this.#shown = statement
    return this.#indented(`to statement ${statement}:`, 'dim')
  }

  #indented(text: string, style?: Style): string[] {
    return wrap(escapeControls(text), this.#width).map(
      (line) => GUTTER + (style === undefined ? line : this.#style(style, line)),
    )
  }

  /** Since the session's start, `1:02.345`, eight columns. */
  #time(at: number): string {
    const milliseconds = Math.max(0, at - this.#started)
    const seconds = ((milliseconds % 60_000) / 1000).toFixed(3).padStart(6, '0')
    return `${Math.floor(milliseconds / 60_000)}:${seconds}`.padStart(8)
  }

  #style(style: Style, text: string): string {
    return this.#color ? `\x1b[${STYLES[style]}m${text}\x1b[0m` : text
  }
}

type Style = 'bold' | 'dim' | 'red'

const STYLES: Readonly<Record<Style, number>> = { bold: 1, dim: 2, red: 31 }

function ending(event: Of<'session-ended'>): string {
  const denied = event.denied > 0 ? `, ${event.denied} denied` : ''
  return escapeControls(`ended: ${event.reason} (${count(event.statements, 'statement')}${denied})`)
}
