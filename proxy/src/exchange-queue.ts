/**
 * What is in flight upstream, in order: each exchange waits here for the server's answer. A ring, so that taking the
 * first one costs the same however many wait.
 */
export class ExchangeQueue<T> {
  #ring: (T | undefined)[] = new Array(16)
  #first = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** The exchange that the server answers now. */
  get head(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#first]
  }

  /** The exchange at a place; 0 is the head. */
  at(index: number): T | undefined {
    return index < this.#length ? this.#ring[(this.#first + index) & (this.#ring.length - 1)] : undefined
  }

  push(exchange: T): void {
    if (this.#length === this.#ring.length) this.#grow()
    this.#ring[(this.#first + this.#length) & (this.#ring.length - 1)] = exchange
    this.#length++
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const exchange = this.#ring[this.#first]
    this.#ring[this.#first] = undefined
    this.#first = (this.#first + 1) & (this.#ring.length - 1)
    this.#length--
    return exchange
  }

  /** Takes out the exchange at a place; those behind it move up. */
  remove(index: number): void {
    const mask = this.#ring.length - 1
    for (let i = index; i < this.#length - 1; i++) {
      this.#ring[(this.#first + i) & mask] = this.#ring[(this.#first + i + 1) & mask]
    }
    this.#ring[(this.#first + this.#length - 1) & mask] = undefined
    this.#length--
  }

  #grow(): void {
    const roomier: (T | undefined)[] = new Array(this.#ring.length * 2)
    for (let i = 0; i < this.#length; i++) roomier[i] = this.at(i)
    this.#ring = roomier
    this.#first = 0
  }
}
