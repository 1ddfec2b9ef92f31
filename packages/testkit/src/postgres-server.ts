import { chmodSync, copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { startLocalPostgres } from '@sluice/local-postgres'
import type { Certificates } from './certificates.js'
import { temporaryFolder } from './workspace.js'

/** A real server of the tests' own. */
export interface TestServer {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly user: string
  readonly password: string
  stop(): Promise<void>
}

const PASSWORD = 'upstream-secret-7f3a'

/** A PostgreSQL from the package registry, with TLS where certificates are given; superuser `postgres`. */
export async function startPostgres(certificates?: Certificates): Promise<TestServer> {
  const folder = temporaryFolder('postgres')
  const settings: Record<string, string> = { max_connections: '200', fsync: 'off' }
  const files: string[] = []
  if (certificates) {
    const own = (from: string, name: string) => {
      const path = join(folder, name)
      copyFileSync(from, path)
      chmodSync(path, 0o600)
      files.push(path)
      return path
    }
    settings.ssl = 'on'
    settings.ssl_cert_file = own(certificates.certificate, 'tls.crt')
    settings.ssl_key_file = own(certificates.key, 'tls.key')
  }
  const { port, stop } = await startLocalPostgres({ folder, user: 'postgres', password: PASSWORD, settings, files })
  return { host: '127.0.0.1', port, user: 'postgres', password: PASSWORD, stop }
}
