import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { type ServerProcess, startProcess } from './server-process.js'
import { SLUICE, temporaryFolder } from './workspace.js'

export interface TestUser {
  readonly name: string
  readonly password: string
  readonly groups?: readonly string[]
  readonly nativePassword?: boolean
}

export interface SluiceOptions {
  /** sluice.yaml without `listen`, `vault`, `identity`, `policy`, which are filled in here unless given. */
  readonly configuration: Record<string, unknown>
  readonly policy: string
  readonly users: readonly TestUser[]
  readonly credentials: Readonly<Record<string, { readonly username: string; readonly password: string }>>
  readonly environment?: NodeJS.ProcessEnv
}

export interface CommandResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A gateway under test: the built command, configured through its own commands, started as a user would start it. */
export interface SluiceProcess {
  readonly folder: string
  readonly ports: { readonly postgres: number; readonly mysql: number; readonly http: number }
  readonly pid: number
  /** Everything it printed so far. */
  output(): string
  /** Runs another sluice command with the same configuration. */
  run(args: readonly string[], input?: string): Promise<CommandResult>
  /** Replaces the policy file and waits until the gateway has had time to follow it. */
  writePolicy(text: string): Promise<void>
  kill(signal: NodeJS.Signals): void
  stop(): Promise<void>
  exited: Promise<number | null>
}

/** Writes configuration, users and vault into a temporary folder and starts `sluice serve`. Resolves when it says `ready`. */
export async function startSluice(options: SluiceOptions): Promise<SluiceProcess> {
  const folder = temporaryFolder('gateway')
  mkdirSync(folder, { recursive: true })
  const environment = { ...process.env, SLUICE_CONFIG: join(folder, 'sluice.yaml'), ...options.environment }
  const configuration = {
    listen: { postgres: '127.0.0.1:0', mysql: '127.0.0.1:0', http: '127.0.0.1:0' },
    vault: { file: 'vault.json', keyFile: 'vault.key' },
    identity: { users: 'users.json' },
    policy: 'policy.yaml',
    recorder: { journal: 'sessions', durability: 'relaxed' },
    ...options.configuration,
  }
  writeFileSync(join(folder, 'sluice.yaml'), stringify(configuration))
  writeFileSync(join(folder, 'policy.yaml'), options.policy)
  const command = (args: readonly string[], input?: string) =>
    runSluice(args, { environment, folder, ...(input === undefined ? {} : { input }) })
  for (const user of options.users) {
    const groups = (user.groups ?? []).flatMap((group) => ['--group', group])
    const native = user.nativePassword ? ['--mysql-native-password'] : []
    await succeed(command(['user', 'add', user.name, ...groups, ...native, '--password-stdin'], `${user.password}\n`))
  }
  for (const [name, { username, password }] of Object.entries(options.credentials)) {
    await succeed(command(['vault', 'put', name, '--username', username, '--password-stdin'], `${password}\n`))
  }
  const server = startProcess(process.execPath, [SLUICE, 'serve'], { env: environment, cwd: folder })
  await whenReady(server)
  const port = (protocol: string) => Number(new RegExp(`${protocol}[^\\n]*?:(\\d+)`).exec(server.output())?.[1] ?? 0)
  return {
    folder,
    ports: { postgres: port('postgres'), mysql: port('mysql'), http: port('http') },
    pid: server.process.pid!,
    output: server.output,
    run: command,
    writePolicy: async (text) => {
      writeFileSync(join(folder, 'policy.yaml'), text)
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    },
    kill: (signal) => void server.process.kill(signal),
    stop: () => server.stop(),
    exited: new Promise((resolve) => server.process.once('exit', (code) => resolve(code))),
  }
}

/** Runs the built command to its end. */
export function runSluice(
  args: readonly string[],
  options: { environment?: NodeJS.ProcessEnv; folder?: string; input?: string } = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [SLUICE, ...args], {
      env: options.environment ?? process.env,
      cwd: options.folder ?? process.cwd(),
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk))
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk))
    child.on('close', (status) => resolve({ status, stdout, stderr }))
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
  })
}

/** The text of a file in the gateway's folder. */
export function readFrom(sluice: SluiceProcess, name: string): string {
  return readFileSync(join(sluice.folder, name), 'utf8')
}

async function succeed(command: Promise<CommandResult>): Promise<void> {
  const { status, stderr } = await command
  if (status !== 0) throw new Error(`sluice failed with ${status}: ${stderr}`)
}

async function whenReady(server: ServerProcess): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!/^ready$/m.test(server.output())) {
    const { exitCode, signalCode } = server.process
    if (exitCode !== null || signalCode !== null || Date.now() > deadline)
      throw new Error(`the gateway did not start:\n${server.output()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
