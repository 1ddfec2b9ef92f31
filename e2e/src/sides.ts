import type { Socket } from 'node:net'
import type { SluiceProcess } from '@sluice/testkit'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import pg from 'pg'
import { inject } from 'vitest'
import { makeMysqlShop, makePostgresShop, queryMysql, queryPostgres } from './shop.js'

export const PASSWORD = 'correct horse'

/** An open session of a real driver, with its socket at hand. */
export interface SideSession {
  readonly socket: Socket
  query(sql: string): Promise<Record<string, unknown>[]>
  close(): void
}

/** What suites that hold for every server need of one: how to reach it through a gateway, and its own words. */
export interface Side {
  readonly name: string
  readonly dialect: 'postgres' | 'mysql'
  /** What every database of a gateway in front of it has in sluice.yaml. */
  readonly place: Readonly<Record<string, unknown>>
  readonly credential: { readonly username: string; readonly password: string }
  makeShop(): Promise<string>
  port(sluice: SluiceProcess): number
  connect(sluice: SluiceProcess, login?: { user?: string; database?: string }): Promise<SideSession>
  /** Asks the server itself. */
  direct(database: string, sql: string): Promise<Record<string, unknown>[]>
  /** Bytes of a text query, for a session's socket. */
  queryBytes(sql: string): Buffer
  readonly sleep: (seconds: number) => string
  /** Five million rows of some 30 bytes. */
  readonly manyRows: string
  /** SQLSTATEs, or MySQL's numbers (an error before the greeting has no SQLSTATE): too many connections, the gateway goes away, the server cannot be reached, nothing can be recorded. */
  readonly codes: { readonly full: string; readonly closing: string; readonly away: readonly string[] }
  /** What breaks the protocol in a session that is logged in. */
  readonly malformed: readonly Buffer[]
}

const certificates = () => inject('certificates')

function postgresSide(): Side {
  const server = inject('postgres')
  return {
    name: 'postgres',
    dialect: 'postgres',
    place: {
      dialect: 'postgres',
      address: `${server.host}:${server.port}`,
      credential: 'shop',
      tls: 'verify-full',
      ca: certificates().ca,
    },
    credential: { username: server.user, password: server.password },
    makeShop: () => makePostgresShop(server),
    port: (sluice) => sluice.ports.postgres,
    connect: async (sluice, { user = 'olga', database = 'shop' } = {}) => {
      const client = new pg.Client({
        host: '127.0.0.1',
        port: sluice.ports.postgres,
        user,
        password: PASSWORD,
        database,
      })
      client.on('error', () => {})
      await client.connect()
      return {
        socket: (client as unknown as { connection: { stream: Socket } }).connection.stream,
        query: async (sql) => (await client.query(sql)).rows,
        close: () => void client.end().catch(() => {}),
      }
    },
    direct: (database, sql) => queryPostgres(server, database, sql),
    queryBytes: (sql) => {
      const text = Buffer.from(`${sql}\0`)
      const head = Buffer.from('Q\0\0\0\0')
      head.writeUInt32BE(text.length + 4, 1)
      return Buffer.concat([head, text])
    },
    sleep: (seconds) => `select 1 as slept from pg_sleep(${seconds})`,
    manyRows: "select i, repeat('x', 20) from generate_series(1, 5000000) i",
    codes: { full: '53300', closing: '57P01', away: ['08006', '08001', '57P03'] },
    malformed: [
      Buffer.from('Q\0\0\0\x03'),
      Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff, 0x61]),
      Buffer.from([0x51, 0xff, 0xff, 0xff, 0xff]),
      Buffer.from('\x01\0\0\0\x04'),
      Buffer.from('P\0\0\0\x06ab'), // no end of the name
    ],
  }
}

function mysqlSide(server: ReturnType<typeof inject<'mysqls'>>[number]): Side {
  const digits = Array.from({ length: 10 }, (_, i) => `select ${i} as i`).join(' union all ')
  const places = ['a', 'b', 'c', 'd', 'e', 'f']
  return {
    name: server.flavour,
    dialect: 'mysql',
    place: {
      dialect: 'mysql',
      address: `${server.host}:${server.port}`,
      credential: 'shop',
      tls: server.flavour === 'mysql' ? 'require' : 'off',
    },
    credential: { username: server.user, password: server.password },
    makeShop: () => makeMysqlShop(server),
    port: (sluice) => sluice.ports.mysql,
    connect: async (sluice, { user = 'olga', database = 'shop' } = {}) => {
      const client = await createConnection({
        host: '127.0.0.1',
        port: sluice.ports.mysql,
        user,
        password: PASSWORD,
        database,
      })
      client.on('error', () => {})
      return {
        socket: (client as unknown as { connection: { stream: Socket } }).connection.stream,
        query: async (sql) => (await client.query<RowDataPacket[]>(sql))[0],
        close: () => client.destroy(),
      }
    },
    direct: (database, sql) => queryMysql(server, database, sql),
    queryBytes: (sql) => {
      // mysql2 agrees on query attributes with servers that know them: none here.
      const head = server.flavour === 'mysql' ? [0x03, 0, 1] : [0x03]
      const payload = Buffer.concat([Buffer.from(head), Buffer.from(sql)])
      const header = Buffer.alloc(4)
      header.writeUIntLE(payload.length, 0, 3)
      return Buffer.concat([header, payload])
    },
    sleep: (seconds) => `select 1 + sleep(${seconds}) as slept`,
    manyRows: `select a.i + b.i, repeat('x', 20) from ${places.map((name) => `(${digits}) ${name}`).join(', ')}, (select 0 as i union all select 1 union all select 2 union all select 3 union all select 4) g`,
    codes: { full: '1040', closing: '08S01', away: ['1429'] },
    malformed: [
      Buffer.from([1, 0, 0, 77, 0x0e]), // out of order
      Buffer.from([0xff, 0xff, 0xff, 9, 0x03]),
      Buffer.from([5, 0, 0, 1, 3, 0x61, 0x62, 0x63, 0x64]),
    ],
  }
}

export function allSides(): Side[] {
  return [postgresSide(), ...inject('mysqls').map(mysqlSide)]
}
