import { open, readdir } from 'node:fs/promises'
import { type SessionId, SluiceError } from '@sluice/domain'
import { journalFile } from './journal-store.js'
import { isSessionId, type LineSource } from './line-source.js'

const CHUNK_BYTES = 256 * 1024
const EDGE_BYTES = 16 * 1024

/** Reads what `JournalStore` wrote. Errors: `configuration_invalid`. */
export class JournalSource implements LineSource {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Names begin with the time of start, so their order is the sessions'. */
  async *ids(): AsyncIterable<SessionId> {
    const names = await readdir(this.#directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [] // made with the first session
      throw new SluiceError(
        'configuration_invalid',
        `the journal \`${this.#directory}\` cannot be read: ${error.message}`,
      )
    })
    const ids = names.filter((name) => name.endsWith('.jsonl')).map((name) => name.slice(0, -'.jsonl'.length))
    yield* ids.filter(isSessionId).sort().reverse()
  }

  async *chunks(id: SessionId): AsyncIterable<Buffer> {
    const file = await open(journalFile(this.#directory, id), 'r').catch(missing)
    if (file === undefined) return
    try {
      for (;;) {
        const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
        const { bytesRead } = await file.read(chunk, 0, chunk.length)
        if (bytesRead === 0) return
        yield chunk.subarray(0, bytesRead)
      }
    } finally {
      await file.close()
    }
  }

  head(id: SessionId): Promise<Buffer> {
    return this.#edge(id, () => 0)
  }

  tail(id: SessionId): Promise<Buffer> {
    return this.#edge(id, (size) => Math.max(0, size - EDGE_BYTES))
  }

  async #edge(id: SessionId, from: (size: number) => number): Promise<Buffer> {
    const file = await open(journalFile(this.#directory, id), 'r').catch(missing)
    if (file === undefined) return Buffer.alloc(0)
    try {
      const bytes = Buffer.alloc(EDGE_BYTES)
      const { bytesRead } = await file.read(bytes, 0, bytes.length, from((await file.stat()).size))
      return bytes.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  }

  async close(): Promise<void> {}
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined
  throw new SluiceError('configuration_invalid', `a session's file cannot be read: ${error.message}`)
}
