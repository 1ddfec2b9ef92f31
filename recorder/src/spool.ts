import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Batch } from './store.js'

/**
 * Batches in files, in order, while the store is away. A file is called `<host>.<pid>.<process>.<n>.spool` and holds records:
 *
 *     {"id":"<session>","seq":7,"started":1700000000000,"last":false,"bytes":412}\n
 *     412 bytes: the batch's lines
 *
 * A record that a crash cut off ends the file. Files whose process is gone are taken over by renaming them, which only one
 * of several processes can.
 */
export class Spool {
  readonly #directory: string
  readonly #mine = `${hostname()}.${process.pid}.${randomBytes(6).toString('hex')}`
  /** Files to be caught up, oldest first; the last one may still be written. */
  readonly #segments: Segment[] = []
  #waiting: { record: Buffer; resolve: () => void; reject: (error: Error) => void }[] = []
  #writing: Promise<void> | undefined
  #number = 0

  readonly #onProblem: (message: string) => void

  constructor(directory: string, onProblem: (message: string) => void) {
    this.#directory = directory
    this.#onProblem = onProblem
  }

  /** Nothing is left to catch up. */
  get empty(): boolean {
    return this.#segments.length === 0 && this.#waiting.length === 0 && this.#writing === undefined
  }

  /** Puts a batch at the end. Resolves when the operating system has it: it then outlives this process. */
  append(batch: Batch): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record: encodeRecord(batch), resolve, reject })
      this.#writing ??= this.#write()
    })
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting
      this.#waiting = []
      try {
        const segment = await this.#current()
        const bytes = Buffer.concat(group.map((entry) => entry.record))
        let done = 0
        while (done < bytes.length) {
          done += (await segment.handle.write(bytes, done, bytes.length - done, segment.size + done)).bytesWritten
        }
        segment.size += done
        for (const entry of group) entry.resolve()
      } catch (error) {
        for (const entry of group) entry.reject(error as Error)
      }
    }
    this.#writing = undefined // in one step with the question above: who comes later starts anew
  }

  async #current(): Promise<Segment> {
    const last = this.#segments.at(-1)
    if (last?.writable && last.size < SEGMENT_BYTES) return last
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    const path = join(this.#directory, `${this.#mine}.${this.#number++}.spool`)
    const segment = { path, handle: await open(path, 'wx+', 0o600), size: 0, read: 0, writable: true }
    if (last !== undefined) last.writable = false
    this.#segments.push(segment)
    return segment
  }

  /** The oldest batches, some 256 kB of them; none where nothing is left. They stay until `drop`. */
  async peek(): Promise<{ readonly batches: readonly Batch[]; readonly drop: () => void }> {
    for (;;) {
      const segment = this.#segments[0]
      if (segment === undefined) {
        if (this.#writing === undefined) return { batches: [], drop: () => undefined }
        await this.#writing
        continue
      }
      const { batches, end } = await readRecords(segment)
      if (batches.length > 0) {
        return {
          batches,
          drop: () => {
            segment.read = end
          },
        }
      }
      // All is read, or the rest was cut off by a crash. A file that is being written to is kept until it is not.
      if (segment.writable && this.#writing !== undefined) await this.#writing
      else await this.#remove(segment)
    }
  }

  async #remove(segment: Segment): Promise<void> {
    segment.writable = false
    this.#segments.splice(this.#segments.indexOf(segment), 1)
    await segment.handle.close()
    if (segment.read === segment.size) {
      await unlink(segment.path).catch(() => undefined)
      return
    }
    await rename(segment.path, `${segment.path}.torn`).catch(() => undefined)
    this.#onProblem(`the end of a spool file was cut off by a crash: the rest is kept in ${segment.path}.torn`)
  }

  /** Takes over what processes that are gone have left. Returns how many files. */
  async adopt(): Promise<number> {
    const adopted: Segment[] = []
    const names = await readdir(this.#directory).catch(() => [])
    for (const name of names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))) {
      if (!(await this.#orphaned(name))) continue
      const path = join(this.#directory, `${this.#mine}.${this.#number++}.spool`)
      try {
        await rename(join(this.#directory, name), path)
      } catch {
        continue // another process was first
      }
      const handle = await open(path, 'r+')
      const { size } = await handle.stat()
      adopted.push({ path, handle, size, read: 0, writable: false })
    }
    this.#segments.unshift(...adopted)
    return adopted.length
  }

  /** A live process of this host has its pid; of another host, or where pids come again, it has touched its files lately. */
  async #orphaned(name: string): Promise<boolean> {
    const match = /^(.+)\.(\d+)\.([0-9a-f]{12})\.\d+\.spool$/.exec(name)
    if (match === null || name.startsWith(`${this.#mine}.`)) return false
    if (match[1] === hostname() && (Number(match[2]) === process.pid || !isAlive(Number(match[2])))) return true
    const file = await stat(join(this.#directory, name)).catch(() => undefined)
    return file !== undefined && Date.now() - file.mtimeMs > ABANDONED_AFTER
  }

  /** Says that this process lives. To be called a few times a minute. */
  async touch(): Promise<void> {
    const now = new Date()
    for (const segment of [...this.#segments]) await utimes(segment.path, now, now).catch(() => undefined)
  }

  /** Leaves what is not caught up to the next start. */
  async close(): Promise<void> {
    await this.#writing
    for (const segment of this.#segments.splice(0)) await segment.handle.close()
  }
}

interface Segment {
  readonly path: string
  readonly handle: FileHandle
  size: number
  read: number
  writable: boolean
}

const SEGMENT_BYTES = 64 * 1024 * 1024
const READ_BYTES = 256 * 1024
const ABANDONED_AFTER = 120_000 // milliseconds

function encodeRecord(batch: Batch): Buffer {
  const { id, seq, started, last, bytes } = batch
  return Buffer.concat([Buffer.from(`${JSON.stringify({ id, seq, started, last, bytes: bytes.length })}\n`), bytes])
}

/** Whole records from where the segment was read to; `end` is where the last of them ends. */
async function readRecords(segment: Segment): Promise<{ batches: Batch[]; end: number }> {
  for (let length = READ_BYTES; ; length *= 4) {
    const wanted = Math.min(length, segment.size - segment.read)
    const chunk = Buffer.allocUnsafe(wanted)
    const { bytesRead } = await segment.handle.read(chunk, 0, wanted, segment.read)
    const { batches, end } = decodeRecords(chunk.subarray(0, bytesRead))
    if (batches.length > 0 || length >= segment.size - segment.read) return { batches, end: segment.read + end }
  }
}

function decodeRecords(chunk: Buffer): { batches: Batch[]; end: number } {
  const batches: Batch[] = []
  let end = 0
  for (;;) {
    const feed = chunk.indexOf(10, end)
    if (feed < 0) return { batches, end }
    const header = parseHeader(chunk.toString('utf8', end, feed))
    if (header === undefined || feed + 1 + header.bytes > chunk.length) return { batches, end }
    const { id, seq, started, last, bytes } = header
    batches.push({ id, seq, started, last, bytes: chunk.subarray(feed + 1, feed + 1 + bytes) })
    end = feed + 1 + bytes
  }
}

function parseHeader(text: string): (Omit<Batch, 'bytes'> & { bytes: number }) | undefined {
  try {
    const { id, seq, started, last, bytes } = JSON.parse(text) as Record<string, unknown>
    if (typeof id !== 'string' || typeof seq !== 'number' || typeof started !== 'number') return undefined
    if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0) return undefined
    return { id, seq, started, last: last === true, bytes }
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
