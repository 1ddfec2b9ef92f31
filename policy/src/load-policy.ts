import { isMap, isScalar, isSeq, LineCounter, type Node, type ParsedNode, parseDocument } from 'yaml'
import type { z } from 'zod'
import { type Condition, compileCondition } from './condition.js'
import type { Mask } from './mask.js'
import { literalName, parseNamePattern } from './name-pattern.js'
import { suggesting } from './nearest-word.js'
import { parseMask } from './parse-mask.js'
import { Policy } from './policy.js'
import { KEYS, POLICY_FILE, type PolicyFileRule, parseDuration } from './policy-file.js'
import type { Approvers, Rule, Who } from './rule.js'
import { verbSet } from './verb-set.js'

/** What is wrong with a policy file, and where; line and column count from 1. */
export interface PolicyProblem {
  readonly file: string
  readonly line: number
  readonly column: number
  /** Lower case, no final period. */
  readonly message: string
}

type Path = readonly PropertyKey[]
type Report = (path: Path, message: string, at?: 'key' | 'value') => void

/** Reads, checks and compiles a policy. Reports everything that is wrong with it at once, in the order of the file. */
export function loadPolicy(
  yamlText: string,
  fileName: string,
): { readonly policy: Policy } | { readonly problems: readonly PolicyProblem[] } {
  const lines = new LineCounter()
  const document = parseDocument(yamlText, { lineCounter: lines, uniqueKeys: true, prettyErrors: false })
  const problems: PolicyProblem[] = []
  const add = (offset: number, message: string) => {
    const { line, col } = lines.linePos(offset)
    problems.push({ file: fileName, line: Math.max(1, line), column: Math.max(1, col), message })
  }
  for (const problem of [...document.errors, ...document.warnings])
    add(problem.pos[0], `not valid YAML: ${lowerFirst(problem.message)}`)
  if (problems.length > 0) return { problems }

  const report: Report = (path, message, at = 'value') => add(offsetOf(document.contents, path, at), message)
  let content: unknown
  try {
    content = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    add(0, `not valid YAML: ${lowerFirst((error as Error).message)}`)
    return { problems }
  }
  const parsed = POLICY_FILE.safeParse(content)
  for (const issue of parsed.error?.issues ?? []) reportIssue(issue, report)
  checkTogether(content, report)
  if (parsed.data === undefined || problems.length > 0) {
    problems.sort((a, b) => a.line - b.line || a.column - b.column)
    return { problems }
  }
  return { policy: new Policy(parsed.data.rules.map(compileRule)) }
}

function reportIssue(issue: z.core.$ZodIssue, report: Report): void {
  if (issue.code === 'unrecognized_keys') {
    const holder = issue.path.findLast((step) => typeof step === 'string') ?? ''
    const known = KEYS[String(holder)] ?? []
    for (const key of issue.keys) report([...issue.path, key], suggesting(`unknown key \`${key}\``, key, known), 'key')
    return
  }
  const ofKey = issue.code === 'custom' && issue.params?.ofKey === true
  const message = issue.message.startsWith('Invalid input') ? shapeMessage(issue) : issue.message
  report(issue.path, message, ofKey ? 'key' : 'value')
}

function shapeMessage(issue: z.core.$ZodIssue): string {
  if (issue.path.length === 0) return 'expected a list of rules under the key `rules`'
  const last = issue.path.at(-1)
  if (typeof last === 'number') return 'expected a rule with its keys'
  const key = last
  const missing = issue.code === 'invalid_type' && /undefined/.test(issue.message)
  return missing ? `\`${String(key)}\` is missing` : `\`${String(key)}\` does not have the right shape`
}

/** What zod cannot see in one value: names are unique, a rule does one thing, keys that belong together. */
function checkTogether(content: unknown, report: Report): void {
  const rules = (content as { rules?: unknown } | null)?.rules
  if (!Array.isArray(rules)) return
  const seen = new Set<string>()
  rules.forEach((rule: unknown, index) => {
    if (typeof rule !== 'object' || rule === null) return
    const given = rule as Record<string, unknown>
    const path = ['rules', index]
    const name = given.name
    if (typeof name === 'string') {
      if (seen.has(name)) report([...path, 'name'], `a rule named \`${name}\` is there already; names must be unique`)
      if (name.startsWith('built-in'))
        report([...path, 'name'], '`built-in` begins the names of the gateway’s own rules')
      seen.add(name)
    }
    const deeds = ['allow', 'deny', 'approve', 'mask'].filter((key) => key in given)
    if (deeds.length === 0) report(path, 'the rule does nothing; give it one of `allow`, `deny`, `approve`, `mask`')
    for (const extra of deeds.slice(1))
      report([...path, extra], `a rule does one thing and this one has \`${deeds[0]}\` already; write two rules`, 'key')
    for (const key of ['for', 'except', 'by']) {
      const who = given[key]
      if (typeof who === 'object' && who !== null && !('users' in who) && !('groups' in who))
        report([...path, key], `\`${key}\` needs \`users\` or \`groups\``)
    }
    if ('approve' in given && !('by' in given)) report(path, 'an `approve` rule needs `by`: who may approve')
    if ('by' in given && !('approve' in given)) report([...path, 'by'], '`by` belongs to an `approve` rule', 'key')
    if (!('mask' in given)) return
    if ('when' in given) report([...path, 'when'], 'a mask has no `when`; masks hold for every statement', 'key')
    for (const key of ['tables', 'functions'])
      if (typeof given.on === 'object' && given.on !== null && key in given.on)
        report([...path, 'on', key], `a mask names its columns itself; \`on\` has only \`databases\` here`, 'key')
  })
}

function compileRule(rule: PolicyFileRule): Rule {
  const head = {
    name: rule.name,
    for: rule.for && compileWho(rule.for),
    except: rule.except && compileWho(rule.except),
    databases: rule.on?.databases?.map(literalName),
  }
  if (rule.mask !== undefined) {
    const columns = Object.entries(rule.mask).map(([column, value]) => ({
      pattern: checked(parseNamePattern(column, 3)),
      mask: checked<Mask>(parseMask(value)),
    }))
    return { ...head, effect: 'mask', columns }
  }
  const effect = rule.deny !== undefined ? 'deny' : rule.approve !== undefined ? 'approve' : 'allow'
  return {
    ...head,
    effect,
    verbs: verbSet(rule[effect] ?? [], effect),
    tables: rule.on?.tables?.map((source) => checked(parseNamePattern(source, 2))),
    functions: rule.on?.functions?.map((source) => checked(parseNamePattern(source, 2))),
    when: rule.when === undefined ? undefined : checked<Condition>(compileCondition(rule.when)),
    by: rule.by && compileApprovers(rule.by),
  }
}

function compileWho(who: NonNullable<PolicyFileRule['for']>): Who {
  return { users: (who.users ?? []).map(literalName), groups: (who.groups ?? []).map(literalName) }
}

const AN_HOUR = 3_600_000

function compileApprovers(by: NonNullable<PolicyFileRule['by']>): Approvers {
  return {
    users: by.users ?? [],
    groups: by.groups ?? [],
    count: by.count ?? 1,
    withinMilliseconds: (by.within === undefined ? undefined : parseDuration(by.within)) ?? AN_HOUR,
  }
}

/** The schema has accepted it before; a text here would be our own mistake. */
function checked<T extends object>(value: T | string): T {
  if (typeof value === 'string') throw new Error(value)
  return value
}

/** Where the node at a path begins; of a missing one, where what should hold it begins. */
function offsetOf(root: ParsedNode | null, path: Path, at: 'key' | 'value'): number {
  let node: Node | null = root
  let offset = root?.range?.[0] ?? 0
  path.forEach((step, depth) => {
    const last = depth === path.length - 1
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step))
      const key = pair?.key as Node | undefined
      const value = (pair?.value ?? null) as Node | null
      offset = (last && at === 'key' ? key : (value ?? key))?.range?.[0] ?? offset
      node = value
    } else if (isSeq(node)) {
      node = (node.items[step as number] ?? null) as Node | null
      offset = node?.range?.[0] ?? offset
    } else node = null
  })
  return offset
}

function lowerFirst(message: string): string {
  const [first = ''] = message.split('\n')
  return first.charAt(0).toLowerCase() + first.slice(1).replace(/[.:]\s*$/, '')
}
