/**
 * Bytes on their way to one side. Neighbouring stretches of one buffer leave as one, so that a chunk that nobody changed
 * is passed on as the chunk that came.
 */
export class Outlet {
  readonly #emit: (bytes: Buffer) => void
  #bytes: Buffer | undefined
  #start = 0
  #end = 0

  constructor(emit: (bytes: Buffer) => void) {
    this.#emit = emit
  }

  /** Passes on the bytes `[start, end)` of a buffer that nobody will change. */
  pass(bytes: Buffer, start: number, end: number): void {
    if (bytes === this.#bytes && start === this.#end) this.#end = end
    else {
      this.flush()
      this.#bytes = bytes
      this.#start = start
      this.#end = end
    }
  }

  write(bytes: Buffer): void {
    this.pass(bytes, 0, bytes.length)
  }

  /** Hands out what was gathered; call it at the end of each chunk. */
  flush(): void {
    const bytes = this.#bytes
    if (bytes === undefined) return
    this.#bytes = undefined
    if (this.#end === this.#start) return
    this.#emit(this.#end - this.#start === bytes.length ? bytes : bytes.subarray(this.#start, this.#end))
  }
}
