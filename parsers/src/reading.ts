import type { LexicalMode, StatementFacts, TextRange, Unanalysable } from './facts.js'

/** An analysis without the text: what is cached, and what a parser thread sends back. */
export type Reading =
  | {
      readonly ok: true
      readonly statements: readonly StatementFacts[]
      readonly secrets: readonly TextRange[]
      /** Of a text that was not prepared, and is to be forwarded in other words: these. */
      readonly text?: Uint8Array
    }
  | Unanalysable

/** What a parser thread is asked to read: a prepared text, or one that is too large to be prepared on the event loop. */
export interface ReadingRequest {
  readonly text: Uint8Array
  readonly mode: LexicalMode
  readonly prepared: boolean
}

export interface ReadOptions {
  /** Hear every witness, however slow. Without it a text that needs one is not read (undefined). */
  readonly thorough: boolean
}

/** From this byte of the prepared text on, bytes stand `shift` further on in the original. */
export interface TextSegment {
  readonly start: number
  readonly shift: number
}

/** A text ready to be read. */
export interface Prepared {
  /** What is analysed and forwarded. MySQL: the canonical text. */
  readonly text: Buffer
  /** What the facts are known under; undefined: not worth keeping. */
  readonly key: string | undefined
  /** The key holds no literals: facts that depend on them must not be kept under it. */
  readonly literalFree: boolean
  /** Where the bytes stand in the original text, if it was changed. */
  readonly segments?: readonly TextSegment[]
}

/** True where the same statement with other literals has the same facts. */
export function isLiteralFree(reading: Reading): boolean {
  return (
    reading.ok &&
    reading.secrets.length === 0 &&
    reading.statements.every(
      (s) =>
        LITERAL_FREE_VERBS.has(s.verb) && s.settings.length === 0 && s.databases.length === 0 && !s.prepared && !s.copy,
    )
  )
}

const LITERAL_FREE_VERBS = new Set(['select', 'insert', 'update', 'delete', 'replace'])
