import { hkdfSync } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { Configuration } from '@sluice/config'
import { type Dialect, SluiceError } from '@sluice/domain'
import { openUserDirectory } from '@sluice/identity'
import { createAnalyser } from '@sluice/parsers'
import { canConnect } from '@sluice/policy'
import { openRecorder, type RecorderOptions } from '@sluice/recorder'
import type { Logger, Metrics } from '@sluice/telemetry'
import { openVault } from '@sluice/vault'
import { Database } from './database.js'
import { Doors } from './doors.js'
import type { GatewayServices } from './gateway-services.js'
import { startHttp } from './http.js'
import { mysqlProtocol } from './mysql/protocol.js'
import { ServerGreetings } from './mysql/server-greetings.js'
import { followPolicy } from './policy-in-force.js'
import { postgresProtocol } from './postgres/protocol.js'
import type { Protocol } from './protocol.js'
import { serveConnection } from './session.js'
import { Sessions } from './sessions.js'

export interface ListeningAddress {
  readonly protocol: Dialect | 'http'
  readonly address: string
  readonly port: number
}

/** A running gateway. */
export interface Gateway {
  readonly listeners: readonly ListeningAddress[]
  /** Stops accepting, lets sessions finish what they do (`limits.drain`), closes the rest, writes out the record. */
  close(): Promise<void>
}

/** How long a closed session may take to tell its client and its record. */
const LAST_WORDS_MS = 1_000

/** Everything that a gateway opens and must close again, the last one first. */
class Closing {
  readonly #steps: (() => unknown)[] = []

  add<T>(value: T, close: (value: T) => unknown): T {
    this.#steps.push(() => close(value))
    return value
  }

  async run(): Promise<void> {
    for (const step of this.#steps.reverse()) await step()
    this.#steps.length = 0
  }
}

/**
 * Starts a gateway: the one place where sockets, files, parsers, policy, vault and recorder meet. Rejects with
 * `configuration_invalid`, `credential_unavailable` or `recorder_unavailable`; then nothing is left open.
 */
export async function startGateway(
  configuration: Configuration,
  telemetry: { logger: Logger; metrics: Metrics },
): Promise<Gateway> {
  const { logger: log, metrics } = telemetry
  const closing = new Closing()
  try {
    const problem = (what: string) => (error: unknown) => log.error({ err: error }, what)
    const policy = closing.add(await followPolicy(configuration, log, metrics), (file) => file.close())
    const users = closing.add(
      await openUserDirectory(
        configuration.identity.users,
        (error) => {
          metrics.reloads.increment({ file: 'users', result: 'failed' })
          log.error({ err: error }, 'the users file is not good; the last good one stays in force')
        },
        () => metrics.reloads.increment({ file: 'users', result: 'ok' }),
      ),
      (directory) => directory.close(),
    )
    const vault = openVault(configuration.vault)
    const analyser = closing.add(createAnalyser(), (it) => it.close())
    const recorder = closing.add(
      await openRecorder(recorderOptions(configuration, (message) => log.error(message))),
      (it) => it.close(),
    )
    const databases = new Map<string, Database>()
    for (const database of Object.values(configuration.databases)) {
      const parts = {
        vault,
        analyser,
        connectMilliseconds: configuration.limits.connectMilliseconds,
        onProblem: problem(
          `the catalog of \`${database.name}\` cannot be read: every column of it is masked where a mask applies`,
        ),
      }
      databases.set(database.name, new Database(database, parts))
    }
    const sessions = new Sessions(configuration.limits)
    const doors = await Doors.open(configuration)
    const greetings = new ServerGreetings([...databases.values()].filter((each) => each.dialect === 'mysql'))
    const decisions = {
      allow: metrics.statements.with({ decision: 'allow' }),
      deny: metrics.statements.with({ decision: 'deny' }),
    }
    const services: GatewayServices = {
      configuration,
      log,
      sessions,
      analyser,
      recorder,
      databases,
      policy: () => policy.current,
      maskOptions: { hashKey: await maskKey(configuration) },
      loginServices: (dialect, connectionId) => ({
        tls: doors.tls(dialect),
        connectionId,
        users,
        isDatabase: (name) => databases.has(name),
        serverGreeting: () => greetings.current(),
        cancel: (key) => sessions.cancel(key),
      }),
      databaseOf: (identity, current, schema) =>
        sameServer(databases, current, schema).find((each) => canConnect(policy.current, identity, each.name)),
      onAuthenticated: (socket) => doors.leave(socket),
      onRefusedLogin: (error, database) => {
        metrics.refusedLogins.increment({ kind: error.kind })
        if (error.kind === 'upstream' && database !== undefined && databases.has(database))
          metrics.upstreamErrors.increment({ database, code: error.code })
      },
      onDecision: ({ effect }) => decisions[effect].add(),
    }
    metrics.sessions.follow(() => sessions.size)
    metrics.pending.follow(() => doors.waiting)
    const listening = new Closing()
    closing.add(listening, (it) => it.run())
    const listeners = await listen(services, doors, metrics, listening)
    return { listeners, close: () => shutDown(services, listening, closing) }
  } catch (error) {
    await closing.run()
    throw error
  }
}

function sameServer(databases: ReadonlyMap<string, Database>, current: Database, schema: string): Database[] {
  const here = current.configuration
  return [...databases.values()].filter(({ configuration: there, dialect }) => {
    const sameAddress = there.address.host === here.address.host && there.address.port === here.address.port
    return dialect === 'mysql' && sameAddress && there.credential === here.credential && there.database === schema
  })
}

function recorderOptions({ recorder }: Configuration, onProblem: (message: string) => void): RecorderOptions {
  const { store, durability, spool, sealKey } = recorder
  return {
    store: store.kind === 'redis' ? { redis: store.url.reveal() } : { journal: store.directory },
    durability,
    spoolDirectory: spool,
    sealKey,
    onProblem,
  }
}

/** The key of `hash` masks: derived from the deployment's seal key, so that equal values stay equal over restarts. */
async function maskKey({ recorder }: Configuration): Promise<Buffer> {
  return Buffer.from(hkdfSync('sha256', await readFile(recorder.sealKey), '', 'sluice hash masks', 32))
}

async function listen(
  services: GatewayServices,
  doors: Doors,
  metrics: Metrics,
  closing: Closing,
): Promise<ListeningAddress[]> {
  const { listen: addresses } = services.configuration
  const open: ListeningAddress[] = []
  for (const protocol of [postgresProtocol, mysqlProtocol] as unknown as Protocol[]) {
    const at = addresses[protocol.dialect]
    if (!at) continue
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
      socket.on('error', () => {})
      if (doors.enter(socket)) void serveConnection(socket, protocol, services)
      else turnAway(socket, protocol, services)
    })
    open.push(await bind(server, protocol.dialect, at))
    closing.add(server, () => {
      server.close()
      doors.closeWaiting()
    })
  }
  if (addresses.http) {
    const server = startHttp(services, metrics)
    open.push(await bind(server, 'http', addresses.http))
    closing.add(server, () => server.close())
  }
  return open
}

function turnAway(socket: Socket, protocol: Protocol, services: GatewayServices): void {
  const error = new SluiceError('too_many_sessions', 'too many connections wait to log in', { hint: 'try again later' })
  services.onRefusedLogin(error)
  socket.end(protocol.encodeLoginError(error, undefined))
  socket.resume()
  setTimeout(() => socket.destroy(), 1000).unref()
}

function bind(
  server: Server,
  protocol: ListeningAddress['protocol'],
  at: { host: string; port: number },
): Promise<ListeningAddress> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE' ? 'something else listens there: stop it, or choose another port' : error.message
      reject(new SluiceError('configuration_invalid', `cannot listen on \`${at.host}:${at.port}\`: ${why}`))
    })
    server.listen({ host: at.host, port: at.port, backlog: 511 }, () => {
      const bound = server.address() as { address: string; port: number }
      resolve({ protocol, address: bound.address, port: bound.port })
    })
  })
}

async function until(condition: () => boolean, milliseconds: number): Promise<void> {
  for (const end = Date.now() + milliseconds; !condition() && Date.now() < end; ) await pause(20)
}

async function shutDown(services: GatewayServices, listening: Closing, closing: Closing): Promise<void> {
  const { sessions, configuration, log } = services
  const error = new SluiceError('shutting_down', 'the gateway is shutting down', { hint: 'connect again in a moment' })
  await listening.run()
  const deadline = Date.now() + configuration.limits.drainMilliseconds
  while (sessions.size > 0 && Date.now() < deadline) {
    for (const session of sessions) if (session.idle) session.terminate(error)
    await pause(50)
  }
  if (sessions.size > 0) log.warn({ sessions: sessions.size }, 'sessions did not finish in time and are closed')
  for (const session of sessions) {
    session.terminate(error) // waits for what is in flight
    session.terminate(error) // does not wait any more
  }
  await until(() => sessions.size === 0, LAST_WORDS_MS)
  for (const session of sessions) session.destroy('the gateway is shutting down')
  await until(() => sessions.size === 0, LAST_WORDS_MS)
  await closing.run()
}
