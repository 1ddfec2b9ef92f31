import { needProgram, runClient } from '@sluice/testkit'
import type { Work } from './measure-cell.js'
import type { Route } from './route.js'

export interface SysbenchRun {
  readonly prepared: boolean
  readonly clients: number
  readonly seconds: number
}

const ROWS = 100_000

export function findSysbench(): Promise<string> {
  return needProgram('sysbench', 'sysbench', 'SLUICE_BENCH_SYSBENCH')
}

/** Makes sysbench's table. */
export async function fillSysbench(program: string, route: Route): Promise<void> {
  await sysbench(program, route, ['prepare'])
}

/** Point selects (`oltp_point_select`) by all clients at once. */
export async function runSysbench(program: string, route: Route, run: SysbenchRun): Promise<Work> {
  const output = await sysbench(program, route, [
    `--threads=${run.clients}`,
    `--time=${run.seconds}`,
    `--db-ps-mode=${run.prepared ? 'auto' : 'disable'}`,
    'run',
  ])
  const units = Number(/^\s*read:\s+(\d+)/m.exec(output)?.[1])
  const seconds = Number(/total time:\s+([\d.]+)s/.exec(output)?.[1])
  if (!(units > 0 && seconds > 0)) throw new Error(`sysbench by ${route.name} did not work:\n${output}`)
  return { units, seconds }
}

async function sysbench(program: string, route: Route, args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runClient(
    program,
    [
      'oltp_point_select',
      '--db-driver=mysql',
      `--mysql-host=${route.host}`,
      `--mysql-port=${route.port}`,
      `--mysql-user=${route.user}`,
      `--mysql-password=${route.password}`,
      `--mysql-db=${route.database}`,
      `--table-size=${ROWS}`,
      ...args,
    ],
    { milliseconds: 600_000 },
  )
  if (status !== 0) throw new Error(`sysbench by ${route.name} failed with ${status}:\n${stderr}${stdout}`)
  return stdout
}
