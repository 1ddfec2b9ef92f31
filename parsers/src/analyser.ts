import { FactCache } from './fact-cache.js'
import type { Analyser, Analysis, LexicalMode, TextRange, Unanalysable } from './facts.js'
import { prepare as prepareMysql } from './mysql/analyse.js'
import { mapRanges, withoutEndingZero } from './mysql/canonicalise.js'
import { prepare as preparePostgres } from './postgres/analyse.js'
import { LARGE, openReader, type Reader } from './reader.js'
import { isLiteralFree, type Prepared, type Reading } from './reading.js'
import { ParserThread } from './worker-pool.js'

export interface AnalyserOptions {
  /** Longer texts are refused, bytes. Default 64 MiB; what must be read of them is 4 MiB at most, see `reader.ts`. */
  readonly maxBytes?: number
  /** Longest time for one text in a parser thread, milliseconds. Default 5000. */
  readonly timeoutMs?: number
  /** Memory for known texts, bytes. Default 16 MiB. */
  readonly cacheBytes?: number
}

/** The thread for large texts ends after this time without any. */
const IDLE_MS = 5000

/** Longer texts are not read on the event loop. */
const INLINE_BYTES = 4096

/**
 * Makes the analyser of both dialects. Known and simple texts are answered at once; the first sight of a query, which a second
 * parser is heard on, and everything large goes to a parser thread.
 */
export function createAnalyser(options: AnalyserOptions = {}): Analyser {
  return new CachingAnalyser(options)
}

class CachingAnalyser implements Analyser {
  readonly #maxBytes: number
  readonly #cache: FactCache<Reading>
  readonly #pending = new Map<string, Promise<Reading>>()
  readonly #reader: Reader = openReader()
  /** Two threads, so that a large text does not hold up the small ones. */
  readonly #small: ParserThread
  readonly #large: ParserThread

  constructor({ maxBytes = 64 << 20, timeoutMs = 5000, cacheBytes = 16 << 20 }: AnalyserOptions) {
    this.#maxBytes = maxBytes
    this.#cache = new FactCache(cacheBytes)
    this.#small = new ParserThread(timeoutMs)
    this.#large = new ParserThread(timeoutMs, IDLE_MS)
    this.#reader.load('postgres').catch(() => {})
    this.#small.start()
  }

  analyse(text: Buffer, mode: LexicalMode): Analysis | Promise<Analysis> {
    try {
      return this.#analyse(text, mode)
    } catch {
      return { ok: false, cause: 'limit', reason: 'the statement is too large or too deeply nested to be analysed' }
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#small.close(), this.#large.close()])
  }

  #analyse(text: Buffer, mode: LexicalMode): Analysis | Promise<Analysis> {
    if (text.length > this.#maxBytes) {
      return { ok: false, cause: 'limit', reason: `the statement is longer than ${this.#maxBytes} bytes` }
    }
    if (text.length > LARGE) return this.#readLarge(text, mode)
    const prepared = mode.dialect === 'postgres' ? preparePostgres(text) : prepareMysql(text, mode)
    if ('ok' in prepared) return prepared
    const { key } = prepared
    const known = key === undefined ? undefined : this.#cache.get(key)
    if (known) return answer(prepared, known)
    const pending = key === undefined ? undefined : this.#pending.get(key)
    if (pending) return pending.then((reading) => answer(prepared, reading))
    const reading = this.#readInline(prepared, mode)
    if (reading) return answer(prepared, this.#remember(prepared, reading))
    return this.#readInThread(prepared, mode)
  }

  #readInline({ text }: Prepared, mode: LexicalMode): Reading | undefined {
    if (text.length > INLINE_BYTES || !this.#reader.ready(mode.dialect)) return undefined
    try {
      return this.#reader.read(text, mode, { thorough: false })
    } catch {
      // Too deep for this stack; the thread has a larger one.
      return undefined
    }
  }

  /** Even to prepare it would hold up the others. */
  async #readLarge(text: Buffer, mode: LexicalMode): Promise<Analysis> {
    const reading = await this.#large.read({ text, mode, prepared: false })
    if (!reading.ok) return reading
    const { statements, secrets, text: changed } = reading
    const same = mode.dialect === 'mysql' ? withoutEndingZero(text) : text
    const forwarded = changed ? Buffer.from(changed.buffer, changed.byteOffset, changed.byteLength) : same
    return { ok: true, statements, secrets, text: forwarded }
  }

  async #readInThread(prepared: Prepared, mode: LexicalMode): Promise<Analysis> {
    const thread = prepared.text.length > INLINE_BYTES ? this.#large : this.#small
    const request = thread
      .read({ text: prepared.text, mode, prepared: true })
      .then((reading) => this.#remember(prepared, reading))
    const { key } = prepared
    // What was read for one text may stand for another only if it is kept.
    if (key === undefined || prepared.literalFree) return answer(prepared, await request)
    this.#pending.set(key, request)
    try {
      return answer(prepared, await request)
    } finally {
      this.#pending.delete(key)
    }
  }

  #remember(prepared: Prepared, reading: Reading): Reading {
    // What depends on the literals of the text is not known under the text without them.
    if (prepared.literalFree && !isLiteralFree(reading)) return reading
    if (!reading.ok && reading.cause === 'limit') return reading
    if (prepared.key !== undefined) this.#cache.set(prepared.key, reading)
    return reading
  }
}

function answer(prepared: Prepared, reading: Reading): Analysis {
  const secrets = reading.secrets && prepared.segments ? mapRanges(reading.secrets, prepared.segments) : reading.secrets
  if (reading.ok) return { ok: true, statements: reading.statements, text: prepared.text, secrets: secrets ?? NONE }
  return secrets ? ({ ...reading, secrets } satisfies Unanalysable) : reading
}

const NONE: readonly TextRange[] = []
