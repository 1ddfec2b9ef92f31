import type { Dialect, Identity } from '@sluice/domain'
import type { Rule } from './rule.js'
import { SessionView } from './session-view.js'

/** A policy, checked and compiled. Holds for as long as its file does not change; a new text makes a new policy. */
export class Policy {
  readonly rules: readonly Rule[]
  /** By identity, which lives as long as its session; within it by dialect and database. */
  readonly #views = new WeakMap<Identity, Map<string, SessionView>>()

  constructor(rules: readonly Rule[]) {
    this.rules = rules
  }

  /** What concerns this person on this database, sorted out once a session. */
  forSession(identity: Identity, database: string, dialect: Dialect): SessionView {
    let views = this.#views.get(identity)
    if (views === undefined) this.#views.set(identity, (views = new Map()))
    const key = `${dialect} ${database}`
    let view = views.get(key)
    if (view === undefined) {
      if (views.size >= MOST_VIEWS) views.clear() // names of databases come from statements, so their number is bounded here
      views.set(key, (view = new SessionView(this.rules, identity, database, dialect)))
    }
    return view
  }
}

const MOST_VIEWS = 64
