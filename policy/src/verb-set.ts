import type { StatementClass } from '@sluice/parsers'
import { CLASS_WORDS, verbsOf } from './verbs.js'

/** A statement, or a use of a relation, as rules see it. */
export interface Deed {
  readonly verb: string
  readonly class: StatementClass
}

/** The verbs and classes of one rule. */
export interface VerbSet {
  readonly words: readonly string[]
  readonly verbs: ReadonlySet<string>
  readonly classes: ReadonlySet<string>
}

export function verbSet(words: readonly string[], effect: 'allow' | 'deny' | 'approve'): VerbSet {
  const isClass = (word: string) => (CLASS_WORDS as readonly string[]).includes(word)
  return {
    words,
    verbs: new Set(words.filter((word) => !isClass(word)).flatMap((word) => verbsOf(word, effect))),
    classes: new Set(words.filter(isClass)),
  }
}

/**
 * Does the set name this deed? `any` names every class but `opaque` when it allows; when it denies or holds, `any` is
 * everything.
 */
export function names(set: VerbSet, deed: Deed, effect: 'allow' | 'deny' | 'approve'): boolean {
  if (set.classes.has(deed.class)) return true
  // What is opaque is let through by its class word alone: `allow: [select]` must not let a select pass that runs unseen SQL.
  if (deed.class === 'opaque' && effect === 'allow') return OPAQUE_BY_NAME.has(deed.verb) && set.verbs.has(deed.verb)
  return set.classes.has('any') || set.verbs.has(deed.verb)
}

/** Opaque verbs that may be allowed by their own name, since the name says that nobody sees inside. */
const OPAQUE_BY_NAME: ReadonlySet<string> = new Set([
  'do',
  'call',
  'execute',
  'load',
  'create function',
  'create procedure',
  'create trigger',
  'create event',
  'create extension',
  'alter extension',
  'create language',
  'create transform',
])
