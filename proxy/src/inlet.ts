import type { Side } from './relay.js'

/** Cuts chunks into frames, as both protocols' framers do. */
export interface Frames {
  feed(chunk: Buffer): void
  /** Goes to the next frame; false where the chunk has no more. */
  next(): boolean
}

/** The frames that come from one side. While the side is held they wait, those of later chunks too. */
export class Inlet<F extends Frames> {
  readonly side: Side
  readonly frames: F
  held = false
  readonly #waiting: Buffer[] = []

  constructor(side: Side, frames: F) {
    this.side = side
    this.frames = frames
  }

  feed(chunk: Buffer): void {
    if (this.held) this.#waiting.push(chunk)
    else this.frames.feed(chunk)
  }

  /** Goes to the next frame; false where there is none, or the side is held. */
  next(): boolean {
    if (this.held) return false
    while (!this.frames.next()) {
      const chunk = this.#waiting.shift()
      if (chunk === undefined) return false
      this.frames.feed(chunk)
    }
    return true
  }
}
