/** Measurements as people read them: a table a cell, goals beside the figures. */
import type { Goal, Measured, Sample } from './measure-cell.js'
import { median } from './median.js'
import type { RouteName } from './route.js'

const MEGABYTE = 1024 * 1024
const MEMORY_GOAL = 200 * MEGABYTE
const BASELINES = ['direct', 'bare relay', 'pgbouncer'] as const

/** A cell's table: rates, their shares of the baselines' (medians of the rounds' ratios), CPU time and memory. */
export function formatCell({ cell, samples }: Measured): string {
  const baselines = BASELINES.filter((name) => samples.has(name))
  const rows = [...samples].map(([name, taken]) => [
    name,
    Math.round(median(taken.map((sample) => sample.rate))).toLocaleString('en'),
    ...baselines.map((baseline) => (name === baseline ? '' : median(ratios(samples, name, baseline)).toFixed(2))),
    ...(['between', 'server', 'redis'] as const).map((part) => formatCpu(cpuOf(taken, part))),
    formatMemory(peakOf(taken)),
  ])
  const ofs = baselines.map((name) => `/${name.replace('bare ', '')}`)
  const us = `us CPU a ${cell.unit}:`
  const header = [
    '',
    `${cell.unit === 'row' ? 'rows' : 'queries'}/s`,
    ...ofs,
    `${us} itself`,
    'server',
    'redis',
    'peak',
  ]
  return [cell.name, ...align([header, ...rows]), ...(cell.goals ?? []).map((goal) => formatGoal(goal, samples))].join(
    '\n',
  )
}

/** The memory that a gateway needed at most in all cells. */
export function formatMemoryGoal(measured: readonly Measured[]): string[] {
  return (['sluice strict', 'sluice relaxed'] as const).flatMap((name) => {
    const peak = peakOf(measured.flatMap(({ samples }) => samples.get(name) ?? []))
    if (peak === undefined) return []
    const met = peak < MEMORY_GOAL ? 'met' : 'NOT met'
    return [`goal: ${name} below ${formatMemory(MEMORY_GOAL)} throughout: ${formatMemory(peak)}, ${met}`]
  })
}

/** All samples and the medians, for programs. */
export function toJson(measured: readonly Measured[]): unknown {
  return measured.map(({ cell, samples }) => ({
    cell: cell.name,
    unit: cell.unit,
    routes: [...samples].map(([route, taken]) => ({
      route,
      rate: median(taken.map((sample) => sample.rate)),
      ratios: Object.fromEntries(
        BASELINES.filter((name) => samples.has(name) && name !== route).map((name) => [
          name,
          median(ratios(samples, route, name)),
        ]),
      ),
      samples: taken,
    })),
  }))
}

function formatGoal({ route, of, atLeast }: Goal, samples: Measured['samples']): string {
  const goal = `  goal: ${route} at least ${atLeast} of ${of}`
  const all = ratios(samples, route, of)
  if (all.length === 0) return `${goal}: not measured, ${samples.has(of) ? `no ${route}` : `${of} is not installed`}`
  const [ratio, least, most] = [median(all), Math.min(...all), Math.max(...all)].map((each) => each.toFixed(2))
  return `${goal}: ${ratio} (rounds: ${least} to ${most}), ${median(all) >= atLeast ? 'met' : 'NOT met'}`
}

/** Round by round. */
function ratios(samples: Measured['samples'], route: RouteName, baseline: RouteName): number[] {
  const below = samples.get(baseline) ?? []
  return (samples.get(route) ?? []).flatMap(({ rate }, round) => {
    const { rate: other } = below[round] ?? {}
    return other === undefined ? [] : [rate / other]
  })
}

function cpuOf(samples: readonly Sample[], part: keyof Sample['cpu']): number | undefined {
  const known = samples.map(({ cpu }) => cpu[part]).filter((value) => value !== undefined)
  return known.length === 0 ? undefined : median(known)
}

function peakOf(samples: readonly Sample[]): number | undefined {
  const known = samples.map(({ memory }) => memory).filter((value) => value !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}

function formatCpu(microseconds: number | undefined): string {
  return microseconds === undefined ? '' : microseconds.toFixed(microseconds < 10 ? 2 : 1)
}

function formatMemory(bytes: number | undefined): string {
  return bytes === undefined ? '' : `${Math.round(bytes / MEGABYTE)} MB`
}

/** Columns side by side: the first to the left, the others to the right. */
function align(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')}`.trimEnd(),
  )
}
