import { print, printTable, visible } from '../print.js'

/** One step of the tour: what is shown, and what is sent. `prepared`: by the extended protocol, as drivers do. */
export interface Step {
  readonly title: string
  readonly sql: string
  readonly parameters?: readonly unknown[]
  readonly prepared?: string
  readonly expect: 'rows' | 'refusal'
}

export const STEPS: readonly Step[] = [
  {
    title: 'alice is an analyst: she reads the shop, and personal data comes back masked',
    sql: 'SELECT id, name, email, ssn, city FROM users ORDER BY id',
    expect: 'rows',
  },
  {
    title: 'what is made of a masked column is masked as a whole: no function talks it out of the gateway',
    sql: "SELECT name, upper(email) AS shouted, reverse(ssn) AS reversed FROM users WHERE city = 'London'",
    expect: 'rows',
  },
  { title: 'DROP DATABASE is blocked by a rule, with its name', sql: 'DROP DATABASE shop', expect: 'refusal' },
  {
    title: 'so it is in disguise: the statement is read with the real grammar',
    sql: '/* SELECT */ dRoP -- harmless\n  DATABASE "shop"',
    expect: 'refusal',
  },
  {
    title: 'the same through a prepared statement: rows are masked in the binary protocol too',
    sql: 'SELECT id, name, email FROM users WHERE joined > $1 ORDER BY id',
    parameters: ['2024-02-01'],
    prepared: 'newcomers',
    expect: 'rows',
  },
  {
    title: 'and DROP DATABASE as a prepared statement is blocked before it reaches the server',
    sql: 'DROP DATABASE shop',
    prepared: 'innocent',
    expect: 'refusal',
  },
  { title: 'what no rule allows is denied', sql: 'UPDATE orders SET total = 0 WHERE user_id = 1', expect: 'refusal' },
  {
    title: 'the session lives on: what is allowed and not masked passes untouched',
    sql: 'SELECT item, total FROM orders ORDER BY total DESC LIMIT 3',
    expect: 'rows',
  },
]

/** A database error as drivers hand it over. */
interface DriverError extends Error {
  readonly code?: string
  readonly detail?: string
  readonly hint?: string
}

type Query = (query: {
  name?: string
  text: string
  binary?: boolean
  values?: unknown[]
  rowMode: 'array'
}) => Promise<{
  fields: { name: string }[]
  rows: unknown[][]
}>

/** Runs the steps with a real client and shows each with what came back. Returns how many did not go as they should. */
export async function runTour(query: Query): Promise<number> {
  let surprises = 0
  for (const [index, step] of STEPS.entries()) {
    print(`\n${index + 1}. ${step.title}`)
    const how =
      step.prepared === undefined
        ? ''
        : `   -- prepared as "${step.prepared}"${step.parameters ? `, $1 = '${step.parameters[0]}'` : ''}`
    print(`   alice=> ${step.sql.replaceAll('\n', '\n           ')};${how}\n`)
    const outcome = await run(step, query)
    if (outcome !== step.expect) surprises++
  }
  return surprises
}

async function run(step: Step, query: Query): Promise<'rows' | 'refusal' | 'error'> {
  try {
    const { fields, rows } = await query({
      text: step.sql,
      rowMode: 'array',
      ...(step.prepared === undefined ? {} : { name: step.prepared, binary: true }),
      ...(step.parameters === undefined ? {} : { values: [...step.parameters] }),
    })
    printTable(
      fields.map(({ name }) => `   ${name}`),
      rows.map((row) => row.map((value) => `   ${visible(value === null ? 'NULL' : String(value))}`)),
      '   (no rows)',
    )
    return 'rows'
  } catch (error) {
    const { code, message, detail, hint } = error as DriverError
    print(`   ERROR ${code ?? ''}: ${visible(message)}`)
    if (detail) print(`   DETAIL: ${visible(detail)}`)
    if (hint) print(`   HINT: ${visible(hint)}`)
    return code === '42501' ? 'refusal' : 'error'
  }
}
