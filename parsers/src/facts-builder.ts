import type {
  FunctionUse,
  RelationName,
  RelationUse,
  SettingChange,
  StatementClass,
  StatementFacts,
  TextRange,
} from './facts.js'

/** A statement's name in the server's manual and its class. */
export interface StatementKind {
  readonly verb: string
  readonly class: StatementClass
}

/** Gathers what a walk over one statement finds; says each thing once. */
export class FactsBuilder {
  kind: StatementKind
  hasWhere = true
  plainOutput = true
  outputs: StatementFacts['outputs']
  copy: StatementFacts['copy']
  prepared: StatementFacts['prepared']
  transaction: StatementFacts['transaction']
  readonly secrets: TextRange[] = []
  readonly #relations = new Map<string, RelationUse>()
  readonly #functions = new Map<string, FunctionUse>()
  readonly #nested = new Map<string, StatementKind>()
  readonly #databases = new Set<string>()
  readonly #dotted = new Set<string>()
  readonly #settings: SettingChange[] = []

  constructor(kind: StatementKind) {
    this.kind = kind
  }

  relation(schema: string | undefined, name: string, kind: StatementKind, assignedFrom: readonly string[] = []): void {
    const key = `${kind.verb}\0${schema ?? ''}\0${name}`
    const known = this.#relations.get(key)
    if (known && assignedFrom.length === 0) return
    const columns = new Set([...(known?.assignedFrom ?? []), ...assignedFrom])
    const relation: RelationName = schema === undefined ? { name } : { schema, name }
    this.#relations.set(key, {
      relation,
      verb: kind.verb,
      class: kind.class,
      ...(columns.size > 0 && { assignedFrom: [...columns] }),
    })
  }

  function(schema: string | undefined, name: string, bare = false): void {
    const key = `${schema ?? ''}\0${name}`
    const known = this.#functions.get(key)
    this.#functions.set(key, {
      ...(schema !== undefined && { schema }),
      name,
      ...(bare && (known === undefined || known.bare) && { bare }),
    })
  }

  dotted(name: string): void {
    this.#dotted.add(name)
  }

  nest(kind: StatementKind): void {
    this.#nested.set(`${kind.verb}\0${kind.class}`, { verb: kind.verb, class: kind.class })
  }

  database(name: string): void {
    this.#databases.add(name)
  }

  setting(name: string, value: string | undefined, lasting: boolean): void {
    this.#settings.push(value === undefined ? { name, lasting } : { name, value, lasting })
  }

  /** MySQL: a user variable is assigned, which keeps a value for later statements. Its name says nothing. */
  userVariable(): void {
    if (!this.#settings.some(({ name }) => name === '@')) this.setting('@', undefined, false)
  }

  /** Takes over what another builder found in a part of the statement; not its kind. */
  absorb(part: FactsBuilder): void {
    for (const { relation, verb, class: kind, assignedFrom } of part.#relations.values())
      this.relation(relation.schema, relation.name, { verb, class: kind }, assignedFrom)
    for (const { schema, name, bare } of part.#functions.values()) this.function(schema, name, bare)
    for (const kind of part.#nested.values()) this.nest(kind)
    for (const name of part.#databases) this.#databases.add(name)
    this.#settings.push(...part.#settings)
    this.hasWhere &&= part.hasWhere
    this.plainOutput &&= part.plainOutput
    if (part.copy) this.copy = part.copy
  }

  build(): StatementFacts {
    return {
      verb: this.kind.verb,
      class: this.kind.class,
      relations: [...this.#relations.values()],
      functions: [...this.#functions.values()],
      nested: [...this.#nested.values()],
      hasWhere: this.hasWhere,
      settings: this.#settings,
      databases: [...this.#databases],
      plainOutput: this.plainOutput,
      ...(this.outputs && { outputs: this.outputs }),
      ...(this.#dotted.size > 0 && { dotted: [...this.#dotted] }),
      ...(this.copy && { copy: this.copy }),
      ...(this.prepared && { prepared: this.prepared }),
      ...(this.transaction && { transaction: this.transaction }),
    }
  }
}
