import { constants } from 'node:fs'
import { chmod, type FileHandle, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { type SessionId, SluiceError } from '@sluice/domain'
import type { Batch, Settled, Store } from './store.js'

/** File of a session in the journal's directory. */
export function journalFile(directory: string, id: SessionId): string {
  return join(directory, `${id}.jsonl`)
}

interface OpenFile {
  readonly handle: FileHandle
  /** Bytes that are known to be written; what lies behind is an attempt that failed. */
  size: number
}

/**
 * Streams in files, one a session. With `sync` a batch is settled once the disk has it (fdatasync): all that a session had
 * pending goes in one batch, so there is one such call for it. Without, once the operating system has it.
 */
export class JournalStore implements Store {
  readonly ready = true
  readonly awaySince = undefined
  onReady: () => void = () => undefined
  readonly #directory: string
  readonly #sync: boolean
  readonly #files = new Map<SessionId, OpenFile>()
  readonly #writing = new Set<Promise<void>>()

  private constructor(directory: string, sync: boolean) {
    this.#directory = directory
    this.#sync = sync
  }

  /** Makes the directory where it is missing. Errors: `configuration_invalid`. */
  static async open(directory: string, sync: boolean): Promise<JournalStore> {
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      await chmod(directory, 0o700)
    } catch (error) {
      const why = (error as Error).message
      throw new SluiceError('configuration_invalid', `the journal's directory \`${directory}\` cannot be made: ${why}`)
    }
    return new JournalStore(directory, sync)
  }

  write<B extends Batch>(batches: readonly B[], settled: Settled<B>): void {
    for (const batch of batches) {
      const writing = this.#append(batch).then(
        () => settled(batch, undefined),
        (error: Error) => settled(batch, error),
      )
      this.#writing.add(writing)
      void writing.then(() => this.#writing.delete(writing))
    }
  }

  async #append(batch: Batch): Promise<void> {
    let file = this.#files.get(batch.id)
    if (file === undefined) {
      file = await this.#create(batch.id)
      this.#files.set(batch.id, file)
    }
    let done = 0
    while (done < batch.bytes.length) {
      const { bytesWritten } = await file.handle.write(batch.bytes, done, batch.bytes.length - done, file.size + done)
      done += bytesWritten
    }
    if (this.#sync) await file.handle.datasync()
    file.size += done
    if (batch.last) {
      this.#files.delete(batch.id)
      await file.handle.close()
    }
  }

  async #create(id: SessionId): Promise<OpenFile> {
    // Not in append mode: a write that failed half-way is repeated at its own place.
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY
    const handle = await open(journalFile(this.#directory, id), flags, 0o600)
    if (this.#sync) await syncDirectory(this.#directory)
    return { handle, size: 0 }
  }

  hurry(): void {}

  salvage(): Promise<void> {
    return Promise.reject(new Error('the journal cannot be written'))
  }

  async close(): Promise<void> {
    await Promise.all(this.#writing)
    for (const file of this.#files.values()) await file.handle.close()
    this.#files.clear()
  }
}

/** A new name is on disk only when its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
