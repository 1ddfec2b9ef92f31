import { createConnection } from 'mysql2/promise'
import type { Cell } from './measure-cell.js'
import { streamMysql } from './mysql-stream.js'
import type { Options } from './options.js'
import type { Route } from './route.js'
import { forSeconds, workOf } from './streamed.js'
import { fillSysbench, findSysbench, runSysbench } from './sysbench.js'

/** What is measured on MariaDB. Fills the database by the direct route first. */
export async function mysqlCells(options: Options, direct: Route): Promise<Cell[]> {
  const sysbench = await findSysbench()
  await fillSysbench(sysbench, direct)
  await fillPeople(direct, options.rows)
  return [...pointSelects(options, sysbench), largeSelect(options)]
}

function pointSelects({ quick, seconds }: Options, program: string): Cell[] {
  return [false, true].flatMap((prepared) =>
    (quick ? [8] : [1, 8, 32]).map(
      (clients): Cell => ({
        name: `sysbench point select, ${prepared ? 'prepared' : 'text'}, ${clients} client${clients === 1 ? '' : 's'} (MariaDB)`,
        unit: 'query',
        run: (route) => runSysbench(program, route, { prepared, clients, seconds }),
      }),
    ),
  )
}

function largeSelect({ rows, seconds }: Options): Cell {
  const sql = 'select id, name, email, city, balance, created_at from people'
  return {
    name: `SELECT of ${rows.toLocaleString('en')} rows, one column of six masked, text (MariaDB)`,
    unit: 'row',
    run: (route) =>
      forSeconds(seconds, async () => workOf(route, await streamMysql(route, sql), { rows, email: true })),
  }
}

async function fillPeople({ host, port, user, password, database }: Route, rows: number): Promise<void> {
  const connection = await createConnection({ host, port, user, password, database })
  await connection.query(
    `create table people (id int primary key, name varchar(80) not null, email varchar(80) not null, city varchar(80) not null,
       balance decimal(10,2) not null, created_at datetime not null)`,
  )
  await connection.query('insert into people values (1, ?, ?, ?, 0.01, ?)', [
    'Person 1',
    'person.1@mail.example',
    'City 1',
    '2024-01-01 00:00:01',
  ])
  for (let done = 1; done < rows; done *= 2) {
    await connection.query(
      `insert into people select id + ?, concat('Person ', id + ?), concat('person.', id + ?, '@mail.example'),
         concat('City ', (id + ?) % 1000), (id + ?) % 100000 / 100, '2024-01-01' + interval (id + ?) second from people
       where id + ? <= ?`,
      [done, done, done, done, done, done, done, rows],
    )
  }
  await connection.end()
}
