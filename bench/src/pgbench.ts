import { access, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram, needProgram, runClient } from '@sluice/testkit'
import type { Work } from './measure-cell.js'
import type { Route } from './route.js'

/** `pgbench -M`: how a statement is sent. */
export const PROTOCOLS = ['simple', 'extended', 'prepared'] as const

export interface PgbenchRun {
  readonly protocol: (typeof PROTOCOLS)[number]
  readonly clients: number
  readonly seconds: number
}

/** Where pgbench is, installed from apt if need be. Debian keeps it beside the server, where PATH may not go. */
export async function findPgbench(): Promise<string> {
  const found = (await findProgram('pgbench', 'SLUICE_BENCH_PGBENCH')) ?? (await besideServer())
  if (found) return found
  try {
    return await needProgram('pgbench', 'postgresql-contrib', 'SLUICE_BENCH_PGBENCH')
  } catch (error) {
    const installed = await besideServer()
    if (installed) return installed
    throw error
  }
}

async function besideServer(): Promise<string | undefined> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => [])
  for (const version of versions.sort((a, b) => Number(b) - Number(a))) {
    const path = join('/usr/lib/postgresql', version, 'bin/pgbench')
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path
  }
  return undefined
}

/** Makes pgbench's tables, 100,000 accounts a unit of scale. */
export async function fillPgbench(program: string, route: Route, scale: number): Promise<void> {
  await pgbench(program, route, ['--initialize', '--quiet', `--scale=${scale}`])
}

/** Point selects (`pgbench -S`) by all clients at once; connecting is not counted. */
export async function runPgbench(program: string, route: Route, run: PgbenchRun): Promise<Work> {
  const output = await pgbench(program, route, [
    '--select-only',
    '--no-vacuum',
    `--protocol=${run.protocol}`,
    `--client=${run.clients}`,
    `--jobs=${Math.min(run.clients, 2)}`,
    `--time=${run.seconds}`,
  ])
  const units = Number(/actually processed: (\d+)/.exec(output)?.[1])
  const rate = Number(/^tps = ([\d.]+)/m.exec(output)?.[1])
  if (!(units > 0 && rate > 0) || /failed transactions: [1-9]/.test(output)) {
    throw new Error(`pgbench by ${route.name} did not work:\n${output}`)
  }
  return { units, seconds: units / rate }
}

async function pgbench(program: string, route: Route, args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runClient(program, args, {
    env: {
      PGHOST: route.host,
      PGPORT: String(route.port),
      PGUSER: route.user,
      PGPASSWORD: route.password,
      PGDATABASE: route.database,
      PGSSLMODE: 'disable',
      PGGSSENCMODE: 'disable',
    },
    milliseconds: 600_000,
  })
  if (status !== 0) throw new Error(`pgbench by ${route.name} failed with ${status}:\n${stderr}${stdout}`)
  return stdout
}
