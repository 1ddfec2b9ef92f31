import pg from 'pg'
import type { Cell, Goal } from './measure-cell.js'
import type { Options } from './options.js'
import { fillPgbench, findPgbench, PROTOCOLS, runPgbench } from './pgbench.js'
import { binaryRequest, streamPostgres, textRequest } from './postgres-stream.js'
import type { Route } from './route.js'
import { forSeconds, workOf } from './streamed.js'

const ACCOUNTS_A_SCALE = 100_000
const PEOPLE = 'select id, name, email, city, balance, created_at from people'
const GOAL: Goal = { route: 'sluice relaxed', of: 'pgbouncer', atLeast: 0.6 }
const ACCOUNTS = 'select aid, bid, abalance, filler from pgbench_accounts'

/** What is measured on PostgreSQL. Fills the database by the direct route first. */
export async function postgresCells(options: Options, direct: Route): Promise<Cell[]> {
  const pgbench = await findPgbench()
  await fillPgbench(pgbench, direct, options.rows / ACCOUNTS_A_SCALE)
  await fillPeople(direct, options.rows)
  return [
    ...(options.parts.includes('pgbench') ? pointSelects(options, pgbench) : []),
    ...(options.parts.includes('rows') ? largeSelects(options) : []),
    ...(options.parts.includes('copy') ? [copyOut(options)] : []),
  ]
}

function pointSelects({ quick, seconds }: Options, program: string): Cell[] {
  return PROTOCOLS.flatMap((protocol) =>
    (quick ? [8] : [1, 8, 32]).map(
      (clients): Cell => ({
        name: `pgbench -S -M ${protocol}, ${clients} client${clients === 1 ? '' : 's'}`,
        unit: 'query',
        run: (route) => runPgbench(program, route, { protocol, clients, seconds }),
        goals: protocol === 'prepared' && clients === 8 ? [GOAL] : [],
      }),
    ),
  )
}

function largeSelects({ rows, quick, seconds }: Options): Cell[] {
  const size = rows.toLocaleString('en')
  const goals = (['sluice relaxed', 'sluice strict'] as const).map((route) => {
    return { route, of: 'bare relay', atLeast: 0.8 } as const
  })
  const cell = (what: string, request: Buffer, email: boolean): Cell => ({
    name: `SELECT of ${size} rows, ${what}`,
    unit: 'row',
    run: (route) =>
      forSeconds(seconds, async () => workOf(route, await streamPostgres(route, request), { rows, email })),
    goals: email ? goals : [],
  })
  return [
    cell('one column of six masked, text', textRequest(PEOPLE), true),
    cell('one column of six masked, binary', binaryRequest(PEOPLE), true),
    ...(quick ? [] : [cell('nothing masked, text', textRequest(ACCOUNTS), false)]),
  ]
}

function copyOut({ rows, seconds }: Options): Cell {
  const request = textRequest('copy pgbench_accounts to stdout')
  return {
    name: `COPY of ${rows.toLocaleString('en')} rows to the client, text`,
    unit: 'row',
    run: (route) =>
      forSeconds(seconds, async () => workOf(route, await streamPostgres(route, request), { rows, email: false })),
  }
}

async function fillPeople({ host, port, user, password, database }: Route, rows: number): Promise<void> {
  const client = new pg.Client({ host, port, user, password, database })
  await client.connect()
  await client.query(
    `create table people (id int primary key, name text not null, email text not null, city text not null,
       balance numeric(10,2) not null, created_at timestamptz not null)`,
  )
  await client.query(
    `insert into people select i, 'Person ' || i, 'person.' || i || '@mail.example', 'City ' || i % 1000,
       i % 100000 / 100.0, timestamptz '2024-01-01' + i * interval '1 second' from generate_series(1, $1) i`,
    [rows],
  )
  await client.query('vacuum analyze people')
  await client.end()
}
