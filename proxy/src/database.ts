import { readFile } from 'node:fs/promises'
import type { DatabaseConfiguration } from '@sluice/config'
import type { Analyser } from '@sluice/parsers'
import type { Lease, Vault } from '@sluice/vault'
import { Catalog, type CatalogSnapshot } from './catalog.js'
import type { TlsClientOptions } from './channel.js'
import { loadCatalog as loadMysqlCatalog } from './mysql/catalog.js'
import { mysqlProtocol } from './mysql/protocol.js'
import { queryRows as queryMysql } from './mysql/query.js'
import { loadCatalog as loadPostgresCatalog } from './postgres/catalog.js'
import { postgresProtocol } from './postgres/protocol.js'
import { queryRows as queryPostgres } from './postgres/query.js'
import type { Target } from './protocol.js'
import type { GateDatabase } from './session-gate.js'
import type { SocketChannel } from './socket-channel.js'
import { openUpstream } from './upstream.js'

/** The gateway's own questions may be answered with this many bytes. */
const CATALOG_BYTES = 256 * 1024 * 1024

/** One configured database: how to reach it, and its catalog. */
export class Database implements GateDatabase {
  readonly name: string
  readonly dialect: 'postgres' | 'mysql'
  readonly configuration: DatabaseConfiguration
  readonly catalog: Catalog
  readonly #vault: Vault
  readonly #analyser: Analyser
  readonly #milliseconds: number
  #ca: Promise<Buffer> | undefined

  constructor(
    configuration: DatabaseConfiguration,
    parts: { vault: Vault; analyser: Analyser; connectMilliseconds: number; onProblem: (error: unknown) => void },
  ) {
    this.name = configuration.name
    this.dialect = configuration.dialect
    this.configuration = configuration
    this.#vault = parts.vault
    this.#analyser = parts.analyser
    this.#milliseconds = parts.connectMilliseconds
    this.catalog = new Catalog(() => this.#loadCatalog(), parts.onProblem)
  }

  lease(): Promise<Lease> {
    return this.#vault.lease(this.configuration.credential)
  }

  async target(lease: Lease): Promise<Target> {
    const { address, database } = this.configuration
    return {
      host: address.host,
      port: address.port,
      database,
      tls: await this.#tls(),
      username: lease.username,
      password: lease.password,
    }
  }

  open(bytes?: number): Promise<SocketChannel> {
    return openUpstream(this.configuration.address, this.#milliseconds, bytes)
  }

  async #tls(): Promise<TlsClientOptions | undefined> {
    const { tls, ca, address } = this.configuration
    if (tls === 'off') return undefined
    if (ca !== undefined) {
      this.#ca ??= readFile(ca)
      this.#ca.catch(() => {
        this.#ca = undefined
      })
    }
    const authority = await this.#ca
    return { host: address.host, mode: tls, ...(authority ? { ca: authority } : {}) }
  }

  async #loadCatalog(): Promise<CatalogSnapshot> {
    const lease = await this.lease()
    let opened: SocketChannel | undefined
    try {
      const channel = await this.open(CATALOG_BYTES)
      opened = channel
      const target = await this.target(lease)
      if (this.dialect === 'postgres') {
        await postgresProtocol.logInForGateway(channel, target)
        return await loadPostgresCatalog((sql) => queryPostgres(channel, sql))
      }
      const upstream = await mysqlProtocol.logInForGateway(channel, target)
      return await loadMysqlCatalog((sql) => queryMysql(channel, sql), this.#analyser, {
        dialect: 'mysql',
        flavour: upstream.flavour,
        version: upstream.version,
        sqlMode: new Set(),
        multiStatements: false,
      })
    } finally {
      opened?.destroy()
      await lease.release()
    }
  }
}
