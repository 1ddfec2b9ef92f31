/** Starts what stands between client and server in a measurement: the bare relay, pgbouncer and the gateways. */
import { chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  findProgram,
  freePort,
  runClient,
  type ServerProcess,
  type SluiceProcess,
  serverUser,
  startProcess,
  startSluice,
  type TestServer,
  temporaryFolder,
  whenListening,
} from '@sluice/testkit'

export interface Between {
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

export async function startBareRelay(server: TestServer): Promise<Between> {
  const program = fileURLToPath(new URL('./bare-relay.js', import.meta.url))
  const relay = startProcess(process.execPath, [program, server.host, String(server.port)])
  const deadline = Date.now() + 10_000
  while (!/relaying on \d+/.test(relay.output())) {
    if (relay.process.exitCode !== null || Date.now() > deadline) {
      throw new Error(`the bare relay did not start:\n${relay.output()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return asBetween(relay, Number(/relaying on (\d+)/.exec(relay.output())![1]))
}

/** pgbouncer with its version, a server connection for each client (session mode); undefined where it is not installed. */
export async function startPgbouncer(
  server: TestServer,
  database: string,
): Promise<(Between & { readonly version: string }) | undefined> {
  const program = await findProgram('pgbouncer', 'SLUICE_BENCH_PGBOUNCER')
  if (!program) return undefined
  const version = (await runClient(program, ['--version'])).stdout.split('\n')[0]!
  const port = await freePort()
  const folder = temporaryFolder('pgbouncer')
  const owner = serverUser('postgres') // pgbouncer refuses to be root
  const [users, settings] = [join(folder, 'users.txt'), join(folder, 'pgbouncer.ini')]
  writeFileSync(users, `"${server.user}" "${server.password}"\n`, { mode: 0o600 })
  writeFileSync(
    settings,
    `[databases]
${database} = host=${server.host} port=${server.port} dbname=${database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = session
default_pool_size = 100
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
`,
  )
  if (owner) for (const path of [folder, users, settings]) chownSync(path, owner.uid, owner.gid)
  const pgbouncer = startProcess(program, [settings], owner ? { uid: owner.uid, gid: owner.gid } : {})
  await whenListening(port, pgbouncer)
  return { ...asBetween(pgbouncer, port), version }
}

/** Who logs in to the gateway. */
export const GATEWAY_USER = { name: 'bench', password: 'bench-pass-51c', groups: ['bench'] }

const POLICY = `
rules:
  - name: everyone in the bench reads
    for: { groups: [bench] }
    allow: [read, session, transaction]
  - name: nobody destroys
    deny: [drop database, drop schema, drop table, truncate]
  - name: personal data
    mask:
      "*.people.email": partial
`

/** A gateway with everything on: policy, masking, recording to Redis. */
export function startGateway(options: {
  readonly durability: 'strict' | 'relaxed'
  readonly redis: string
  readonly postgres: TestServer
  readonly mysql: TestServer | undefined
  readonly database: string
}): Promise<SluiceProcess> {
  const { durability, redis, postgres, mysql, database } = options
  const entry = (dialect: string, server: TestServer) => ({
    dialect,
    address: `${server.host}:${server.port}`,
    database,
    credential: dialect,
    tls: 'off',
  })
  const credential = ({ user, password }: TestServer) => ({ username: user, password })
  return startSluice({
    configuration: {
      databases: {
        [database]: entry('postgres', postgres),
        ...(mysql ? { [`${database}_mysql`]: entry('mysql', mysql) } : {}),
      },
      recorder: { redis, durability },
    },
    policy: POLICY,
    users: [{ ...GATEWAY_USER, nativePassword: true }],
    credentials: { postgres: credential(postgres), ...(mysql ? { mysql: credential(mysql) } : {}) },
    environment: { SLUICE_LOG: 'warn' },
  })
}

function asBetween(server: ServerProcess, port: number): Between {
  return { port, pid: server.process.pid!, stop: () => server.stop() }
}
