import { cpuOf, peakMemoryOf, resetPeak } from './process-cost.js'
import type { Bed, Route, RouteName } from './route.js'

/** What a run did: so many queries or rows, in so many seconds. */
export interface Work {
  readonly units: number
  readonly seconds: number
}

/** One thing to measure on every route. */
export interface Cell {
  readonly name: string
  readonly unit: 'query' | 'row'
  readonly run: (route: Route) => Promise<Work>
  readonly goals?: readonly Goal[]
}

/** A rate of one route as a share of another's. */
export interface Goal {
  readonly route: RouteName
  readonly of: RouteName
  readonly atLeast: number
}

/** One run on one route. CPU in microseconds a unit; undefined where /proc does not tell. */
export interface Sample {
  /** Units a second. */
  readonly rate: number
  readonly cpu: {
    readonly between: number | undefined
    readonly server: number | undefined
    readonly redis: number | undefined
  }
  /** Peak resident memory of the process in between, in bytes. */
  readonly memory: number | undefined
}

/** Samples of all routes; those with the same index were taken one after the other. */
export interface Measured {
  readonly cell: Cell
  readonly samples: ReadonlyMap<RouteName, readonly Sample[]>
}

/**
 * Measures a cell on all routes in turn, A B C, B C A, ..., so that what disturbs the machine disturbs them all. A first round
 * warms up and is not counted.
 */
export async function measureCell(cell: Cell, bed: Bed, rounds: number): Promise<Measured> {
  const samples = new Map(bed.routes.map((route) => [route.name, [] as Sample[]]))
  for (let round = -1; round < rounds; round++) {
    for (let i = 0; i < bed.routes.length; i++) {
      const route = bed.routes[(i + round + bed.routes.length) % bed.routes.length]!
      const sample = await takeSample(cell, bed, route)
      if (round >= 0) samples.get(route.name)!.push(sample)
    }
  }
  return { cell, samples }
}

async function takeSample(cell: Cell, bed: Bed, route: Route): Promise<Sample> {
  const pids = [route.pid, bed.serverPid, bed.redisPid].map((pid) => pid ?? -1)
  if (route.pid !== undefined) resetPeak(route.pid)
  const before = pids.map(cpuOf)
  const { units, seconds } = await cell.run(route)
  const [between, server, redis] = pids.map((pid, i) => {
    const [from, to] = [before[i], cpuOf(pid)]
    return from === undefined || to === undefined ? undefined : (to - from) / units
  })
  return {
    rate: units / seconds,
    cpu: { between, server, redis: route.name.startsWith('sluice') ? redis : undefined },
    memory: route.pid === undefined ? undefined : peakMemoryOf(route.pid),
  }
}
