import { hash } from 'node:crypto'
import type { SessionId } from '@sluice/domain'
import type { SessionEvent } from './events.js'

/**
 * A session's stream as it is stored: lines of JSON in UTF-8, each closed by one line feed, the same bytes in every store.
 *
 *     line 1        {"seq":1,"previous":"<genesis>","type":"session-started","version":1,...}
 *     line 2        {"seq":2,"previous":"<hash of line 1>","type":"statement",...}
 *     ...
 *     line n        {"seq":n,"previous":"<hash of line n-1>","type":"session-ended",...}
 *     line n + 1    {"seal":1,"session":"<id>","count":n,"last":"<hash of line n>","signature":"<base64>"}
 *
 *     seq           counts from 1 without a gap
 *     hash          SHA-256 of the stored bytes of a line, its line feed left out, in hexadecimal. A line begins with the
 *                   hash of the one before it, so each hash covers the whole stream up to there. Whoever doubts it can
 *                   check with `sed -n 2p session.jsonl | tr -d '\n' | sha256sum`
 *     genesis       SHA-256 of `sluice session 1 <id>`: a stream cannot pass for another session's
 *     signature     Ed25519 over `sluice seal 1\n<id>\n<count>\n<last>\n`, see `seal.ts`
 *
 * Verification reads the stored bytes and never serialises an event again.
 */
export interface StoredEvent {
  readonly seq: number
  /** Hash of the line before, or the genesis. */
  readonly previous: string
  /** Hash of this line. */
  readonly hash: string
  readonly event: SessionEvent
}

/** The last line of a session that was closed. */
export interface Seal {
  readonly session: SessionId
  readonly count: number
  readonly last: string
  /** Ed25519, base64. */
  readonly signature: string
}

/** No stored line is longer; what is, was not written by a recorder. */
export const MAX_LINE_BYTES = 128 * 1024 * 1024

const SEAL_VERSION = 1

/** What the first line of a session's stream names as the hash before it. */
export function genesis(id: SessionId): string {
  return hash('sha256', `sluice session 1 ${id}`)
}

/** Hash of a stored line, without its line feed. */
export function hashLine(line: Buffer): string {
  return hash('sha256', line)
}

/** A line's text without line feed; `body` is what `serialiseEvent` made. */
export function eventLine(seq: number, previous: string, body: string): string {
  return `{"seq":${seq},"previous":"${previous}",${body}`
}

export function sealLine(seal: Seal): string {
  return JSON.stringify({
    seal: SEAL_VERSION,
    session: seal.session,
    count: seal.count,
    last: seal.last,
    signature: seal.signature,
  })
}

/**
 * An event as JSON without its opening brace. Statements, results and outcomes, the lines of each query that passes, are
 * put together by hand: a third of the time that JSON.stringify takes.
 */
export function serialiseEvent(event: SessionEvent): string {
  if (event.type === 'finished') {
    return (
      `"type":"finished","at":${number(event.at)},"statement":${number(event.statement)},"tag":${JSON.stringify(event.tag)}` +
      `,"rows":${number(event.rows)},"bytes":${number(event.bytes)},"milliseconds":${number(event.milliseconds)}}`
    )
  }
  if (event.type === 'result') {
    return (
      `"type":"result","at":${number(event.at)},"statement":${number(event.statement)}` +
      `,"columns":${columnsText(event.columns)},"rows":${JSON.stringify(event.rows)}}`
    )
  }
  if (event.type === 'statement') {
    let body = `"type":"statement","at":${number(event.at)},"statement":${number(event.statement)},"text":${JSON.stringify(event.text)}`
    if (event.parameters !== undefined) body += `,"parameters":${JSON.stringify(event.parameters)}`
    body += `,"decision":"${event.decision}"`
    if (event.rule !== undefined) body += `,"rule":${JSON.stringify(event.rule)}`
    if (event.reason !== undefined) body += `,"reason":${JSON.stringify(event.reason)}`
    return `${body}}`
  }
  return JSON.stringify(event).slice(1)
}

type Columns = (SessionEvent & { type: 'result' })['columns']

/** The same prepared statement gives the same columns, one and the same array, again and again. */
const columnTexts = new WeakMap<Columns, string>()

function columnsText(columns: Columns): string {
  let text = columnTexts.get(columns)
  if (text === undefined) columnTexts.set(columns, (text = JSON.stringify(columns)))
  return text
}

/** JSON has no NaN or Infinity: null, as JSON.stringify writes them. */
function number(value: number): string {
  return Number.isFinite(value) ? String(value) : 'null'
}

/** What a stored line says. `broken`: no line of a recorder's; why, in one sentence. */
export type ParsedLine =
  | { readonly kind: 'event'; readonly stored: StoredEvent }
  | { readonly kind: 'seal'; readonly seal: Seal }
  | { readonly kind: 'broken'; readonly reason: string }

const HASH = /^[0-9a-f]{64}$/

/** Reads one stored line, without its line feed. Never throws. */
export function parseLine(line: Buffer): ParsedLine {
  let value: unknown
  try {
    value = JSON.parse(line.toString('utf8'))
  } catch {
    return { kind: 'broken', reason: 'this is not JSON' }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { kind: 'broken', reason: 'this is not an event' }
  }
  const record = value as Record<string, unknown>
  if ('seal' in record) return parseSeal(record, line)
  const { seq, previous, ...event } = record
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1) {
    return { kind: 'broken', reason: 'this event has no sequence number' }
  }
  if (typeof previous !== 'string' || !HASH.test(previous)) {
    return { kind: 'broken', reason: 'this event does not name the hash of the one before it' }
  }
  if (typeof event.type !== 'string' || typeof event.at !== 'number') {
    return { kind: 'broken', reason: 'this event has no type or no time' }
  }
  return { kind: 'event', stored: { seq, previous, hash: hashLine(line), event: event as unknown as SessionEvent } }
}

function parseSeal(record: Record<string, unknown>, line: Buffer): ParsedLine {
  const { seal, session, count, last, signature } = record
  if (seal !== SEAL_VERSION) return { kind: 'broken', reason: 'this seal is of a version that is not known here' }
  if (
    typeof session !== 'string' ||
    typeof count !== 'number' ||
    typeof last !== 'string' ||
    !HASH.test(last) ||
    typeof signature !== 'string'
  ) {
    return { kind: 'broken', reason: 'this seal lacks a field' }
  }
  const parsed = { session, count, last, signature }
  // No hash covers the seal's own line, so it has one form only.
  if (!line.equals(Buffer.from(sealLine(parsed))))
    return { kind: 'broken', reason: 'this seal was written by somebody else' }
  return { kind: 'seal', seal: parsed }
}
