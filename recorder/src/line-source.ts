import type { SessionId } from '@sluice/domain'
import { MAX_LINE_BYTES } from './format.js'

/** Streams as bytes, for reading. */
export interface LineSource {
  /** Newest first. `since`: sessions that started earlier may be left out. */
  ids(since: number | undefined): AsyncIterable<SessionId>
  /** A stream from its beginning, a chunk at a time; nothing for a session that is not there. */
  chunks(id: SessionId): AsyncIterable<Buffer>
  /** Bytes from a stream's beginning, with at least its first line. */
  head(id: SessionId): Promise<Buffer>
  /** Bytes up to a stream's end, with its last two lines where it is sealed. */
  tail(id: SessionId): Promise<Buffer>
  close(): Promise<void>
}

/** A line without its line feed. `whole` is false for the rest behind the last line feed: a write that was cut off. */
export interface Line {
  readonly bytes: Buffer
  readonly whole: boolean
}

/** Cuts chunks into lines; holds one line and one chunk at a time. */
export async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncIterable<Line> {
  let parts: Buffer[] = []
  let length = 0
  for await (const chunk of chunks) {
    let start = 0
    for (let feed = chunk.indexOf(10); feed >= 0; feed = chunk.indexOf(10, start)) {
      const rest = chunk.subarray(start, feed)
      yield { bytes: parts.length === 0 ? rest : Buffer.concat([...parts, rest]), whole: true }
      parts = []
      length = 0
      start = feed + 1
    }
    if (start === chunk.length) continue
    parts.push(chunk.subarray(start))
    length += chunk.length - start
    if (length > MAX_LINE_BYTES) break
  }
  if (parts.length > 0) yield { bytes: Buffer.concat(parts), whole: false }
}

/** A session id that is safe in a key or file name. */
export function isSessionId(id: string): boolean {
  return /^[0-9A-Za-z][0-9A-Za-z-]{0,63}$/.test(id)
}
