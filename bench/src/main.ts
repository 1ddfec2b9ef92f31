/** `npx pnpm bench`: the gateway side by side with what does less. Two runs on one machine differ; their ratios hardly do. */
import { cpus } from 'node:os'
import { type Beds, startBeds } from './beds.js'
import { type Cell, type Measured, measureCell } from './measure-cell.js'
import { mysqlCells } from './mysql-cells.js'
import { type Options, readOptions } from './options.js'
import { postgresCells } from './postgres-cells.js'
import { formatCell, formatMemoryGoal, toJson } from './report.js'
import type { Bed } from './route.js'

// Servers and folders are cleaned up when the process exits, so it must exit by itself; each of them listens for that.
process.setMaxListeners(50)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const options = readOptions(process.argv.slice(2))
if ('text' in options) {
  ;(options.wrong ? console.error : console.log)(options.text)
  process.exit(options.wrong ? 2 : 0)
} else {
  await main(options)
}

async function main(options: Options): Promise<void> {
  const tell = options.json ? console.error : console.log
  const beds = await startBeds(options)
  try {
    const pgbouncer = beds.pgbouncer ?? 'no pgbouncer (install it, or set SLUICE_BENCH_PGBOUNCER)'
    tell(`${cpus().length} cores, node ${process.version}, ${pgbouncer}; median of ${options.rounds} rounds`)
    tell('sluice: policy, masking and recording to Redis (appendfsync always) are on\n')
    const measured: Measured[] = []
    for (const [cell, bed] of await plan(options, beds)) {
      const result = await measureCell(cell, bed, options.rounds)
      measured.push(result)
      tell(`${formatCell(result)}\n`)
    }
    for (const line of formatMemoryGoal(measured)) tell(line)
    if (options.json) console.log(JSON.stringify(toJson(measured), undefined, 2))
  } catch (error) {
    for (const gateway of beds.gateways) tell(gateway.output())
    throw error
  } finally {
    await beds.stop()
  }
}

async function plan(options: Options, beds: Beds): Promise<[Cell, Bed][]> {
  const onlyMysql = options.parts.every((part) => part === 'mysql')
  const postgres = onlyMysql ? [] : await postgresCells(options, beds.postgres.routes[0]!)
  const mysql = beds.mysql ? await mysqlCells(options, beds.mysql.routes[0]!) : []
  return [
    ...postgres.map((cell): [Cell, Bed] => [cell, beds.postgres]),
    ...mysql.map((cell): [Cell, Bed] => [cell, beds.mysql!]),
  ]
}
