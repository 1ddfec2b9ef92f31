import type { KeyObject } from 'node:crypto'
import { type SessionId, SluiceError } from '@sluice/domain'
import type { SessionEvent } from './events.js'
import { parseLine, type StoredEvent } from './format.js'
import { JournalSource } from './journal-source.js'
import { isSessionId, type LineSource, splitLines } from './line-source.js'
import type { StoreLocation } from './open-recorder.js'
import { RedisSource } from './redis-source.js'
import { readSealKey } from './seal.js'
import { checkChain, type Verification } from './verify.js'

/** What is known of a session without reading all of it. Times are milliseconds since 1970. */
export interface SessionSummary {
  readonly id: SessionId
  readonly user: string
  readonly database: string
  readonly dialect: string
  readonly address: string
  readonly started: number
  /** Left out while the session is open. */
  readonly ended?: number
  readonly statements: number
  readonly denied: number
  /** A seal is there; only `verify` says whether it is good. */
  readonly sealed: boolean
}

export interface SessionFilter {
  readonly user?: string
  readonly database?: string
  /** Milliseconds since 1970: sessions that started then or later. */
  readonly since?: number
}

/** Reads what was recorded, a page at a time. Errors of all methods: `recorder_unavailable`, `configuration_invalid`. */
export interface Archive {
  /** Newest first. A stream whose first line cannot be read is left out here; `ids` and `verify` know it. */
  sessions(filter?: SessionFilter): AsyncIterable<SessionSummary>
  /** The ids of all sessions, newest first. */
  ids(): AsyncIterable<SessionId>
  /**
   * The events in order, each checked against the one before it. Throws `record_invalid` where the chain breaks, having
   * given all before; `usage_invalid` for an unknown session.
   */
  events(id: SessionId): AsyncIterable<StoredEvent>
  /** Errors besides: `usage_invalid` for an unknown session or where no seal key was given. */
  verify(id: SessionId): Promise<Verification>
  close(): Promise<void>
}

export interface ArchiveOptions {
  /** The key that sealed, or its public half, or the PEM file of either. Needed for `verify` alone. */
  readonly sealKey?: KeyObject | string
}

/** Errors: `recorder_unavailable`, `configuration_invalid`. */
export async function openArchive(store: StoreLocation, options: ArchiveOptions = {}): Promise<Archive> {
  const key = options.sealKey === undefined ? undefined : await readSealKey(options.sealKey)
  const source =
    'journal' in store ? new JournalSource(store.journal) : await RedisSource.open(store.redis, store.keyPrefix)
  return {
    sessions: (filter = {}) => summaries(source, filter),
    ids: () => source.ids(undefined),
    events: (id) => events(source, id),
    verify: (id) => verify(source, id, key),
    close: () => source.close(),
  }
}

async function* events(source: LineSource, id: SessionId): AsyncIterable<StoredEvent> {
  checkId(id)
  for await (const checked of checkChain(id, splitLines(source.chunks(id)), undefined)) {
    if (checked.kind === 'event') yield checked.stored
    if (checked.kind !== 'end' || !('reason' in checked.verification)) continue
    const { reason, line, events: count } = checked.verification
    if (count === 0 && line === 1 && (await source.head(id)).length === 0) throw unknownSession(id)
    throw new SluiceError(
      'record_invalid',
      `the record of session \`${id}\` is good up to event ${count}; line ${line}: ${reason}`,
    )
  }
}

async function verify(source: LineSource, id: SessionId, key: KeyObject | undefined): Promise<Verification> {
  checkId(id)
  if (key === undefined) throw new SluiceError('usage_invalid', 'verifying needs the seal key, or its public half')
  if ((await source.head(id)).length === 0) throw unknownSession(id)
  for await (const checked of checkChain(id, splitLines(source.chunks(id)), key)) {
    if (checked.kind === 'end') return checked.verification
  }
  throw new SluiceError('internal', 'a chain without an end')
}

async function* summaries(source: LineSource, filter: SessionFilter): AsyncIterable<SessionSummary> {
  for await (const id of source.ids(filter.since)) {
    const started = firstEvent(await source.head(id))
    if (started?.type !== 'session-started') continue
    if (filter.since !== undefined && started.at < filter.since) continue
    if (filter.user !== undefined && started.user !== filter.user) continue
    if (filter.database !== undefined && started.database !== filter.database) continue
    yield {
      id,
      user: started.user,
      database: started.database,
      dialect: started.dialect,
      address: started.address,
      started: started.at,
      ...(lastEvents(await source.tail(id)) ?? (await countStatements(source, id))),
    }
  }
}

type Ending = Pick<SessionSummary, 'ended' | 'statements' | 'denied' | 'sealed'>

function firstEvent(head: Buffer): SessionEvent | undefined {
  const feed = head.indexOf(10)
  if (feed < 0) return undefined
  const parsed = parseLine(head.subarray(0, feed))
  return parsed.kind === 'event' ? parsed.stored.event : undefined
}

function lastEvents(tail: Buffer): Ending | undefined {
  if (tail.at(-1) !== 10) return undefined
  const lines = tail
    .toString('utf8')
    .split('\n')
    .slice(-3, -1)
    .map((line) => parseLine(Buffer.from(line)))
  const sealed = lines.at(-1)?.kind === 'seal'
  const last = sealed ? lines[0] : lines.at(-1)
  if (last?.kind !== 'event' || last.stored.event.type !== 'session-ended') return undefined
  const { at, statements, denied } = last.stored.event
  return { ended: at, statements, denied, sealed }
}

/** An open session says nowhere how far it is. */
async function countStatements(source: LineSource, id: SessionId): Promise<Ending> {
  let statements = 0
  let denied = 0
  for await (const line of splitLines(source.chunks(id))) {
    const parsed = parseLine(line.bytes)
    if (parsed.kind !== 'event' || parsed.stored.event.type !== 'statement') continue
    statements++
    if (parsed.stored.event.decision === 'deny') denied++
  }
  return { statements, denied, sealed: false }
}

function checkId(id: string): void {
  if (!isSessionId(id)) throw new SluiceError('usage_invalid', `\`${id}\` is not a session id`)
}

function unknownSession(id: string): SluiceError {
  return new SluiceError('usage_invalid', `there is no session \`${id}\`: see \`sluice sessions\``)
}
