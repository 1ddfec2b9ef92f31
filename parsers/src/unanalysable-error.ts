import type { Unanalysable } from './facts.js'

/** Thrown inside the analysis where a text cannot be read; the reader turns it into its value. */
export class UnanalysableError extends Error {
  readonly result: Unanalysable

  constructor(cause: Unanalysable['cause'], reason: string, position?: number) {
    super(reason)
    this.result = position === undefined ? { ok: false, cause, reason } : { ok: false, cause, reason, position }
  }
}
