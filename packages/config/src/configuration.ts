/** sluice.yaml as the rest of the program sees it: checked, defaults filled in, paths absolute, units plain. */
import type { Dialect, Secret } from '@sluice/domain'

/** A TCP address. `host` has no brackets. */
export interface Address {
  readonly host: string
  readonly port: number
}

export interface ListenConfiguration {
  readonly postgres: Address | undefined
  readonly mysql: Address | undefined
  readonly http: Address | undefined
}

/** Paths of PEM files, and whether a client must use TLS. */
export interface TlsConfiguration {
  readonly certificate: string
  readonly key: string
  readonly clientCa: string | undefined
  readonly require: boolean
}

export type UpstreamTls = 'off' | 'require' | 'verify-ca' | 'verify-full'

export interface DatabaseConfiguration {
  /** The name that clients ask for. */
  readonly name: string
  readonly dialect: Dialect
  readonly address: Address
  /** The database's name on the server. */
  readonly database: string
  /** The credential's name in the vault. */
  readonly credential: string
  readonly tls: UpstreamTls
  /** Path of a PEM file; undefined: the system's certificate authorities. */
  readonly ca: string | undefined
}

/** `keyFile` undefined: the key is in SLUICE_VAULT_KEY. */
export type VaultConfiguration =
  | { readonly kind: 'file'; readonly file: string; readonly keyFile: string | undefined }
  | { readonly kind: 'env' }

export interface RecorderConfiguration {
  /** The URL may hold a password. */
  readonly store:
    | { readonly kind: 'redis'; readonly url: Secret }
    | { readonly kind: 'journal'; readonly directory: string }
  readonly durability: 'strict' | 'relaxed'
  /** What Redis cannot take now waits in this folder. */
  readonly spool: string
  /** The file with the key that seals sessions; made where it is missing. */
  readonly sealKey: string
  /** Masked rows kept a statement; 0: none. */
  readonly results: { readonly rows: number }
}

/** Bytes, milliseconds and numbers; undefined milliseconds: no limit. */
export interface Limits {
  /** The longest message (PostgreSQL) or packet (MySQL) taken from a client after login. */
  readonly messageBytes: number
  /** Sessions at one time, of all users and of one. */
  readonly sessions: number
  readonly sessionsPerUser: number
  /** Connections that have not logged in yet, at one time. */
  readonly unauthenticated: number
  /** How long a session may be silent. */
  readonly idleMilliseconds: number | undefined
  /** Time and bytes a client has to log in. */
  readonly handshakeMilliseconds: number
  readonly handshakeBytes: number
  /** Time to connect and log in to a server. */
  readonly connectMilliseconds: number
  /** Bytes that may wait for a slow reader before its writer is stopped, a direction. */
  readonly queueBytes: number
  /** How long sessions may finish after SIGTERM. */
  readonly drainMilliseconds: number
}

export interface Configuration {
  /** Absolute path of the file. */
  readonly file: string
  readonly listen: ListenConfiguration
  readonly tls: TlsConfiguration | undefined
  /** By name. Has no prototype, so any name that a client sends may be looked up in it. */
  readonly databases: Readonly<Record<string, DatabaseConfiguration>>
  readonly vault: VaultConfiguration
  readonly identity: { readonly users: string }
  /** Path of the policy file. */
  readonly policy: string
  readonly recorder: RecorderConfiguration
  readonly limits: Limits
  readonly workers: 1
}
