import { randomInt, timingSafeEqual } from 'node:crypto'
import { type Dialect, SluiceError } from '@sluice/domain'

/** A session that is logged in, as others may reach it. */
export interface LiveSession {
  readonly connectionId: number
  readonly user: string
  readonly dialect: Dialect
  /** The configured database that it logged in to. */
  readonly database: string
  /** The cancel key as the client was told it. */
  readonly cancelKey: Buffer
  /** MySQL: the server's own number for the connection, which CONNECTION_ID() shows. */
  readonly upstreamId?: number
  readonly idle: boolean
  /** Cancels what runs now; never rejects. */
  cancel(): Promise<void>
  terminate(error: SluiceError): void
  destroy(reason: string): void
}

/** The sessions of this process: counted before login, found by cancel key and connection id. */
export class Sessions {
  readonly #live = new Map<number, LiveSession>()
  readonly #taken = new Set<number>()
  readonly #byUser = new Map<string, number>()
  readonly #limits: { readonly sessions: number; readonly sessionsPerUser: number }
  #reserved = 0

  constructor(limits: { readonly sessions: number; readonly sessionsPerUser: number }) {
    this.#limits = limits
  }

  get size(): number {
    return this.#live.size
  }

  [Symbol.iterator](): IterableIterator<LiveSession> {
    return this.#live.values()
  }

  /** A number for a new connection that no other one has; `forget` gives it back. */
  number(): number {
    let id: number
    do id = randomInt(1, 0x7fffffff)
    while (this.#taken.has(id))
    this.#taken.add(id)
    return id
  }

  /** Takes a place for a user; the result gives it back. Throws `too_many_sessions`. */
  reserve(user: string): () => void {
    const own = this.#byUser.get(user) ?? 0
    if (this.#reserved >= this.#limits.sessions) {
      throw new SluiceError('too_many_sessions', 'the gateway has no free session', { hint: 'try again later' })
    }
    if (own >= this.#limits.sessionsPerUser) {
      throw new SluiceError('too_many_sessions', `user \`${user}\` has ${own} sessions, the most allowed`, {
        hint: 'close some, or ask the operator to raise `limits.sessionsPerUser`',
      })
    }
    this.#reserved++
    this.#byUser.set(user, own + 1)
    return () => {
      this.#reserved--
      const left = (this.#byUser.get(user) ?? 1) - 1
      if (left > 0) this.#byUser.set(user, left)
      else this.#byUser.delete(user)
    }
  }

  add(session: LiveSession): void {
    this.#live.set(session.connectionId, session)
  }

  forget(connectionId: number): void {
    this.#live.delete(connectionId)
    this.#taken.delete(connectionId)
  }

  /** The database of the user's latest session by this protocol. */
  databaseOf(user: string, dialect: Dialect): string | undefined {
    let latest: string | undefined
    for (const session of this.#live.values())
      if (session.user === user && session.dialect === dialect) latest = session.database
    return latest
  }

  /** Cancels what the key's session runs. A wrong key does nothing, as the protocol wants, and takes as long. */
  async cancel(key: Buffer): Promise<void> {
    if (key.length < 8) return
    const session = this.#live.get(key.readUInt32BE(0))
    if (!session || session.cancelKey.length !== key.length || !timingSafeEqual(session.cancelKey, key)) return
    await session.cancel()
  }

  /** MySQL's KILL: `id` is the gateway's number or the server's; only of the user's own sessions. */
  kill(user: string, id: number, what: 'query' | 'connection'): SluiceError | undefined {
    const session =
      this.#live.get(id) ?? [...this.#live.values()].find((each) => each.upstreamId === id && each.user === user)
    if (session?.user !== user)
      return new SluiceError('statement_denied', `no session \`${id}\` of user \`${user}\``, {
        hint: 'only sessions of your own can be killed',
      })
    if (what === 'query') void session.cancel()
    else session.terminate(new SluiceError('shutting_down', 'the connection was killed'))
    return undefined
  }
}
