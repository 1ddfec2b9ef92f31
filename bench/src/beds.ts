/** Starts the servers and everything between them and the clients. */
import {
  type MysqlTestServer,
  type SluiceProcess,
  startMysql,
  startPostgres,
  startRedis,
  type TestServer,
} from '@sluice/testkit'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import { type Between, GATEWAY_USER, startBareRelay, startGateway, startPgbouncer } from './between.js'
import type { Options } from './options.js'
import type { Bed, Route, RouteName } from './route.js'
import { mysqlPid, postgresPid, redisPid } from './server-pids.js'

const DATABASE = 'bench'

export interface Beds {
  readonly postgres: Bed
  readonly mysql: Bed | undefined
  readonly pgbouncer: string | undefined
  readonly gateways: readonly SluiceProcess[]
  stop(): Promise<void>
}

export async function startBeds(options: Options): Promise<Beds> {
  const postgres = await startPostgres()
  const mysql = options.parts.includes('mysql') ? await startMysql('mariadb') : undefined
  const redis = await startRedis()
  await createDatabases(postgres, mysql)
  const pgbouncer = await startPgbouncer(postgres, DATABASE)
  const gateway = (durability: 'strict' | 'relaxed') =>
    startGateway({ durability, redis: redis.url, postgres, mysql, database: DATABASE })
  const [strict, relaxed] = options.withoutSluice ? [] : [await gateway('strict'), await gateway('relaxed')]
  const relays = { postgres: await startBareRelay(postgres), mysql: mysql && (await startBareRelay(mysql)) }
  const redisProcess = await redisPid(redis)
  const running = [strict, relaxed, pgbouncer, relays.postgres, relays.mysql, redis, mysql, postgres]
  return {
    postgres: {
      routes: [
        straight('direct', postgres),
        straight('bare relay', postgres, relays.postgres),
        ...(pgbouncer ? [straight('pgbouncer', postgres, pgbouncer)] : []),
        ...(strict ? [guarded('sluice strict', strict, strict.ports.postgres, DATABASE)] : []),
        ...(relaxed ? [guarded('sluice relaxed', relaxed, relaxed.ports.postgres, DATABASE)] : []),
      ],
      serverPid: await postgresPid(postgres),
      redisPid: redisProcess,
    },
    mysql: mysql && {
      routes: [
        straight('direct', mysql),
        straight('bare relay', mysql, relays.mysql),
        ...(strict ? [guarded('sluice strict', strict, strict.ports.mysql, `${DATABASE}_mysql`)] : []),
        ...(relaxed ? [guarded('sluice relaxed', relaxed, relaxed.ports.mysql, `${DATABASE}_mysql`)] : []),
      ],
      serverPid: await mysqlPid(mysql),
      redisPid: redisProcess,
    },
    pgbouncer: pgbouncer?.version,
    gateways: [strict, relaxed].filter((each) => each !== undefined),
    stop: async () => {
      for (const each of running) await each?.stop()
    },
  }
}

function straight(name: RouteName, server: TestServer, between?: Between): Route {
  const { host, user, password } = server
  return { name, host, port: between?.port ?? server.port, user, password, database: DATABASE, pid: between?.pid }
}

function guarded(name: RouteName, { pid }: SluiceProcess, port: number, database: string): Route {
  return { name, host: '127.0.0.1', port, user: GATEWAY_USER.name, password: GATEWAY_USER.password, database, pid }
}

async function createDatabases(postgres: TestServer, mysql: MysqlTestServer | undefined): Promise<void> {
  const client = new pg.Client({ ...login(postgres), database: 'postgres' })
  await client.connect()
  await client.query(`create database ${DATABASE}`)
  await client.end()
  if (!mysql) return
  const connection = await createConnection(login(mysql))
  await connection.query(`create database ${DATABASE}`)
  await connection.end()
}

function login({ host, port, user, password }: TestServer) {
  return { host, port, user, password }
}
