import { parseArgs } from 'node:util'

export const PARTS = ['pgbench', 'rows', 'copy', 'mysql'] as const

export type Part = (typeof PARTS)[number]

export interface Options {
  readonly parts: readonly Part[]
  /** Seconds a run, and counted rounds. */
  readonly seconds: number
  readonly rounds: number
  /** Rows of the large results. */
  readonly rows: number
  /** Fewer cells. */
  readonly quick: boolean
  /** Measure the routes without a gateway only. */
  readonly withoutSluice: boolean
  readonly json: boolean
}

const USAGE = `usage: npx pnpm bench [options]

Measures the gateway side by side with no gateway, a bare TCP relay and, where it is installed, pgbouncer.

  --quick             short runs and fewer cells
  --seconds N         seconds a run (3; quick: 1); large results are read as often as fits
  --rounds N          rounds, of which the median is told (5; quick: 3)
  --only PART         pgbench, rows, copy or mysql (may be repeated; default: all)
  --without-sluice    the baselines only
  --json              all samples, for programs

SLUICE_BENCH_PGBOUNCER, SLUICE_BENCH_PGBENCH and SLUICE_BENCH_SYSBENCH name programs that are not on PATH.`

/** Reads the command line; a text where there is nothing to measure: help, or what is wrong with it. */
export function readOptions(args: readonly string[]): Options | { readonly text: string; readonly wrong: boolean } {
  try {
    const { values } = parseArgs({
      args: args.filter((arg) => arg !== '--'), // pnpm passes it on
      options: {
        quick: { type: 'boolean', default: false },
        seconds: { type: 'string' },
        rounds: { type: 'string' },
        only: { type: 'string', multiple: true, default: [...PARTS] },
        'without-sluice': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.help) return { text: USAGE, wrong: false }
    const { quick, json } = values
    return {
      parts: values.only.map(partNamed),
      seconds: count('seconds', values.seconds, quick ? 1 : 3),
      rounds: count('rounds', values.rounds, quick ? 3 : 5),
      rows: quick ? 200_000 : 1_000_000,
      quick,
      withoutSluice: values['without-sluice'],
      json,
    }
  } catch (error) {
    return { text: `${(error as Error).message}\n\n${USAGE}`, wrong: true }
  }
}

function partNamed(word: string): Part {
  const part = PARTS.find((each) => each === word)
  if (!part) throw new Error(`--only: \`${word}\` is none of ${PARTS.join(', ')}`)
  return part
}

function count(name: string, given: string | undefined, otherwise: number): number {
  if (given === undefined) return otherwise
  if (!/^[1-9]\d{0,3}$/.test(given)) throw new Error(`--${name}: \`${given}\` is not a number from 1 to 9999`)
  return Number(given)
}
