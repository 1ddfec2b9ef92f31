import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { type Identity, newSessionId, SluiceError } from '@sluice/domain'
import { canConnect, masksFor, type Policy } from '@sluice/policy'
import type { Lease } from '@sluice/vault'
import type { Database } from './database.js'
import type { GatewayServices } from './gateway-services.js'
import { Pipe } from './pipe.js'
import type { Hello, LoginServices, Protocol, Target, Upstream } from './protocol.js'
import { createSessionGate } from './session-gate.js'
import { SocketChannel } from './socket-channel.js'

declare const proof: unique symbol

/** The proof that an identity may enter a database: only `authorise` makes one, and only with one is a credential leased. */
interface Authorised {
  readonly [proof]: true
  readonly identity: Identity
  readonly database: Database
}

/**
 * The life of a connection, top to bottom: accept, TLS and startup, authenticate, authorise the database, lease the
 * credential, log in upstream, relay, end. Resolves when it is over, and never rejects: what goes wrong is said to the
 * client and ends this connection alone.
 */
export async function serveConnection(socket: Socket, protocol: Protocol, services: GatewayServices): Promise<void> {
  const { limits } = services.configuration
  const client = new SocketChannel(socket, 'client', {
    milliseconds: limits.handshakeMilliseconds,
    bytes: limits.handshakeBytes,
  })
  const connectionId = services.sessions.number()
  const login = services.loginServices(protocol.dialect, connectionId)
  let hello: Hello | undefined
  let leave: (() => void) | undefined
  try {
    hello = await protocol.greet(client, login)
    if (!hello) {
      client.end()
      return
    }
    const identity = await protocol.authenticate(client, hello, login)
    services.onAuthenticated(socket)
    client.stopClock()
    const authorised = authorise(identity, hello, protocol, services)
    leave = services.sessions.reserve(identity.user)
    await runSession(client, protocol, hello, authorised, login, services)
  } catch (error) {
    refuse(client, protocol, hello, error, services)
  } finally {
    services.onAuthenticated(socket)
    leave?.()
    services.sessions.forget(connectionId)
  }
}

/**
 * May this identity enter the database that it asks for? The same answer for a database that is not there. Who names none
 * enters the one where a session of its user is: so MySQL's client programs connect to interrupt a statement.
 */
function authorise(identity: Identity, hello: Hello, protocol: Protocol, services: GatewayServices): Authorised {
  const name = hello.database ?? services.sessions.databaseOf(identity.user, protocol.dialect)
  const database = name === undefined ? undefined : services.databases.get(name)
  if (database?.dialect === protocol.dialect && canConnect(services.policy(), identity, database.name)) {
    return { identity, database } as Authorised
  }
  if (hello.database === undefined) {
    throw new SluiceError('database_unknown', 'no database was named', {
      hint: 'connect with the name of a database, or as `user@database`',
    })
  }
  throw new SluiceError('database_unknown', `no database \`${hello.database}\` for user \`${identity.user}\``, {
    hint: 'check the name, or ask the operator of the gateway for a rule that lets you in',
  })
}

/** From the leased credential to the end of the relay; gives everything back on each way out. */
async function runSession<H extends Hello, U extends Upstream>(
  client: SocketChannel,
  protocol: Protocol<H, U>,
  hello: H,
  { identity, database }: Authorised,
  login: LoginServices,
  services: GatewayServices,
): Promise<void> {
  const lease = await database.lease()
  let server: SocketChannel | undefined
  try {
    const target = await database.target(lease)
    server = await database.open()
    const upstream = await protocol.logIn(server, hello, target)
    await knowCatalog(services.policy(), identity, database)
    await relaySession({
      client,
      server,
      protocol,
      hello,
      upstream,
      target,
      identity,
      database,
      login,
      services,
    })
  } finally {
    server?.destroy()
    await giveBack(lease, services)
  }
}

interface RelayedSession<H extends Hello, U extends Upstream> {
  readonly client: SocketChannel
  readonly server: SocketChannel
  readonly protocol: Protocol<H, U>
  readonly hello: H
  readonly upstream: U
  readonly target: Target
  readonly identity: Identity
  readonly database: Database
  readonly login: LoginServices
  readonly services: GatewayServices
}

/** Records the beginning, welcomes the client, relays until either side is done, and seals the record. */
async function relaySession<H extends Hello, U extends Upstream>(session: RelayedSession<H, U>): Promise<void> {
  const { client, server, protocol, hello, upstream, target, identity, database, login, services } = session
  const { connectionId } = login
  const record = await services.recorder.begin(newSessionId(), {
    type: 'session-started',
    version: 1,
    at: Date.now(),
    user: identity.user,
    groups: identity.groups,
    method: identity.method,
    address: client.address,
    database: database.name,
    dialect: protocol.dialect,
    ...(hello.application === undefined ? {} : { application: hello.application }),
  })
  const log = services.log.child({ session: record.id, user: identity.user, database: database.name })
  let reason = 'the login could not be finished'
  try {
    const gate = createSessionGate({
      identity,
      address: client.address,
      database,
      analyser: services.analyser,
      policy: services.policy,
      record,
      rowsToRecord: services.configuration.recorder.results.rows,
      databaseOf: (schema) => services.databaseOf(identity, database, schema),
      onDecision: services.onDecision,
    })
    const cancelKey = protocol.welcome(client, hello, upstream, freshCancelKey(connectionId))
    const fromClient = client.release()
    const fromServer = server.release()
    const pipe = new Pipe({
      client: fromClient.socket,
      server: fromServer.socket,
      clientLeftover: fromClient.leftover,
      serverLeftover: fromServer.leftover,
      relay: (ports) =>
        protocol.relay({
          hello,
          upstream,
          gate,
          ports,
          limits: services.configuration.limits,
          maskOptions: services.maskOptions,
          reauthentication: {
            address: client.address,
            tls: client.tls,
            prove: (channel, again) => protocol.authenticate(channel, again, login),
          },
          killSession: (id, what) => services.sessions.kill(identity.user, id, what),
        }),
      queueBytes: services.configuration.limits.queueBytes,
      onDefect: (error) => log.error({ err: error }, 'the relay failed; the session is closed'),
    })
    services.sessions.add({
      connectionId,
      user: identity.user,
      dialect: protocol.dialect,
      database: database.name,
      cancelKey,
      ...(upstream.connectionId === undefined ? {} : { upstreamId: upstream.connectionId }),
      get idle() {
        return pipe.idle
      },
      cancel: async () => {
        let channel: SocketChannel | undefined
        const open = async () => {
          channel = await database.open()
          return channel
        }
        try {
          await protocol.cancelUpstream(open, upstream, target)
        } catch (error) {
          log.warn({ err: error }, 'could not pass on a cancel request')
        } finally {
          channel?.end()
        }
      },
      terminate: (error) => pipe.terminate(error),
      destroy: (why) => pipe.destroy(why),
    })
    log.info({ address: client.address, method: identity.method }, 'session started')
    watchIdle(fromClient.socket, pipe, services)
    reason = await pipe.done
    log.info({ reason, statements: gate.statements }, 'session ended')
  } finally {
    await record.end(reason)
  }
}

/** Masks need the catalog; a session that has any waits for the first reading. Without an answer everything is masked. */
async function knowCatalog(policy: Policy, identity: Identity, database: Database): Promise<void> {
  if (!masksFor(policy, identity, database.name).empty && !database.catalog.known) await database.catalog.refresh()
}

function freshCancelKey(connectionId: number): Buffer {
  const key = Buffer.concat([Buffer.alloc(4), randomBytes(32)])
  key.writeUInt32BE(connectionId)
  return key
}

function watchIdle(socket: Socket, pipe: Pipe, services: GatewayServices): void {
  const { idleMilliseconds } = services.configuration.limits
  if (idleMilliseconds === undefined) return
  socket.setTimeout(idleMilliseconds, () => {
    if (pipe.idle)
      pipe.terminate(new SluiceError('limit_exceeded', 'the session was idle for too long', { hint: 'connect again' }))
  })
}

async function giveBack(lease: Lease, services: GatewayServices): Promise<void> {
  try {
    await lease.release()
  } catch (error) {
    services.log.warn({ err: error }, 'a credential could not be given back')
  }
}

function refuse(
  client: SocketChannel,
  protocol: Protocol,
  hello: Hello | undefined,
  thrown: unknown,
  services: GatewayServices,
): void {
  const error =
    thrown instanceof SluiceError
      ? thrown
      : new SluiceError('internal', 'the gateway failed', { cause: thrown, hint: 'tell the operator of the gateway' })
  const about = { code: error.code, user: hello?.user, database: hello?.database, address: client.address }
  if (error.kind === 'client' || error.kind === 'policy') services.log.info(about, error.message)
  else services.log.error({ ...about, err: error.cause }, error.message)
  services.onRefusedLogin(error, hello?.database)
  try {
    client.write(protocol.encodeLoginError(error, hello))
  } catch {
    // the client is gone: there is nobody to tell
  }
  client.end()
}
