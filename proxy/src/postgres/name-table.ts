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
  /**
   * The same of the empty name, which most messages use. Not in the maps: V8 makes a map that is emptied a new table that
   * the old one points to, so that with one old table in the old generation all later ones, and what they hold, end there.
   */
  readonly #unnamed: { settled: T | undefined; latest: Change<T> | undefined } = {
    settled: undefined,
    latest: undefined,
  }

  /** Begins a change: the name will stand for `value`, or for nothing. `segment` counts the Syncs before it. */
  begin(key: string, value: T | undefined, segment: number): Change<T> {
    const change = new Change(this, key, value, segment, this.#latestOf(key))
    if (key === '') this.#unnamed.latest = change
    else this.#latest.set(key, change)
    return change
  }

  /** The change that must be settled before a message of this segment can use the name. */
  unsettled(key: string, segment: number): Change<T> | undefined {
    const change = this.#latestOf(key)
    return change === undefined || change.segment === segment ? undefined : change
  }

  /** What the name stands for, taking the changes in flight for done. */
  get(key: string): T | undefined {
    const change = this.#latestOf(key)
    return change === undefined ? this.#settledOf(key) : change.value
  }

  /** Everything that the name may stand for. */
  candidates(key: string): T[] {
    const settled = this.#settledOf(key)
    const found = settled === undefined ? [] : [settled]
    for (let change = this.#latestOf(key); change !== undefined; change = change.previous) {
      if (change.value !== undefined) found.push(change.value)
    }
    return found
  }

  /** Everything that stands behind a name, or will. */
  forEach(visit: (value: T, key: string) => void): void {
    for (const key of new Set(['', ...this.#settled.keys(), ...this.#latest.keys()])) {
      for (const value of this.candidates(key)) visit(value, key)
    }
  }

  /** Forgets what stands behind the name; changes in flight stay. */
  forget(key: string): void {
    if (key === '') this.#unnamed.settled = undefined
    else this.#settled.delete(key)
  }

  /** Forgets all that is settled. */
  forgetAll(): void {
    this.#unnamed.settled = undefined
    if (this.#settled.size > 0) this.#settled.clear()
  }

  /** For `Change.settle`. */
  settle(change: Change<T>, took: boolean): void {
    const { key, value } = change
    if (this.#latestOf(key) === change) {
      if (key === '') this.#unnamed.latest = undefined
      else this.#latest.delete(key)
    }
    if (!took) return
    if (value === undefined) this.forget(key)
    else if (key === '') this.#unnamed.settled = value
    else this.#settled.set(key, value)
  }

  #settledOf(key: string): T | undefined {
    return key === '' ? this.#unnamed.settled : this.#settled.get(key)
  }

  #latestOf(key: string): Change<T> | undefined {
    return key === '' ? this.#unnamed.latest : this.#latest.get(key)
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
