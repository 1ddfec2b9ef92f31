import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { createAnalyser } from './analyser.js'
import type { Analysis, LexicalMode, StatementFacts } from './facts.js'

/**
 * Golden cases: `postgres/cases.txt` and `mysql/cases.txt` hold a statement a line, its facts in the line below after `=>`.
 * MySQL: words in brackets before the statement are the flavour (`mariadb`) and the sql_mode. `\n` is a line break.
 */
const analyser = createAnalyser()
afterAll(() => analyser.close())

function summary(facts: StatementFacts): string {
  const parts = [
    `${facts.verb}/${facts.class}`,
    facts.relations
      .map(
        ({ relation: { schema, name }, verb, assignedFrom }) =>
          `${schema === undefined ? '' : `${schema}.`}${name}:${verb.replaceAll(' ', '-')}${assignedFrom ? `<-${assignedFrom}` : ''}`,
      )
      .join(' '),
    facts.functions.length > 0 ? `calls ${facts.functions.map(({ name }) => name).join(' ')}` : '',
    facts.nested.length > 0 ? `holds ${facts.nested.map((kind) => `${kind.verb}/${kind.class}`).join(', ')}` : '',
    facts.settings.map((s) => `sets ${s.name} = ${s.value}${s.lasting ? ' for good' : ''}`).join(', '),
    facts.databases.length > 0 ? `database ${facts.databases.join(' ')}` : '',
    facts.copy ? `copies ${facts.copy.direction} ${facts.copy.end}` : '',
    facts.prepared ? `${facts.prepared.action}s ${facts.prepared.name ?? 'all'}` : '',
    facts.transaction ?? '',
    facts.hasWhere ? '' : 'no where',
    facts.plainOutput ? '' : 'not plain',
  ]
  return parts.filter((part) => part !== '').join(' | ')
}

function shown(analysis: Analysis, sql: string): string {
  if (!analysis.ok) return `refused: ${analysis.cause}: ${analysis.reason}`
  const secrets = analysis.secrets.map(({ start, end }) => ` secret ${Buffer.from(sql).toString('utf8', start, end)}`)
  const sent = analysis.text.toString() === sql ? '' : ` sent as ${JSON.stringify(analysis.text.toString())}`
  return analysis.statements.map(summary).join(' ; ') + secrets.join('') + sent
}

function modeOf(dialect: string, words: readonly string[]): LexicalMode {
  if (dialect === 'postgres') return { dialect: 'postgres' }
  const mariadb = words.includes('mariadb')
  return {
    dialect: 'mysql',
    flavour: mariadb ? 'mariadb' : 'mysql',
    version: mariadb ? 101119 : 90700,
    sqlMode: new Set(words.filter((word) => word === word.toUpperCase())),
    multiStatements: !words.includes('single'),
  }
}

describe.each(['postgres', 'mysql'])('the facts of %s statements', (dialect) => {
  const directory = new URL(`./${dialect}/`, import.meta.url)
  const lines = readFileSync(new URL('cases.txt', directory), 'utf8').split('\n')
  const cases: { sql: string; words: string[]; expected: string }[] = []
  lines.forEach((line, i) => {
    if (!line.startsWith('  => ')) return
    const [, words, sql] = /^(?:\[([^\]]*)\] )?(.*)$/.exec(lines[i - 1]!)!
    cases.push({ sql: sql!.replaceAll('\\n', '\n'), words: words?.split(' ') ?? [], expected: line.slice(5) })
  })

  it('has cases', () => {
    expect(readdirSync(directory)).toContain('cases.txt')
    expect(cases.length).toBeGreaterThan(60)
  })

  it.each(cases)('$words $sql', async ({ sql, words, expected }) => {
    expect(shown(await analyser.analyse(Buffer.from(sql), modeOf(dialect, words)), sql)).toBe(expected)
  })
})
