import {
  type Certificates,
  findProgram,
  makeCertificates,
  needProgram,
  runClient,
  startMysql,
  startPostgres,
  startRedis,
} from '@sluice/testkit'
import type {} from 'vitest'
import type { TestProject } from 'vitest/node'

/** A server that the suites share; each makes databases of its own. */
export interface SharedServer {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
}

export interface SharedMysql extends SharedServer {
  readonly flavour: 'mysql' | 'mariadb'
}

declare module 'vitest' {
  export interface ProvidedContext {
    certificates: Certificates
    postgres: SharedServer
    /** MariaDB always; MySQL where there is one. */
    mysqls: readonly SharedMysql[]
    redis: string
    programs: {
      readonly psql: string
      readonly mariadb: string
      readonly pgDump: string
      readonly pgRestore: string
      readonly mariadbDump: string
      readonly mariadbSlap: string
      /** MySQL's own clients; undefined where there are none. */
      readonly mysql: string | undefined
      readonly mysqldump: string | undefined
      readonly mysqlslap: string | undefined
    }
  }
}

/** Starts the real servers once for all suites, and finds the real clients. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const certificates = await makeCertificates()
  const [postgres, redis, mariadb, mysql] = await Promise.all([
    startPostgres(certificates),
    startRedis(),
    startMysql('mariadb'),
    startMysql('mysql'),
  ])
  if (!mysql)
    console.error(
      'no MySQL here (no Docker engine, no mysqld on PATH or in SLUICE_TEST_MYSQLD): the MySQL suites run on MariaDB alone',
    )
  const servers = [postgres, redis, mariadb, mysql].filter((server) => server !== undefined)
  project.provide('certificates', certificates)
  project.provide('postgres', shared(postgres))
  project.provide(
    'mysqls',
    [mariadb, mysql]
      .filter((server) => server !== undefined)
      .map((server) => ({ ...shared(server), flavour: server.flavour })),
  )
  project.provide('redis', redis.url)
  project.provide('programs', {
    psql: await needProgram('psql', 'postgresql-client'),
    pgDump: (await findProgram('pg_dump18')) ?? (await needProgram('pg_dump', 'postgresql-client')),
    pgRestore: (await findProgram('pg_restore18')) ?? (await needProgram('pg_restore', 'postgresql-client')),
    mariadb: await needProgram('mariadb', 'mariadb-client'),
    mariadbDump: await needProgram('mariadb-dump', 'mariadb-client'),
    mariadbSlap: await needProgram('mariadb-slap', 'mariadb-client'),
    ...(await oracleClients()),
  })
  return async () => {
    await Promise.all(servers.map((server) => server.stop()))
  }
}

/** MySQL's own client programs; on Debian the same names are MariaDB's. */
async function oracleClients(): Promise<Record<'mysql' | 'mysqldump' | 'mysqlslap', string | undefined>> {
  const find = async (name: string, variable?: string) => {
    const path = await findProgram(name, variable)
    if (!path) return undefined
    const { stdout } = await runClient(path, ['--version'])
    return /mariadb/i.test(stdout) ? undefined : path
  }
  const clients = {
    mysql: await find('mysql', 'SLUICE_TEST_MYSQL'),
    mysqldump: await find('mysqldump'),
    mysqlslap: await find('mysqlslap'),
  }
  const missing = Object.entries(clients).flatMap(([name, path]) => (path ? [] : [`\`${name}\``]))
  if (missing.length > 0)
    console.error(
      `no ${missing.join(', ')} of MySQL's own on PATH: the suites use MariaDB's clients alone in their place`,
    )
  return clients
}

function shared(server: SharedServer): SharedServer {
  const { host, port, user, password } = server
  return { host, port, user, password }
}
