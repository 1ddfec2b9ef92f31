import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmod, chown, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Binaries, findBinaries } from './binaries.js'
import { freePort } from './free-port.js'

export interface LocalPostgresOptions {
  /** Where data and, if need be, programs go; must exist. */
  readonly folder: string
  /** The superuser. */
  readonly user: string
  readonly password: string
  /** Settings of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>
  /** Files that the server must be able to read by itself (its TLS key): they get its owner. */
  readonly files?: readonly string[]
}

/** A running server, on the loopback address alone. */
export interface LocalPostgres {
  readonly port: number
  stop(): Promise<void>
}

/** As whom the server runs: it refuses root. */
interface Owner {
  readonly uid: number
  readonly gid: number
}

const START_MS = 60_000

/** Starts a PostgreSQL of its own in a folder; it dies with this process. Rejects with what the server said. */
export async function startLocalPostgres(options: LocalPostgresOptions): Promise<LocalPostgres> {
  const { folder, user, password } = options
  const owner = serverOwner()
  const data = join(folder, 'data')
  const passwordFile = join(folder, 'password')
  await mkdir(data, { mode: 0o700 })
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  if (owner) {
    await chmod(folder, 0o711)
    for (const path of [data, passwordFile, ...(options.files ?? [])]) await chown(path, owner.uid, owner.gid)
  }
  const binaries = await findBinaries(folder, owner)
  await initialise(binaries, { data, user, passwordFile, owner })
  await rm(passwordFile)
  const port = await freePort()
  return run(binaries, { data, port, owner, settings: options.settings ?? {} })
}

async function initialise(
  { initdb }: Binaries,
  { data, user, passwordFile, owner }: { data: string; user: string; passwordFile: string; owner: Owner | undefined },
): Promise<void> {
  const args = [`--pgdata=${data}`, `--username=${user}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256']
  const child = spawn(initdb, [...args, '--encoding=UTF8', '--locale=C', '--no-sync'], { ...owner, cwd: data })
  const output = collect(child)
  const status = await ended(child)
  if (status !== 0) throw new Error(`initdb failed (${status}): ${output()}`)
}

async function run(
  { postgres }: Binaries,
  how: { data: string; port: number; owner: Owner | undefined; settings: Readonly<Record<string, string>> },
): Promise<LocalPostgres> {
  const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...how.settings }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const child = spawn(postgres, ['-D', how.data, '-p', String(how.port), ...flags], { ...how.owner, cwd: how.data })
  const output = collect(child)
  const gone = ended(child)
  const kill = () => child.kill('SIGKILL')
  process.on('exit', kill)
  for (const deadline = Date.now() + START_MS; !output().includes('ready to accept connections'); ) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      kill()
      throw new Error(`postgres did not start: ${output()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return {
    port: how.port,
    stop: async () => {
      process.off('exit', kill)
      child.kill('SIGINT') // fast shutdown (Shutting Down the Server, 18.5): sessions are not waited for
      const timer = setTimeout(kill, 10_000)
      await gone
      clearTimeout(timer)
    },
  }
}

function collect(child: ChildProcess): () => string {
  let text = ''
  const keep = (chunk: Buffer) => {
    text = (text + chunk).slice(-8192)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  child.on('error', (error) => keep(Buffer.from(error.message)))
  return () => text.trim()
}

function ended(child: ChildProcess): Promise<number | NodeJS.Signals | null> {
  return new Promise((resolve) => {
    child.once('error', () => resolve(null))
    child.once('exit', (code, signal) => resolve(code ?? signal))
  })
}

/** Where we are root, a user that every Unix system has and that owns nothing. */
function serverOwner(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody']).toString())
  return { uid: id('-u'), gid: id('-g') }
}
