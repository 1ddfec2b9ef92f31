import { randomBytes } from 'node:crypto'
import { chmod, mkdir } from 'node:fs/promises'
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
  const { startLocalPostgres } = await fromCheckout(() => import('@sluice/local-postgres'))
  const { default: pg } = await fromCheckout(() => import('pg'))
  const home = join(folder, 'postgres')
  const user = 'shop_owner'
  const password = randomBytes(18).toString('base64url')
  await mkdir(home)
  await chmod(folder, 0o711) // as root the server runs as another user, who must get to its folder
  const { port, stop } = await startLocalPostgres({ folder: home, user, password })
  const admin = new pg.Client({ host: '127.0.0.1', port, user, password, database: 'postgres' })
  await admin.connect()
  await admin.query(`create database ${admin.escapeIdentifier(database)}`)
  await admin.end()
  const client = new pg.Client({ host: '127.0.0.1', port, user, password, database })
  await client.connect()
  await client.query(sql)
  const { rows } = await client.query<{ version: string }>("select current_setting('server_version') as version")
  await client.end()
  return { port, user, password, version: rows[0]?.version ?? '', stop }
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
