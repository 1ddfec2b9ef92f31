import { inspect } from 'node:util'

const HIDDEN = '<secret>'

/**
 * A value that must not be printed. Shows as `<secret>` in strings, JSON, logs and the inspector;
 * `reveal()` is the one way to it, so that every use can be searched for.
 */
export class Secret<T = string> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  reveal(): T {
    return this.#value
  }

  toString(): string {
    return HIDDEN
  }

  toJSON(): string {
    return HIDDEN
  }

  [inspect.custom](): string {
    return HIDDEN
  }
}
