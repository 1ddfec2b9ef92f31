import { WireError } from '../wire-error.js'
import type { LengthLimits } from './limits.js'

const HEADER = 5
const NONE = Buffer.alloc(0)

/**
 * Cuts a stream of chunks into messages: type byte, int32 length that counts itself, content (manual, "Message Flow").
 *
 * Feed a chunk, then call `next` until it returns false; each true describes one frame, or the stretch of it that is here,
 * in the public fields. Nothing is copied but the bytes of frames that a chunk's end cuts in two, and of those only the
 * ones that the reader wants whole.
 */
export class Framer {
  /** Where the current frame's bytes lie: `[start, end)`, type byte and length included. */
  bytes: Buffer = NONE
  start = 0
  end = 0
  type = 0
  /** The whole frame's bytes, type byte included. */
  length = 0
  /** All of the frame is in `[start, end)`. If not, call `hold` or `stream` before `next`. */
  whole = false
  /** A further stretch of a frame that `stream` was called for; `whole` then says that it is the last. */
  continued = false

  readonly #limits: LengthLimits
  #chunk: Buffer = NONE
  #at = 0
  #toStream = 0
  #cut: Buffer | undefined
  #cutLength = 0
  #wanted = 0

  constructor(limits: LengthLimits) {
    this.#limits = limits
  }

  /** Hands in the next chunk; the one before must be used up. */
  feed(chunk: Buffer): void {
    this.#chunk = chunk
    this.#at = 0
  }

  /** The stream stands inside a frame. */
  get insideFrame(): boolean {
    return this.#toStream > 0 || this.#cut !== undefined
  }

  /** The stream stands inside a frame whose beginning was handed out already. */
  get streaming(): boolean {
    return this.#toStream > 0
  }

  /** Bytes of the chunk that were not looked at yet. */
  get left(): number {
    return this.#chunk.length - this.#at
  }

  /** Goes to the next frame; false where the chunk has no more. Throws `WireError` for a length that cannot be. */
  next(): boolean {
    if (this.#toStream > 0) return this.#goOnStreaming()
    if (this.#cut !== undefined) return this.#goOnWithCut()
    const at = this.#at
    const left = this.#chunk.length - at
    if (left < HEADER) {
      if (left > 0) this.#cutOff(at, HEADER)
      return false
    }
    this.continued = false
    this.bytes = this.#chunk
    this.start = at
    this.#readHeader(this.#chunk, at)
    this.whole = this.length <= left
    this.end = this.#at = this.whole ? at + this.length : this.#chunk.length
    return true
  }

  /** Keeps what is here of the current frame; `next` comes back to it when it is whole. */
  hold(): void {
    if (this.bytes === this.#cut) this.#wanted = this.length
    else {
      this.#at = this.start
      this.#cutOff(this.start, this.length)
    }
  }

  /** The current frame's further stretches come one by one, each with `continued` set. */
  stream(): void {
    this.#toStream = this.length - (this.end - this.start)
    this.#cut = undefined
  }

  #readHeader(bytes: Buffer, at: number): void {
    const type = bytes[at]!
    const length = (bytes[at + 1]! << 24) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!
    if (length < 4 || length > this.#limits[type]!) throw wrongHeader(type, length, this.#limits[type]!)
    this.type = type
    this.length = length + 1
  }

  #goOnStreaming(): boolean {
    const left = this.#chunk.length - this.#at
    if (left === 0) return false
    const take = Math.min(left, this.#toStream)
    this.bytes = this.#chunk
    this.start = this.#at
    this.end = this.#at += take
    this.#toStream -= take
    this.whole = this.#toStream === 0
    this.continued = true
    return true
  }

  /** A frame that a chunk's end cut: first its header is filled up, then, where it is held, the rest. */
  #goOnWithCut(): boolean {
    this.#fill()
    if (this.#cutLength < this.#wanted) return false
    const cut = this.#cut!
    if (this.#wanted === HEADER) this.#readHeader(cut, 0)
    this.bytes = cut
    this.start = 0
    this.end = this.#cutLength
    this.whole = this.end === this.length
    this.continued = false
    if (this.whole) this.#cut = undefined
    return true
  }

  #cutOff(at: number, wanted: number): void {
    this.#at = at
    this.#wanted = wanted
    this.#cutLength = 0
    this.#cut = Buffer.allocUnsafe(Math.min(wanted, Math.max(64, 2 * this.left)))
    this.#fill()
  }

  /** Takes what the chunk has of the cut frame. Room grows with what arrived, never with what a length claims. */
  #fill(): void {
    const take = Math.min(this.left, this.#wanted - this.#cutLength)
    const filled = this.#cutLength + take
    let cut = this.#cut!
    if (filled > cut.length) {
      const roomier = Buffer.allocUnsafe(Math.min(this.#wanted, 2 * filled))
      cut.copy(roomier, 0, 0, this.#cutLength)
      this.#cut = cut = roomier
    }
    this.#chunk.copy(cut, this.#cutLength, this.#at, this.#at + take)
    this.#cutLength = filled
    this.#at += take
  }
}

function wrongHeader(type: number, length: number, limit: number): WireError {
  const name = `message type 0x${type.toString(16).padStart(2, '0')}`
  return new WireError(limit === 0 ? `unknown ${name}` : `${name} with impossible length ${length}`)
}
