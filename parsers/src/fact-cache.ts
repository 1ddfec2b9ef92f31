/** What a cached entry costs besides its key, roughly. */
const ENTRY_BYTES = 1024

/** Values by text, the least recently used forgotten first, bounded by bytes. */
export class FactCache<V> {
  readonly #limit: number
  readonly #entries = new Map<string, V>()
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get(key: string): V | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    // Far from the limit nothing is forgotten, so that a hit costs one look-up.
    if (this.#bytes > this.#limit / 2) {
      this.#entries.delete(key)
      this.#entries.set(key, value)
    }
    return value
  }

  set(key: string, value: V): void {
    const size = key.length + ENTRY_BYTES
    if (size > this.#limit / 8) return
    if (!this.#entries.has(key)) this.#bytes += size
    this.#entries.set(key, value)
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#limit) return
      this.#entries.delete(oldest)
      this.#bytes -= oldest.length + ENTRY_BYTES
    }
  }
}
