import type { KeyObject } from 'node:crypto'
import type { SessionId } from '@sluice/domain'
import { genesis, parseLine, type Seal, type StoredEvent } from './format.js'
import type { Line } from './line-source.js'
import { sealFits } from './seal.js'

/**
 * What a stream's bytes prove.
 *
 * `complete`: whole, in order, ended and sealed by our key. `open`: whole so far, without an end: the session runs still, or the
 * gateway was killed (or somebody cut off its end, which only a seal could show). `incomplete`: a write was cut off, or the end has no
 * seal. `tampered`: a line was changed, dropped, added or moved. `bad-seal`: the chain holds, but our key did not seal it.
 * `line` is the place, from 1; `events` counts those before it.
 */
export type Verification =
  | { readonly state: 'complete' | 'open'; readonly events: number }
  | {
      readonly state: 'incomplete' | 'tampered' | 'bad-seal'
      readonly events: number
      readonly line: number
      readonly reason: string
    }

/** One line after the other: an event that fits, or the first thing that does not. */
export type Checked =
  | { readonly kind: 'event'; readonly stored: StoredEvent }
  | { readonly kind: 'seal'; readonly seal: Seal }
  | { readonly kind: 'end'; readonly verification: Verification }

/**
 * Follows the chain of a session line by line; the last value is its verification. Without a key the seal's signature
 * is not looked at, for readers that only follow the chain.
 */
export async function* checkChain(
  id: SessionId,
  lines: AsyncIterable<Line>,
  key: KeyObject | undefined,
): AsyncIterable<Checked> {
  let events = 0
  let previous = genesis(id)
  let ended = false
  let sealed = false
  let place = 0
  const end = (state: 'incomplete' | 'tampered' | 'bad-seal', reason: string): Checked => ({
    kind: 'end',
    verification: { state, events, line: place, reason },
  })
  for await (const line of lines) {
    place++
    if (sealed) return yield end('tampered', 'there is something behind the seal')
    if (!line.whole) return yield end('incomplete', 'the last write was cut off')
    const parsed = parseLine(line.bytes)
    if (parsed.kind === 'broken') return yield end('tampered', parsed.reason)
    if (parsed.kind === 'seal') {
      const wrong = wrongSeal(id, parsed.seal, { events, previous, ended }, key)
      if (wrong !== undefined) return yield end(wrong.state, wrong.reason)
      sealed = true
      yield parsed
      continue
    }
    const { stored } = parsed
    if (ended) return yield end('tampered', 'there is an event behind the end of the session')
    if (stored.seq !== events + 1)
      return yield end('tampered', `event ${events + 1} is due here and this is ${stored.seq}`)
    if (stored.previous !== previous) {
      const before =
        events === 0 ? 'this is not the beginning of this session' : 'the event before this one was changed'
      return yield end('tampered', before)
    }
    if ((stored.event.type === 'session-started') !== (events === 0)) {
      return yield end('tampered', 'a session begins here, or should')
    }
    events++
    previous = stored.hash
    ended = stored.event.type === 'session-ended'
    yield parsed
  }
  place++
  if (sealed) yield { kind: 'end', verification: { state: 'complete', events } }
  else if (ended) yield end('incomplete', 'the session ended and has no seal')
  else if (events === 0) yield end('incomplete', 'there is no event')
  else yield { kind: 'end', verification: { state: 'open', events } }
}

function wrongSeal(
  id: SessionId,
  seal: Seal,
  chain: { readonly events: number; readonly previous: string; readonly ended: boolean },
  key: KeyObject | undefined,
): { state: 'tampered' | 'bad-seal'; reason: string } | undefined {
  if (!chain.ended) return { state: 'tampered', reason: 'there is a seal before the end of the session' }
  if (seal.session !== id) return { state: 'bad-seal', reason: `the seal is that of session ${seal.session}` }
  if (seal.count !== chain.events || seal.last !== chain.previous) {
    return { state: 'tampered', reason: 'the seal is over other events than these' }
  }
  if (key !== undefined && !sealFits(seal, key))
    return { state: 'bad-seal', reason: 'the signature is not from our key' }
  return undefined
}
