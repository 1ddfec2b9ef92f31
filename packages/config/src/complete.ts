import { dirname, resolve } from 'node:path'
import { Secret } from '@sluice/domain'
import type { Configuration, DatabaseConfiguration } from './configuration.js'
import { parseAddress } from './quantity.js'
import type { Shape } from './shape.js'

const DEFAULT_PORT = { postgres: 5432, mysql: 3306 } as const

/** Paths made absolute, defaults that hang on other keys filled in, all of it frozen. */
export function completeConfiguration(file: string, parsed: Shape): Configuration {
  const { listen, tls, vault, recorder, limits } = parsed
  const absolute = (path: string) => resolve(dirname(file), path)
  const optional = (path: string | undefined) => (path === undefined ? undefined : absolute(path))

  const databases: Record<string, DatabaseConfiguration> = Object.create(null)
  for (const [name, database] of Object.entries(parsed.databases)) {
    databases[name] = {
      name,
      dialect: database.dialect,
      address: parseAddress(database.address, { port: DEFAULT_PORT[database.dialect] })!,
      database: database.database ?? name,
      credential: database.credential,
      tls: database.tls,
      ca: optional(database.ca),
    }
  }
  return freeze({
    file,
    listen: { postgres: listen.postgres, mysql: listen.mysql, http: listen.http },
    tls: tls && {
      certificate: absolute(tls.certificate),
      key: absolute(tls.key),
      clientCa: optional(tls.clientCa),
      require: tls.require,
    },
    databases,
    vault:
      vault === 'env'
        ? { kind: 'env' }
        : { kind: 'file', file: absolute(vault.file!), keyFile: optional(vault.keyFile) },
    identity: { users: absolute(parsed.identity.users) },
    policy: absolute(parsed.policy),
    recorder: {
      store:
        recorder.redis !== undefined
          ? { kind: 'redis', url: new Secret(recorder.redis) }
          : { kind: 'journal', directory: absolute(recorder.journal!) },
      durability: recorder.durability,
      spool: absolute(recorder.spool),
      sealKey: absolute(recorder.sealKey),
      results: { rows: recorder.results.rows },
    },
    limits: {
      messageBytes: limits.message,
      sessions: limits.sessions,
      sessionsPerUser: limits.sessionsPerUser,
      unauthenticated: limits.unauthenticated,
      idleMilliseconds: limits.idle === 'off' ? undefined : limits.idle,
      handshakeMilliseconds: limits.handshake,
      handshakeBytes: limits.handshakeBytes,
      connectMilliseconds: limits.connect,
      queueBytes: limits.queue,
      drainMilliseconds: limits.drain,
    },
    workers: parsed.workers,
  })
}

function freeze<T extends object>(whole: T): T {
  for (const part of Object.values(whole)) if (typeof part === 'object' && part !== null) freeze(part)
  return Object.freeze(whole)
}
