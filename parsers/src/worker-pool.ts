import { Worker } from 'node:worker_threads'
import type { Reading, ReadingRequest } from './reading.js'

/** A parser starts within this time, or not at all. */
const START_MS = 20_000

interface Job {
  readonly request: ReadingRequest
  readonly done: (reading: Reading) => void
}

const TOO_LONG: Reading = { ok: false, cause: 'limit', reason: 'analysing the statement took too long' }
const BROKE: Reading = {
  ok: false,
  cause: 'limit',
  reason: 'the statement is too large or too deeply nested to be analysed',
}
const CLOSED: Reading = { ok: false, cause: 'limit', reason: 'the gateway is shutting down' }

/**
 * One parser thread and the texts that wait for it, one at a time. A text that takes too long or breaks the parser is answered
 * with `limit`, and the thread is replaced; the texts behind it are none the wiser.
 */
export class ParserThread {
  readonly #timeoutMs: number
  readonly #idleMs: number | undefined
  readonly #queue: Job[] = []
  #worker: Worker | undefined
  #ready = false
  #current: Job | undefined
  #timer: NodeJS.Timeout | undefined
  #idleTimer: NodeJS.Timeout | undefined
  #closed = false

  /**
   * `timeoutMs`: the longest time for one text. `idleMs`: with nothing to do for so long, the thread ends and gives back the
   * memory that large texts took; left out: it stays.
   */
  constructor(timeoutMs: number, idleMs?: number) {
    this.#timeoutMs = timeoutMs
    this.#idleMs = idleMs
  }

  /** Never rejects. */
  read(request: ReadingRequest): Promise<Reading> {
    if (this.#closed) return Promise.resolve(CLOSED)
    return new Promise((done) => {
      this.#queue.push({ request, done })
      this.#next()
    })
  }

  /** Starts the thread before it is needed. */
  start(): void {
    if (this.#worker || this.#closed) return
    const worker = new Worker(workerFile(), {
      resourceLimits: { stackSizeMb: 64, maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 8 },
      execArgv: [],
    })
    this.#worker = worker
    this.#ready = false
    worker.unref()
    worker.on('message', (message: Reading | 'ready' | 'reading') => {
      if (worker !== this.#worker) return
      if (message === 'reading') {
        this.#limit(worker, TOO_LONG, this.#timeoutMs)
        return
      }
      if (message === 'ready') this.#ready = true
      else this.#finish(message)
      this.#next()
    })
    worker.on('error', () => this.#replace(worker, BROKE))
    worker.on('exit', () => this.#replace(worker, BROKE))
  }

  async close(): Promise<void> {
    this.#closed = true
    const worker = this.#worker
    this.#worker = undefined
    this.#finish(CLOSED)
    for (const job of this.#queue.splice(0)) job.done(CLOSED)
    await worker?.terminate()
  }

  #next(): void {
    if (this.#current || this.#queue.length === 0 || this.#closed) return
    clearTimeout(this.#idleTimer)
    this.start()
    const worker = this.#worker
    if (!worker) return
    worker.ref()
    if (!this.#ready) {
      if (this.#timer === undefined) this.#limit(worker, BROKE, START_MS)
      return
    }
    this.#current = this.#queue.shift()
    this.#limit(worker, BROKE, START_MS) // the dialect's grammar may have to be loaded first
    worker.postMessage(this.#current?.request)
  }

  #limit(worker: Worker, reading: Reading, milliseconds: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#replace(worker, reading), milliseconds)
  }

  #finish(reading: Reading): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#worker?.unref()
    const job = this.#current
    this.#current = undefined
    job?.done(reading)
    if (this.#idleMs === undefined || this.#queue.length > 0) return
    clearTimeout(this.#idleTimer)
    this.#idleTimer = setTimeout(() => this.#rest(), this.#idleMs).unref()
  }

  #rest(): void {
    const worker = this.#worker
    this.#worker = undefined
    worker?.terminate().catch(() => {})
  }

  #replace(worker: Worker, reading: Reading): void {
    if (worker !== this.#worker) return
    this.#worker = undefined
    // A thread that does not even start must not be tried for ever by the same text.
    if (!this.#current) this.#current = this.#queue.shift()
    this.#finish(reading)
    worker.terminate().catch(() => {})
    this.#next()
  }
}

/** The built worker, also when this file runs from source. */
function workerFile(): URL {
  const fromSource = import.meta.url.endsWith('.ts')
  return new URL(fromSource ? '../dist/parse-worker.js' : './parse-worker.js', import.meta.url)
}
