import { execFile } from 'node:child_process'
import { chownSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '@sluice/local-postgres'
import { createConnection } from 'mysql2/promise'
import { dockerAnswers } from './docker.js'
import type { TestServer } from './postgres-server.js'
import { findProgram, needProgram } from './programs.js'
import { type ServerProcess, serverUser, startProcess, whenListening } from './server-process.js'
import { temporaryFolder } from './workspace.js'

const run = promisify(execFile)
const PASSWORD = 'upstream-secret-7f3a'

export type Flavour = 'mysql' | 'mariadb'

export interface MysqlTestServer extends TestServer {
  readonly flavour: Flavour
}

/**
 * A MySQL or MariaDB with user `app`, all grants: from Docker where an engine answers, else from the program on PATH or in
 * SLUICE_TEST_MYSQLD / SLUICE_TEST_MARIADBD; MariaDB also from apt. Undefined for a MySQL that is nowhere to be had.
 */
export async function startMysql(flavour: Flavour): Promise<MysqlTestServer | undefined> {
  const named = process.env[flavour === 'mysql' ? 'SLUICE_TEST_MYSQLD' : 'SLUICE_TEST_MARIADBD']
  if (!named && (await dockerAnswers())) return fromDocker(flavour)
  return flavour === 'mysql' ? startMysqld() : startMariadbd()
}

async function fromDocker(flavour: Flavour): Promise<MysqlTestServer> {
  const { GenericContainer, Wait } = await import('testcontainers')
  const prefix = flavour === 'mysql' ? 'MYSQL' : 'MARIADB'
  const container = await new GenericContainer(flavour === 'mysql' ? 'mysql:9' : 'mariadb:11')
    .withEnvironment({ [`${prefix}_ROOT_PASSWORD`]: PASSWORD, [`${prefix}_ROOT_HOST`]: '%' })
    .withCommand(['--local-infile=1'])
    .withExposedPorts(3306)
    .withWaitStrategy(Wait.forLogMessage(/ready for connections.*port: 3306/i, 1))
    .withStartupTimeout(180_000)
    .start()
  const port = container.getMappedPort(3306)
  await createApp({ host: container.getHost(), port, user: 'root', password: PASSWORD })
  return {
    flavour,
    host: '127.0.0.1',
    port,
    user: 'app',
    password: PASSWORD,
    stop: async () => void (await container.stop()),
  }
}

async function startMysqld(): Promise<MysqlTestServer | undefined> {
  const mysqld = await findProgram('mysqld', 'SLUICE_TEST_MYSQLD')
  if (!mysqld) return undefined
  const { stdout } = await run(mysqld, ['--no-defaults', '--version'])
  if (/mariadb/i.test(stdout)) return undefined // mariadb-server may bring a `mysqld` of its own
  const place = await prepare()
  const common = ['--no-defaults', `--datadir=${place.data}`, ...place.user]
  await run(mysqld, [...common, '--initialize-insecure', `--log-error=${place.log}`], { maxBuffer: 1 << 24 })
  const server = startProcess(mysqld, [...common, ...listening(place), '--mysqlx=OFF'])
  return ready('mysql', server, place)
}

async function startMariadbd(): Promise<MysqlTestServer> {
  const mariadbd = await needProgram('mariadbd', 'mariadb-server', 'SLUICE_TEST_MARIADBD')
  const installer = (await findProgram('mariadb-install-db')) ?? join(dirname(mariadbd), '../bin/mariadb-install-db')
  const place = await prepare()
  await run(
    installer,
    [
      '--no-defaults',
      `--datadir=${place.data}`,
      ...place.user,
      '--skip-test-db',
      '--auth-root-authentication-method=normal',
    ],
    { maxBuffer: 1 << 24 },
  )
  const server = startProcess(mariadbd, [
    '--no-defaults',
    `--datadir=${place.data}`,
    ...place.user,
    ...listening(place),
  ])
  return ready('mariadb', server, place)
}

interface Place {
  readonly folder: string
  readonly data: string
  readonly log: string
  readonly socket: string
  readonly port: number
  readonly user: string[]
}

async function prepare(): Promise<Place> {
  const folder = temporaryFolder('mysql')
  const owner = serverUser('mysql')
  if (owner) chownSync(folder, owner.uid, owner.gid)
  return {
    folder,
    data: join(folder, 'data'),
    log: join(folder, 'log'),
    socket: join(folder, 's.sock'),
    port: await freePort(),
    user: owner ? ['--user=mysql'] : [],
  }
}

function listening(place: Place): string[] {
  return [
    `--port=${place.port}`,
    '--bind-address=127.0.0.1',
    `--socket=${place.socket}`,
    `--pid-file=${join(place.folder, 'pid')}`,
    '--local-infile=1',
    '--secure-file-priv=',
  ]
}

async function ready(flavour: Flavour, server: ServerProcess, place: Place): Promise<MysqlTestServer> {
  await whenListening(place.port, server)
  await onceItAnswers(() => createApp({ socketPath: place.socket, user: 'root' }))
  return { flavour, host: '127.0.0.1', port: place.port, user: 'app', password: PASSWORD, stop: () => server.stop() }
}

/** The server opens its port a moment before its socket. */
async function onceItAnswers(connect: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await connect()
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (attempt === 100 || (code !== 'ECONNREFUSED' && code !== 'ENOENT')) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

async function createApp(root: {
  host?: string
  port?: number
  socketPath?: string
  user: string
  password?: string
}): Promise<void> {
  const connection = await createConnection(root)
  await connection.query(`create user app@'%' identified by '${PASSWORD}'`)
  await connection.query("grant all on *.* to app@'%' with grant option")
  await connection.end()
}
