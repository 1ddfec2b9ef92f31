import { Environment, type ParseResult } from '@marcbachmann/cel-js'
import type { Identity } from '@sluice/domain'
import type { StatementFacts } from '@sluice/parsers'
import type { Request } from './decision.js'

/** `when` of a rule: a CEL expression over the statement, who asks, from where and when. */
export interface Condition {
  readonly source: string
  /** Undefined where the expression cannot be evaluated, which counts against the caller. */
  holds(request: Request, statement: StatementFacts): boolean | undefined
}

class Relation {
  readonly schema: string
  readonly name: string
  readonly verb: string
  readonly class: string
  constructor(use: StatementFacts['relations'][number]) {
    this.schema = use.relation.schema ?? ''
    this.name = use.relation.name
    this.verb = use.verb
    this.class = use.class
  }
}

class Statement {
  readonly verb: string
  readonly class: string
  readonly hasWhere: boolean
  readonly relations: readonly Relation[]
  readonly functions: readonly string[]
  readonly settings: readonly string[]
  readonly nested: readonly string[]
  constructor(facts: StatementFacts) {
    this.verb = facts.verb
    this.class = facts.class
    this.hasWhere = facts.hasWhere
    this.relations = facts.relations.map((use) => new Relation(use))
    this.functions = facts.functions.map((use) => (use.schema === undefined ? use.name : `${use.schema}.${use.name}`))
    this.settings = facts.settings.map((change) => change.name)
    this.nested = facts.nested.map((nested) => nested.verb)
  }
}

class Caller {
  readonly user: string
  readonly groups: readonly string[]
  readonly method: string
  constructor(identity: Identity) {
    this.user = identity.user
    this.groups = identity.groups
    this.method = identity.method
  }
}

class Client {
  readonly address: string
  constructor(address: string) {
    this.address = address
  }
}

const ENVIRONMENT = new Environment({ limits: { maxAstNodes: 1000, maxDepth: 50 } })
  .registerType('Relation', {
    ctor: Relation,
    fields: { schema: 'string', name: 'string', verb: 'string', class: 'string' },
  })
  .registerType('Statement', {
    ctor: Statement,
    fields: {
      verb: 'string',
      class: 'string',
      hasWhere: 'bool',
      relations: 'list<Relation>',
      functions: 'list<string>',
      settings: 'list<string>',
      nested: 'list<string>',
    },
  })
  .registerType('Caller', { ctor: Caller, fields: { user: 'string', groups: 'list<string>', method: 'string' } })
  .registerType('Client', { ctor: Client, fields: { address: 'string' } })
  .registerVariable('statement', 'Statement')
  .registerVariable('identity', 'Caller')
  .registerVariable('client', 'Client')
  .registerVariable('database', 'string')
  .registerVariable('now', 'google.protobuf.Timestamp')

/** Compiles and type-checks an expression. Returns an error's text where it is wrong or does not yield true or false. */
export function compileCondition(source: string): Condition | string {
  let compiled: ParseResult
  try {
    compiled = ENVIRONMENT.parse(source)
  } catch (error) {
    return `\`when\` is not a valid CEL expression: ${summary(error)}`
  }
  const checked = compiled.check()
  if (!checked.valid) return `\`when\` is not a valid CEL expression: ${summary(checked.error)}`
  if (checked.type !== 'bool' && checked.type !== 'dyn') return `\`when\` must yield true or false, not ${checked.type}`
  return {
    source,
    holds(request, statement) {
      try {
        const result: unknown = compiled({
          statement: new Statement(statement),
          identity: new Caller(request.identity),
          client: new Client(request.clientAddress),
          database: request.database,
          now: new Date(request.now),
        })
        return typeof result === 'boolean' ? result : undefined
      } catch {
        return undefined // the rule decides against the caller
      }
    },
  }
}

/** The first line of the library's message, which draws a picture below it. */
function summary(error: unknown): string {
  const [first = 'it cannot be read'] = (error instanceof Error ? error.message : String(error)).split('\n')
  return first
}
