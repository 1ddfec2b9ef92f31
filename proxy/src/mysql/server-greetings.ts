import { setTimeout as pause } from 'node:timers/promises'
import { SluiceError } from '@sluice/domain'
import type { MysqlServerGreeting } from '../protocol.js'
import type { SocketChannel } from '../socket-channel.js'
import { probeServer } from './probe.js'

/** Greetings older than this are asked for anew, behind the back of the client that is greeted with the old ones. */
const FRESH_MS = 60_000
/** When one server has answered, the others have so long to be heard as well. */
const GRACE_MS = 250

/** How to reach one of the configured servers. */
export interface Greeter {
  open(): Promise<SocketChannel>
}

/**
 * How to greet MySQL clients, who are greeted before they say which database they want: as the first configured server that
 * answers, with the capabilities that all have that answered.
 */
export class ServerGreetings {
  readonly #servers: readonly Greeter[]
  readonly #known = new Map<Greeter, MysqlServerGreeting>()
  #at = 0
  #asking: Promise<void> | undefined

  constructor(servers: readonly Greeter[]) {
    this.#servers = servers
  }

  /** Rejects with `upstream_unreachable` where no server ever answered. */
  async current(): Promise<MysqlServerGreeting> {
    const asking = Date.now() - this.#at > FRESH_MS || this.#known.size === 0 ? this.#ask() : undefined
    if (this.#known.size === 0) await asking
    else asking?.catch(() => {}) // the old greetings stay good
    return this.#common()
  }

  #common(): MysqlServerGreeting {
    const greetings = this.#servers.map((server) => this.#known.get(server)).filter((each) => each !== undefined)
    const all = (pick: (greeting: MysqlServerGreeting) => number) =>
      greetings.reduce((flags, each) => (flags & pick(each)) >>> 0, 0xffffffff)
    return {
      ...greetings[0]!,
      capabilities: all((each) => each.capabilities),
      mariadbCapabilities: all((each) => each.mariadbCapabilities),
    }
  }

  #ask(): Promise<void> {
    this.#at = Date.now()
    this.#asking ??= this.#askAll().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #askAll(): Promise<void> {
    if (this.#servers.length === 0) {
      throw new SluiceError('upstream_unreachable', 'no mysql database is configured')
    }
    const answers = this.#servers.map((server) => this.#probe(server))
    try {
      await Promise.any(answers)
    } catch (error) {
      throw (error as AggregateError).errors[0]
    }
    await Promise.race([Promise.allSettled(answers), pause(GRACE_MS)])
  }

  async #probe(server: Greeter): Promise<void> {
    const channel = await server.open()
    try {
      this.#known.set(server, await probeServer(channel))
    } finally {
      channel.destroy()
    }
  }
}
