import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import type { SharedMysql, SharedServer } from './global-setup.js'

/** The sample shop of the suites: customers with things to hide, and orders. Table and column names are the same on all servers. */
export const CUSTOMERS = [
  { id: 1, name: 'Ada Lovelace', email: 'ada@analytical.example', ssn: '078-05-1120', balance: 12.5 },
  { id: 2, name: 'Grace Hopper', email: 'grace@compiler.example', ssn: '219-09-9999', balance: 0 },
  { id: 3, name: 'Edsger Dijkstra', email: null, ssn: '457-55-5462', balance: -3.25 },
] as const

let made = 0

/** Creates a database of its own with the shop in it and returns its name. */
export async function makePostgresShop(server: SharedServer): Promise<string> {
  const name = `shop_${process.pid}_${++made}`
  await queryPostgres(server, 'postgres', `create database ${name}`)
  await queryPostgres(
    server,
    name,
    `create table users (id int primary key, name text not null, email varchar(80), ssn char(11) not null, balance numeric(10,2) not null, created_at timestamptz not null default now());
     create table orders (id serial primary key, user_id int not null references users(id), total numeric(10,2) not null, note text);`,
  )
  for (const { id, name: who, email, ssn, balance } of CUSTOMERS) {
    await queryPostgres(server, name, 'insert into users values ($1,$2,$3,$4,$5)', [id, who, email, ssn, balance])
  }
  await queryPostgres(
    server,
    name,
    'insert into orders (user_id, total) select 1 + i % 3, i from generate_series(1, 100) i',
  )
  return name
}

/** Asks the server itself, past the gateway. */
export async function queryPostgres(
  server: SharedServer,
  database: string,
  sql: string,
  values?: unknown[],
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ ...server, database })
  await client.connect()
  try {
    return (await client.query(sql, values)).rows ?? []
  } finally {
    await client.end()
  }
}

/** The same shop on MySQL or MariaDB. */
export async function makeMysqlShop(server: SharedMysql): Promise<string> {
  const name = `shop_${process.pid}_${++made}`
  await queryMysql(server, undefined, `create database ${name} character set utf8mb4`)
  await queryMysql(
    server,
    name,
    'create table users (id int primary key, name varchar(80) not null, email varchar(80), ssn char(11) not null, balance decimal(10,2) not null, created_at timestamp not null default current_timestamp)',
  )
  await queryMysql(
    server,
    name,
    'create table orders (id int auto_increment primary key, user_id int not null, total decimal(10,2) not null, note text)',
  )
  for (const { id, name: who, email, ssn, balance } of CUSTOMERS) {
    await queryMysql(server, name, 'insert into users (id, name, email, ssn, balance) values (?,?,?,?,?)', [
      id,
      who,
      email,
      ssn,
      balance,
    ])
  }
  for (let i = 1; i <= 10; i++)
    await queryMysql(server, name, 'insert into orders (user_id, total) values (?, ?)', [1 + (i % 3), i])
  return name
}

export async function queryMysql(
  server: SharedMysql,
  database: string | undefined,
  sql: string,
  values?: (string | number | null)[],
): Promise<Record<string, unknown>[]> {
  const { host, port, user, password } = server
  const connection = await createConnection({
    host,
    port,
    user,
    password,
    ...(database === undefined ? {} : { database }),
  })
  try {
    const [rows] = await connection.query(sql, values)
    return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : []
  } finally {
    await connection.end()
  }
}
