import type { RelationName, RelationUse, StatementFacts } from '@sluice/parsers'
import type { ColumnOrigin, MaskSet } from '@sluice/policy'
import type { WireColumn } from './gate.js'

/** A relation of the database as the catalog knows it. */
export interface CatalogRelation {
  readonly schema: string
  readonly name: string
  readonly kind: 'table' | 'view'
  /** By attribute number (PostgreSQL) or by position (MySQL). */
  readonly columns: ReadonlyMap<number, string>
  /** Tables that this one inherits from or is a partition of: their masks are its masks. */
  readonly parents: CatalogRelation[]
  /** What a view is made of; undefined: cannot be told, so it may show anything. */
  readonly madeOf: CatalogRelation[] | undefined
}

/** What was read of one database at one time. */
export interface CatalogSnapshot {
  readonly relations: readonly CatalogRelation[]
  /** PostgreSQL: by OID. Empty for MySQL. */
  readonly byOid: ReadonlyMap<number, CatalogRelation>
  /** Schemas of the server's own, whose relations hold no user's column. */
  readonly systemSchemas: ReadonlySet<string>
  /** Names of the server's own functions; undefined: every function is (MySQL's stored functions are listed apart). */
  readonly systemFunctions: ReadonlySet<string> | undefined
  /** Names of functions that users made (MySQL), or that users made for rows, which `x.name` calls (PostgreSQL). */
  readonly userFunctions: ReadonlySet<string>
  /** Names that differ in case alone are taken for one. */
  readonly foldCase: boolean
}

/** Whether a statement can carry values of a masked column. `unknown`: the catalog cannot tell, which counts as masked. */
export type Touch = 'masked' | 'clean' | 'unknown'

/**
 * One database's catalog as masking needs it: which relations hold masked columns, also by inheritance and through
 * views, and where a result column comes from. Fails closed: without a snapshot everything is `unknown`.
 */
export class Catalog {
  #snapshot: CatalogSnapshot | undefined
  #byName = new Map<string, CatalogRelation[]>()
  #children = new Map<CatalogRelation, CatalogRelation[]>()
  #masked = new Map<string, Map<CatalogRelation, boolean>>()
  /** What `touch` found last for the facts of a known text. */
  #touches = new WeakMap<StatementFacts, { readonly fingerprint: string; readonly touch: Touch }>()
  #reads = 0
  #loading: Promise<void> | undefined
  #stale = true
  #loadedAt = 0
  readonly #load: () => Promise<CatalogSnapshot>
  readonly #onProblem: (error: unknown) => void

  constructor(load: () => Promise<CatalogSnapshot>, onProblem: (error: unknown) => void) {
    this.#load = load
    this.#onProblem = onProblem
  }

  /** It was read, and reading did not fail the last time. */
  get known(): boolean {
    return this.#snapshot !== undefined
  }

  /** Changes with every read: what was derived from the catalog holds for as long as this is the same. */
  get reads(): number {
    return this.#reads
  }

  /** A statement that changes the schema went by. */
  invalidate(): void {
    this.#stale = true
  }

  /** A statement that changes the schema went by since the last read. */
  get stale(): boolean {
    return this.#stale
  }

  /** Milliseconds since the last read. */
  get age(): number {
    return Date.now() - this.#loadedAt
  }

  /** True where asking again may know more: never read, DDL seen, or the last read is over a second old. */
  get worthRefreshing(): boolean {
    return this.#stale || this.age > 1_000
  }

  /** Reads the catalog anew. Never rejects: without an answer nothing is known, and the problem is reported. */
  refresh(): Promise<void> {
    this.#loading ??= this.#read().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  async #read(): Promise<void> {
    this.#stale = false
    this.#loadedAt = Date.now()
    try {
      const snapshot = await this.#load()
      this.#snapshot = snapshot
      this.#masked = new Map()
      this.#byName = new Map()
      this.#children = new Map()
      for (const relation of snapshot.relations) {
        for (const parent of relation.parents) {
          const children = this.#children.get(parent)
          if (children) children.push(relation)
          else this.#children.set(parent, [relation])
        }
        const key = this.#fold(relation.name)
        const namesakes = this.#byName.get(key)
        if (namesakes) namesakes.push(relation)
        else this.#byName.set(key, [relation])
      }
    } catch (error) {
      this.#snapshot = undefined
      this.#byName = new Map()
      this.#onProblem(error)
    }
    this.#touches = new WeakMap()
    this.#reads++
  }

  /** What the statement's relations and functions can carry. */
  touch(facts: StatementFacts, masks: MaskSet): Touch {
    const { fingerprint } = masks
    const known = this.#touches.get(facts)
    if (known !== undefined && known.fingerprint === fingerprint) return known.touch
    const touch = this.#touchOf(facts, masks)
    this.#touches.set(facts, { fingerprint, touch })
    return touch
  }

  #touchOf(facts: StatementFacts, masks: MaskSet): Touch {
    // SHOW COLUMNS, DESCRIBE and the like read no rows.
    const readsRows = facts.verb !== 'show' && !(facts.verb === 'explain' && facts.nested.length === 0)
    let touch: Touch = 'clean'
    for (const use of facts.relations) {
      touch = worse(touch, readsRows || !this.known ? this.#touchRelation(use.relation, masks) : 'clean')
    }
    return this.callsUnknown(facts) ? worse(touch, 'unknown') : touch
  }

  touchOf(use: RelationUse, masks: MaskSet): Touch {
    return this.#touchRelation(use.relation, masks)
  }

  /** May one of these columns of a relation be masked, or be made of one that is? `*`: some column of it. */
  maskedAmong(name: RelationName, columns: readonly string[], masks: MaskSet): boolean {
    const touch = this.#touchRelation(name, masks)
    if (touch !== 'masked') return touch === 'unknown'
    return this.#meantBy(name).some((relation) => {
      if (!this.#isMasked(relation, masks)) return false
      if (relation.kind === 'view' || columns.includes('*')) return true
      // MySQL takes more letters for the same than are alike here (`\u0130` for `i`).
      const known = new Set([...relation.columns.values()].map((column) => column.toLowerCase()))
      if (columns.some((column) => !isAscii(column) && !known.has(column.toLowerCase()))) return true
      return this.#kin(relation).some((each) =>
        columns.some((column) => masks.forColumn(each.schema, each.name, column) !== undefined),
      )
    })
  }

  /** Do the statement's functions, made by users, do what nobody here can tell? */
  callsUnknown(facts: StatementFacts): boolean {
    return (
      facts.functions.some((use) => !this.#isSystemFunction(use.schema, use.name)) ||
      (facts.dotted?.some((name) => this.#snapshot?.userFunctions.has(name)) ?? false)
    )
  }

  /** Where the wire says a column comes from, led back to the ancestor whose mask counts. */
  origin(column: WireColumn, masks: MaskSet): ColumnOrigin {
    const { origin } = column
    if (origin.kind === 'none') return { kind: 'expression' }
    const relation =
      origin.kind === 'oid' ? this.#byOid(origin.relation) : this.#byQualifiedName(origin.schema, origin.table)
    if (relation === undefined) return { kind: 'unknown' }
    if (relation === 'system') return { kind: 'column', schema: 'pg_catalog', table: '', column: column.name }
    const name = origin.kind === 'oid' ? relation.columns.get(origin.attribute) : origin.column
    if (name === undefined) return { kind: 'unknown' }
    if (relation.kind === 'view' && this.#isMasked(relation, masks)) return { kind: 'unknown' }
    const owner = this.#kin(relation).find((each) => masks.forColumn(each.schema, each.name, name)) ?? relation
    return { kind: 'column', schema: owner.schema, table: owner.name, column: name }
  }

  #byOid(oid: number): CatalogRelation | 'system' | undefined {
    // Below FirstNormalObjectId (src/include/access/transam.h) are the server's own objects.
    if (this.#snapshot && oid < 16384) return 'system'
    return this.#snapshot?.byOid.get(oid)
  }

  #byQualifiedName(schema: string, table: string): CatalogRelation | 'system' | undefined {
    if (this.#snapshot?.systemSchemas.has(schema.toLowerCase())) return 'system'
    return this.#byName.get(this.#fold(table))?.find((each) => this.#fold(each.schema) === this.#fold(schema))
  }

  #touchRelation(name: RelationName, masks: MaskSet): Touch {
    const snapshot = this.#snapshot
    if (!snapshot) return 'unknown'
    if (name.schema !== undefined && snapshot.systemSchemas.has(name.schema.toLowerCase())) return 'clean'
    const meant = this.#meantBy(name)
    if (meant.some((each) => this.#isMasked(each, masks))) return 'masked'
    if (meant.length > 0) return 'clean'
    return name.schema === undefined && /^(pg_|sql_)/.test(name.name) ? 'clean' : 'unknown'
  }

  #meantBy(name: RelationName): readonly CatalogRelation[] {
    const namesakes = this.#byName.get(this.#fold(name.name)) ?? []
    return name.schema === undefined
      ? namesakes // search_path may mean any of them
      : namesakes.filter((each) => this.#fold(each.schema) === this.#fold(name.schema!))
  }

  #isSystemFunction(schema: string | undefined, name: string): boolean {
    const snapshot = this.#snapshot
    if (!snapshot) return false
    if (schema !== undefined && schema !== 'pg_catalog') return false
    if (snapshot.systemFunctions) return snapshot.systemFunctions.has(name)
    return isAscii(name) && !snapshot.userFunctions.has(name.toLowerCase())
  }

  #isMasked(relation: CatalogRelation, masks: MaskSet): boolean {
    let known = this.#masked.get(masks.fingerprint)
    if (!known) {
      known = new Map()
      this.#masked.set(masks.fingerprint, known)
    }
    let masked = known.get(relation)
    if (masked === undefined) {
      known.set(relation, true) // a cycle finds this and ends
      masked =
        (relation.kind === 'view' && relation.madeOf === undefined) ||
        this.#kin(relation).some((each) =>
          [...relation.columns.values()].some((c) => masks.forColumn(each.schema, each.name, c)),
        ) ||
        (relation.madeOf?.some((each) => this.#isMasked(each, masks)) ?? false)
      known.set(relation, masked)
    }
    return masked
  }

  /** The relation, those whose masks are its masks, and those whose rows show in it: a parent shows its children's. */
  #kin(relation: CatalogRelation): CatalogRelation[] {
    return [...reachable(relation, (each) => each.parents), ...reachable(relation, (each) => this.#children.get(each))]
  }

  #fold(name: string): string {
    return this.#snapshot?.foldCase ? name.toLowerCase() : name
  }
}

function isAscii(name: string): boolean {
  return !/[^\0-\x7f]/.test(name)
}

function reachable(
  relation: CatalogRelation,
  next: (each: CatalogRelation) => readonly CatalogRelation[] | undefined,
): Set<CatalogRelation> {
  const seen = new Set([relation])
  for (const each of seen) for (const further of next(each) ?? []) seen.add(further)
  return seen
}

const ORDER: Record<Touch, number> = { clean: 0, unknown: 1, masked: 2 }

function worse(a: Touch, b: Touch): Touch {
  return ORDER[a] >= ORDER[b] ? a : b
}
