import type { FunctionUse, StatementFacts } from '@sluice/parsers'
import { BUILT_IN, isHarmless, isRevealing } from './built-in-rules.js'
import { catalogKind } from './catalogs.js'
import type { Decision, Request } from './decision.js'
import { functionKind } from './functions.js'
import { type Item, Items } from './items.js'
import { namesOneThing } from './name-pattern.js'
import type { Policy } from './policy.js'
import type { AccessRule } from './rule.js'
import { functionMatches, type Place, tableMatches } from './scope.js'
import type { SessionView } from './session-view.js'
import { names } from './verb-set.js'

/**
 * Decides a text. Pure and synchronous. What is not allowed by a rule is denied; a deny is stronger than an approval, an
 * approval than an allowance, for each statement, each nested one, each use of a relation and each function, and the text is
 * allowed only if all of them are.
 */
export function decide(policy: Policy, request: Request): Decision {
  const view = policy.forSession(request.identity, request.database, request.dialect)
  // Texts that differ in their literals only have an analysis each, but one and the same array of facts.
  const key = request.analysis.ok ? request.analysis.statements : request.analysis
  const known = view.decisions?.get(key)
  if (known !== undefined) return known
  const decision = new Judgement(policy, request, view).decide()
  // What reaches into another database rests on `databaseOf` and that database's rules too.
  if (view.decisions !== undefined && !reachesFar(request)) view.decisions.set(key, decision)
  return decision
}

function reachesFar({ analysis, dialect }: Request): boolean {
  if (!analysis.ok) return false
  return analysis.statements.some(
    (facts) =>
      facts.databases.length > 0 ||
      (dialect === 'mysql' &&
        (facts.relations.some((use) => use.relation.schema !== undefined) ||
          facts.functions.some((use) => use.schema !== undefined))),
  )
}

class Judgement {
  readonly #items: Items
  readonly #request: Request
  readonly #view: SessionView

  constructor(policy: Policy, request: Request, view: SessionView) {
    this.#items = new Items(policy, request, view)
    this.#request = request
    this.#view = view
  }

  decide(): Decision {
    const { analysis } = this.#request
    if (!analysis.ok)
      return deny(
        BUILT_IN.unanalysable,
        analysis.reason,
        'write the statement in another way; what cannot be read is refused',
      )
    if (!this.#view.allowsAnything)
      return deny(undefined, `no rule allows you anything on \`${this.#view.database}\``, ASK)
    let held: Decision | undefined
    let named: Decision | undefined
    let builtIn: Decision | undefined
    let missing: Decision | undefined
    for (const facts of analysis.statements) {
      const items = this.#items.of(facts)
      if ('kind' in items) return deny(items.rule, items.reason, items.hint)
      for (const item of items) {
        const denied = this.#denied(item, facts)
        if (denied !== undefined) return denied
        const hold = this.#held(item, facts)
        if (hold !== undefined) {
          held ??= hold
          continue
        }
        const allowance = this.#allowed(item, facts)
        // Of several reasons the one about a relation says most, of several allowances one that the policy names.
        if (allowance === undefined) {
          if (missing === undefined || item.kind === 'relation') missing = this.#unallowed(item)
        } else if (typeof allowance !== 'string') named ??= allow(allowance.name, `${item.what} is allowed`)
        else builtIn ??= allow(allowance, `${item.what} is allowed`)
      }
    }
    return missing ?? held ?? named ?? builtIn ?? allow(undefined, 'nothing that needs a rule')
  }

  /** The catalog that a place belongs to; in MySQL a name without schema lies in the current database, `mysql` perhaps. */
  #catalog({ schema, name, database }: Place) {
    const { dialect } = this.#request
    return catalogKind({ schema: schema ?? (dialect === 'mysql' ? database : undefined), name }, dialect)
  }

  #denied(item: Item, facts: StatementFacts): Decision | undefined {
    for (const rule of item.view.denies)
      if (this.#isAgainst(rule, 'deny', item, facts)) {
        const reason = `${item.what} is denied`
        return deny(rule.name, reason, `ask whoever keeps the policy if rule \`${rule.name}\` should not hold for you`)
      }
    if (
      item.kind === 'statement' &&
      isRevealing(item.deed) &&
      !item.view.allows.some((r) => r.verbs.verbs.has(item.deed.verb))
    )
      return deny(
        BUILT_IN.revealing,
        `${item.what} shows what other sessions do`,
        `a rule must name \`${item.deed.verb}\``,
      )
    if (item.kind !== 'relation') return undefined
    const kind = this.#catalog(item.place)
    if (kind === undefined || (kind === 'ordinary' && item.deed.class === 'read')) return undefined
    const named = item.view.allows.some(
      (rule) => rule.tables?.some(namesOneThing) && this.#isFor(rule, item, facts, (table) => namesOneThing(table)),
    )
    if (named) return undefined
    return deny(
      BUILT_IN.sensitiveCatalogs,
      `${item.what} is denied`,
      'a rule must name the table in `on.tables` to allow it',
    )
  }

  #held(item: Item, facts: StatementFacts): Decision | undefined {
    for (const rule of item.view.approves)
      if (this.#isAgainst(rule, 'approve', item, facts)) {
        const reason = `${item.what} needs the approval of ${approvers(rule)}`
        return deny(rule.name, reason, `approvals cannot be asked for here yet; ask ${approvers(rule)} to run it`)
      }
    return undefined
  }

  /** Does a rule that denies or holds match? What is not certain counts as a match. */
  #isAgainst(rule: AccessRule, effect: 'deny' | 'approve', item: Item, facts: StatementFacts): boolean {
    if (!this.#matchesAgainst(rule, effect, item, facts)) return false
    return rule.when === undefined || rule.when.holds(this.#request, facts) !== false
  }

  #matchesAgainst(rule: AccessRule, effect: 'deny' | 'approve', item: Item, facts: StatementFacts): boolean {
    const named = names(rule.verbs, item.deed, effect)
    if (rule.tables === undefined && rule.functions === undefined) return item.kind !== 'function' && named
    const { dialect } = this.#request
    if (item.kind === 'relation') {
      if (!rule.tables?.some((table) => tableMatches(table, item.place, dialect, 'against'))) return false
      return named || namesWhole(rule, facts)
    }
    if (item.kind !== 'function') return false
    if (!rule.functions?.some((pattern) => functionMatches(pattern, item.place, dialect, 'against'))) return false
    return named || [facts, ...facts.nested].some((deed) => names(rule.verbs, deed, effect))
  }

  /** The rule that allows an item, the name of the built-in one that does, or undefined. */
  #allowed(item: Item, facts: StatementFacts): AccessRule | string | undefined {
    for (const rule of item.view.allows) if (this.#isFor(rule, item, facts)) return rule
    const { dialect } = this.#request
    switch (item.kind) {
      case 'statement':
        return item.view.allowsAnything && isHarmless(item.deed) ? 'built-in: harmless statements' : undefined
      case 'relation':
        if (this.#catalog(item.place) !== 'ordinary' || item.deed.class !== 'read') return undefined
        return this.#view.readsAnything ? 'built-in: catalogs' : undefined
      case 'function':
        if (item.deed.class !== 'read' || functionKind(item.place, dialect) !== 'known') return undefined
        return 'built-in: catalogs'
    }
  }

  /** Does an allowance match? What is not certain counts as none. */
  #isFor(
    rule: AccessRule,
    item: Item,
    facts: StatementFacts,
    counts: (table: NonNullable<AccessRule['tables']>[number]) => boolean = () => true,
  ): boolean {
    if (!this.#matchesFor(rule, item, facts, counts)) return false
    return rule.when === undefined || rule.when.holds(this.#request, facts) === true
  }

  #matchesFor(
    rule: AccessRule,
    item: Item,
    facts: StatementFacts,
    counts: (table: NonNullable<AccessRule['tables']>[number]) => boolean,
  ): boolean {
    const { dialect } = this.#request
    const inTables = (place: Place) =>
      rule.tables?.some((table) => counts(table) && tableMatches(table, place, dialect, 'for')) ?? false
    const inFunctions = (place: Place) =>
      rule.functions?.some((pattern) => functionMatches(pattern, place, dialect, 'for')) ?? false
    const scoped = rule.tables !== undefined || rule.functions !== undefined
    const named = names(rule.verbs, item.deed, 'allow')
    switch (item.kind) {
      case 'relation':
        if (!named) return false
        return scoped ? inTables(item.place) : true
      case 'function':
        if (rule.functions !== undefined)
          return (
            inFunctions(item.place) && (named || (item.deed.class !== 'opaque' && names(rule.verbs, facts, 'allow')))
          )
        return rule.tables === undefined && named
      case 'statement': {
        if (!named || !scoped) return named
        // A rule for certain tables reaches the statement only through a use of one of them, of the same class.
        const reached = facts.relations.some(
          (use) =>
            names(rule.verbs, use, 'allow') &&
            (use.class === item.deed.class || item.deed.class === 'read') &&
            inTables({ ...use.relation, database: item.view.database }),
        )
        return reached || this.#reachedByFunctions(item, facts, inFunctions)
      }
    }
  }

  /**
   * A rule for certain functions reaches reading, the call of these functions and of no other, and what the analysis says
   * of one of them. Not what else stands in the statement: `copy (select dblink(...)) to program` is no use of `dblink`.
   */
  #reachedByFunctions(item: Item, facts: StatementFacts, inFunctions: (place: Place) => boolean): boolean {
    const covered = (use: FunctionUse) => inFunctions({ ...use, database: item.view.database })
    const { verb } = item.deed
    if (verb.startsWith('function '))
      return facts.functions.some((use) => verb === `function ${use.name}` && covered(use))
    if (verb === 'call') return facts.functions.length > 0 && facts.functions.every(covered)
    return item.deed.class === 'read' && facts.functions.some(covered)
  }

  #unallowed(item: Item): Decision {
    const words = [
      ...new Set(item.view.allows.filter((rule) => rule.tables === undefined).flatMap((r) => r.verbs.words)),
    ]
    const where = item.view === this.#view ? '' : ` in database \`${item.view.database}\``
    if (item.deed.class === 'opaque')
      return deny(
        undefined,
        `no rule allows ${item.what}${where}`,
        `nobody can see what it does; a rule must allow \`opaque\`; ${ASK}`,
      )
    const hint = words.length > 0 ? `rules allow you: ${words.join(', ')}; ${ASK}` : ASK
    return deny(undefined, `no rule allows ${item.what}${where}`, hint)
  }
}

const ASK = 'ask whoever keeps the policy'

/**
 * Does the rule name what the statement does as a whole and no single use of a relation says, such as `copy`, `explain` or
 * `lock table`? That is done to all its relations. An `insert` into one table is no `insert` into others that it reads.
 */
function namesWhole(rule: AccessRule, facts: StatementFacts): boolean {
  return [facts, ...facts.nested].some(
    (deed) =>
      (rule.verbs.verbs.has(deed.verb) && !facts.relations.some((use) => use.verb === deed.verb)) ||
      (rule.verbs.classes.has(deed.class) && !facts.relations.some((use) => use.class === deed.class)),
  )
}

function approvers(rule: AccessRule): string {
  const { users = [], groups = [] } = rule.by ?? {}
  return [...users.map((user) => `user \`${user}\``), ...groups.map((group) => `group \`${group}\``)].join(' or ')
}

function allow(rule: string | undefined, reason: string): Decision {
  return { effect: 'allow', rule, reason, hint: '' }
}

function deny(rule: string | undefined, reason: string, hint: string): Decision {
  return { effect: 'deny', rule, reason, hint }
}
