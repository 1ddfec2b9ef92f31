import type { FunctionUse, StatementFacts } from '@sluice/parsers'
import { type SettingVerdict, settingVerdict } from './built-in-rules.js'
import type { Request } from './decision.js'
import { functionKind } from './functions.js'
import type { Policy } from './policy.js'
import type { Place } from './scope.js'
import type { SessionView } from './session-view.js'
import type { Deed } from './verb-set.js'

/** One thing that is decided: a statement, a use of a relation, or a function. */
export interface Item {
  readonly kind: 'statement' | 'relation' | 'function'
  readonly deed: Deed
  readonly place: Place
  readonly view: SessionView
  /** As it stands in reasons: `` `select` on `public.orders` ``. */
  readonly what: string
}

type RefusedSetting = Extract<SettingVerdict, { kind: 'refused' }>

const NOWHERE: Place = { schema: undefined, name: '', database: '' }

/** Takes statements apart into what is decided one by one. */
export class Items {
  readonly #policy: Policy
  readonly #request: Request
  readonly #view: SessionView

  constructor(policy: Policy, request: Request, view: SessionView) {
    this.#policy = policy
    this.#request = request
    this.#view = view
  }

  /** Everything in the statement that must be allowed; or the refusal of a setting that no rule can allow. */
  of(facts: StatementFacts): readonly Item[] | RefusedSetting {
    const items: Item[] = []
    const whole = (deed: Deed) =>
      items.push({ kind: 'statement', deed, place: NOWHERE, view: this.#view, what: `\`${deed.verb}\`` })
    whole(facts)
    for (const nested of facts.nested) whole(nested)
    if (facts.copy?.end === 'server') whole({ verb: facts.verb, class: 'opaque' })
    for (const change of facts.settings) {
      const verdict = settingVerdict(change, this.#view, this.#request.dialect)
      if (verdict.kind === 'refused') return verdict
      if (verdict.kind === 'deed') whole(verdict.deed)
    }
    for (const name of facts.databases) {
      const view = this.#viewOf(name)
      if (facts.verb === 'use' || view === this.#view) continue // whether USE is let in the relay asks the policy itself
      items.push({ kind: 'statement', deed: facts, place: NOWHERE, view, what: `\`${facts.verb}\` of \`${name}\`` })
    }
    for (const use of facts.relations) {
      const { schema, name } = use.relation
      const view = this.#placeOf(schema)
      const what = `\`${use.verb}\` on \`${schema === undefined ? name : `${schema}.${name}`}\``
      items.push({ kind: 'relation', deed: use, place: { schema, name, database: view.database }, view, what })
    }
    for (const use of facts.functions) items.push(this.#functionItem(use, facts))
    return items
  }

  #functionItem(use: FunctionUse, facts: StatementFacts): Item {
    const { schema, name } = use
    const view = this.#placeOf(schema)
    const deed = this.#functionDeed(use, facts)
    const what = `function \`${schema === undefined ? name : `${schema}.${name}`}\``
    return { kind: 'function', deed, place: { schema, name, database: view.database }, view, what }
  }

  /** What calling a function is: what the analysis or our own list says of it, else what CALL is, else reading. */
  #functionDeed(use: FunctionUse, facts: StatementFacts): Deed {
    if (functionKind(use, this.#request.dialect) === 'opaque') return { verb: `function ${use.name}`, class: 'opaque' }
    const said = facts.nested.find((nested) => nested.verb === `function ${use.name}`)
    if (said !== undefined) return said
    return facts.class === 'opaque' || facts.class === 'procedure' ? facts : { verb: 'select', class: 'read' }
  }

  /** The rules for what lies in a schema: in MySQL a schema is a database, which may be another one. */
  #placeOf(schema: string | undefined): SessionView {
    if (this.#request.dialect === 'postgres' || schema === undefined) return this.#view
    return schema.toLowerCase() === 'information_schema' ? this.#view : this.#viewOf(schema)
  }

  #viewOf(schema: string): SessionView {
    const { databaseOf, identity, dialect } = this.#request
    return this.#policy.forSession(identity, databaseOf?.(schema) ?? schema, dialect)
  }
}
