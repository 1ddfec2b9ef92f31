import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import type { Configuration } from '@sluice/config'
import type { Dialect } from '@sluice/domain'
import type { TlsServerOptions } from './channel.js'
import type { LoginServices } from './protocol.js'

/** Who may come in before login: how many at a time, and with which certificates. */
export class Doors {
  readonly #waiting = new Set<Socket>()
  readonly #limit: number
  readonly #tls: Omit<TlsServerOptions, 'alpn'> | undefined
  readonly #require: boolean

  static async open(configuration: Configuration): Promise<Doors> {
    const { tls, limits } = configuration
    if (!tls) return new Doors(limits.unauthenticated, undefined, false)
    const [cert, key, ca] = await Promise.all([
      readFile(tls.certificate),
      readFile(tls.key),
      tls.clientCa === undefined ? undefined : readFile(tls.clientCa),
    ])
    const context = createSecureContext({ cert, key, minVersion: 'TLSv1.2', ...(ca ? { ca } : {}) })
    return new Doors(limits.unauthenticated, { context, requestCertificate: ca !== undefined }, tls.require)
  }

  private constructor(limit: number, tls: Omit<TlsServerOptions, 'alpn'> | undefined, require: boolean) {
    this.#limit = limit
    this.#tls = tls
    this.#require = require
  }

  get waiting(): number {
    return this.#waiting.size
  }

  tls(dialect: Dialect): LoginServices['tls'] {
    if (!this.#tls) return undefined
    return { ...this.#tls, require: this.#require, ...(dialect === 'postgres' ? { alpn: ['postgresql'] } : {}) }
  }

  /** False where too many wait already. */
  enter(socket: Socket): boolean {
    if (this.#waiting.size >= this.#limit) return false
    this.#waiting.add(socket)
    return true
  }

  leave(socket: Socket): void {
    this.#waiting.delete(socket)
  }

  closeWaiting(): void {
    for (const socket of this.#waiting) socket.destroy()
  }
}
