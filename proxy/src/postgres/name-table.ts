/**
 * Names of prepared statements or portals, and what stands behind them on the server, as far as its answers are in.
 *
 * A Parse may fail, or be skipped after an error, and the messages that use its name are on their way before that is
 * known. So a change waits until the server has answered it. Between two Syncs the latest change of a name counts at
 * once: if it fails, everything after it is skipped too. Across a Sync its outcome must be awaited.
 */
export class NameTable<T> {
  readonly #settled = new Map<string, T>()
  /** The latest change of each name that has any in flight. */
  readonly #latest = new Map<string, Change<T>>()

  /** Begins a change: the name will stand for `value`, or for nothing. `segment` counts the Syncs before it. */
  begin(key: string, value: T | undefined, segment: number): Change<T> {
    const change = new Change(this, key, value, segment, this.#latest.get(key))
    this.#latest.set(key, change)
    return change
  }

  /** The change that must be settled before a message of this segment can use the name. */
  unsettled(key: string, segment: number): Change<T> | undefined {
    const change = this.#latest.get(key)
    return change === undefined || change.segment === segment ? undefined : change
  }

  /** What the name stands for, taking the changes in flight for done. */
  get(key: string): T | undefined {
    const change = this.#latest.get(key)
    return change === undefined ? this.#settled.get(key) : change.value
  }

  /** Everything that the name may stand for. */
  candidates(key: string): T[] {
    const settled = this.#settled.get(key)
    const found = settled === undefined ? [] : [settled]
    for (let change = this.#latest.get(key); change !== undefined; change = change.previous) {
      if (change.value !== undefined) found.push(change.value)
    }
    return found
  }

  /** Everything that stands behind a name, or will. */
  forEach(visit: (value: T, key: string) => void): void {
    for (const [key, value] of this.#settled) visit(value, key)
    for (const [key, latest] of this.#latest) {
      for (let change: Change<T> | undefined = latest; change !== undefined; change = change.previous) {
        if (change.value !== undefined) visit(change.value, key)
      }
    }
  }

  /** Forgets what stands behind the name; changes in flight stay. */
  forget(key: string): void {
    this.#settled.delete(key)
  }

  /** Forgets all that is settled. */
  forgetAll(): void {
    if (this.#settled.size > 0) this.#settled.clear()
  }

  /** For `Change.settle`. */
  settle(change: Change<T>, took: boolean): void {
    if (this.#latest.get(change.key) === change) this.#latest.delete(change.key)
    if (!took) return
    if (change.value === undefined) this.#settled.delete(change.key)
    else this.#settled.set(change.key, change.value)
  }
}

/** A change of what a name stands for, in flight until it is settled. The server settles a name's changes in order. */
export class Change<T> {
  readonly key: string
  readonly value: T | undefined
  readonly segment: number
  /** The change of the same name that went before, while it is in flight too. */
  previous: Change<T> | undefined
  settled = false
  readonly #table: NameTable<T>
  #next: Change<T> | undefined

  constructor(
    table: NameTable<T>,
    key: string,
    value: T | undefined,
    segment: number,
    previous: Change<T> | undefined,
  ) {
    this.#table = table
    this.key = key
    this.value = value
    this.segment = segment
    this.previous = previous
    if (previous !== undefined) previous.#next = this
  }

  /** The server has done it, or has not. */
  settle(took: boolean): void {
    this.settled = true
    if (this.#next !== undefined) this.#next.previous = undefined
    this.#table.settle(this, took)
  }

  /** Not done, and what stood there before is gone as well: a Parse of the unnamed statement fails so. */
  settleAsLost(): void {
    this.settle(false)
    this.#table.forget(this.key)
  }
}
