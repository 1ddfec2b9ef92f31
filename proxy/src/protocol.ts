import type { Dialect, Identity, Secret, SluiceError } from '@sluice/domain'
import type { UserDirectory } from '@sluice/identity'
import type { Channel, TlsClientOptions, TlsFacts, TlsServerOptions } from './channel.js'
import type { Gate } from './gate.js'
import type { Relay, RelayPorts } from './relay.js'

/** What a client said before it proved anything. Each protocol adds what it must remember. */
export interface Hello {
  readonly user: string
  /** The database's name in the configuration, as the client asks for it; undefined: none was given. */
  readonly database: string | undefined
  readonly application: string | undefined
}

/** How a real MySQL server greets; the gateway's own greeting shows what of it the relay can carry. */
export interface MysqlServerGreeting {
  readonly serverVersion: string
  readonly capabilities: number
  readonly mariadbCapabilities: number
  /** Collation id, its lower 8 bits. */
  readonly characterSet: number
  readonly status: number
}

/** What the steps of a login may use. */
export interface LoginServices {
  readonly tls: (TlsServerOptions & { readonly require: boolean }) | undefined
  /** The number that MySQL clients know their connection by. */
  readonly connectionId: number
  /** Looks up the verifiers of a user; a decoy for an unknown one, so that both take the same time and answers. */
  readonly users: UserDirectory
  /** Whether a database of this name is configured; left out: none is. */
  readonly isDatabase?: (name: string) => boolean
  /** Version and capabilities to greet MySQL clients with, taken from a real server. */
  readonly serverGreeting: () => Promise<MysqlServerGreeting>
  /** Hands a cancel request (key as the client sent it) to the session it belongs to; silent where there is none. */
  readonly cancel: (key: Buffer) => Promise<void>
}

/** A server to log in to, with the leased credential. */
export interface Target {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly tls: TlsClientOptions | undefined
  readonly username: string
  readonly password: Secret
}

/** An upstream connection that is logged in. Each protocol adds what its relay needs (parameters, capabilities, keys). */
export interface Upstream {
  readonly serverVersion: string
  /** MySQL: the server's number for this connection. */
  readonly connectionId?: number
}

export interface RelayOptions<H extends Hello, U extends Upstream> {
  readonly hello: H
  readonly upstream: U
  readonly gate: Gate
  readonly ports: RelayPorts
  readonly limits: { readonly messageBytes: number }
  /** The key of `hash` masks; left out: one that lives as long as the process. */
  readonly maskOptions?: { readonly hashKey: Buffer }
  /** MySQL's COM_CHANGE_USER: the client, and how it proves itself again; left out: it cannot. */
  readonly reauthentication?: {
    readonly address: string
    readonly tls: TlsFacts | undefined
    readonly prove: (channel: Channel, hello: H) => Promise<Identity>
  }
  /** MySQL's KILL of another session of the same user, by the gateway's or the server's number; undefined: done. */
  readonly killSession: (connectionId: number, what: 'query' | 'connection') => SluiceError | undefined
}

/**
 * A wire protocol as the life of a connection sees it (`session.ts`): the same steps for PostgreSQL and MySQL, so that
 * the two cannot drift apart on anything that matters to security.
 */
export interface Protocol<H extends Hello = Hello, U extends Upstream = Upstream> {
  readonly dialect: Dialect
  /** TLS and startup. Undefined: the connection was about something else (a cancel request) and is done. */
  greet(channel: Channel, services: LoginServices): Promise<H | undefined>
  /** Challenges the client; rejects with `authentication_failed`, with one answer and time for whatever was wrong. */
  authenticate(channel: Channel, hello: H, services: LoginServices): Promise<Identity>
  /** Logs in to the server, TLS included. Errors: `upstream_unreachable`, `upstream_refused`. */
  logIn(channel: Channel, hello: H, target: Target): Promise<U>
  /** The same for the gateway's own questions, on behalf of no client. */
  logInForGateway(channel: Channel, target: Target): Promise<U>
  /** Tells the client that it is in, with the server's parameters and a cancel key of the gateway's own. */
  /** Returns the cancel key as the client was told it (protocol 3.0 has room for 8 bytes only). */
  welcome(channel: Channel, hello: H, upstream: U, cancelKey: Buffer): Buffer
  relay(options: RelayOptions<H, U>): Relay
  /** An error for a client that is not logged in yet. */
  encodeLoginError(error: SluiceError, hello: H | undefined): Buffer
  /** Cancels what the server runs for this session, over a channel of its own. */
  cancelUpstream(open: () => Promise<Channel>, upstream: U, target: Target): Promise<void>
}
