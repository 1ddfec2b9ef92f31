import type { SessionId } from '@sluice/domain'

/**
 * Every key that the recorder has in Redis.
 *
 *     sluice:sessions        sorted set   member: session id; score: start, milliseconds since 1970
 *     sluice:session:<id>    stream       the session's lines, see `format.ts`
 *
 * An entry of a session's stream:
 *
 *     id        <seq>-0 with the sequence number of its first line, so that writing it again cannot double it
 *     events    one or more whole lines, each with its line feed; the entries' `events` in order are the stream's bytes
 *
 * How much of this outlives a crash of Redis is Redis' own matter: `appendonly yes` with `appendfsync always` keeps what was
 * acknowledged, `everysec` may lose a second, and a failover to a replica what was not replicated (`min-replicas-to-write`
 * narrows that). The eviction policy must be `noeviction`. Verification finds what is missing, save a stream's end.
 */
export interface RedisKeys {
  readonly sessions: string
  session(id: SessionId): string
}

export const DEFAULT_KEY_PREFIX = 'sluice:'

/** The one field of a stream entry. */
export const EVENTS_FIELD = 'events'

export function redisKeys(prefix: string = DEFAULT_KEY_PREFIX): RedisKeys {
  return { sessions: `${prefix}sessions`, session: (id) => `${prefix}session:${id}` }
}

/** The stream entry that begins with the line `seq`. */
export function entryId(seq: number): string {
  return `${seq}-0`
}
