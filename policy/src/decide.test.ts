import { readFileSync } from 'node:fs'
import type { Identity } from '@sluice/domain'
import type { Analysis, StatementClass, StatementFacts } from '@sluice/parsers'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { canConnect } from './can-connect.js'
import { decide } from './decide.js'
import type { Request } from './decision.js'
import { loadPolicy } from './load-policy.js'
import type { Policy } from './policy.js'

interface Case {
  name: string
  user?: string
  groups?: string[]
  database?: string
  do: string
  on?: string[]
  nested?: string[]
  functions?: string[]
  settings?: string[]
  databases?: string[]
  where?: boolean
  copy?: 'server'
  expect: 'allow' | 'deny'
  by?: string
}

/** `drop table schema` to verb and class: the class is the last word. */
function deed(words: string): { verb: string; class: StatementClass } {
  const at = words.lastIndexOf(' ')
  return { verb: words.slice(0, at), class: words.slice(at + 1) as StatementClass }
}

function named(name: string): { name: string; schema?: string } {
  const [schema, last] = name.split('.')
  return last === undefined ? { name } : { schema: schema as string, name: last }
}

function facts(given: Case): StatementFacts {
  return {
    ...deed(given.do),
    relations: (given.on ?? []).map((use) => {
      const at = use.lastIndexOf(' ')
      return { ...deed(use.slice(0, at)), relation: named(use.slice(at + 1)) }
    }),
    functions: (given.functions ?? []).map(named),
    nested: (given.nested ?? []).map(deed),
    hasWhere: given.where ?? true,
    settings: (given.settings ?? []).map((setting) => {
      const [name, value] = setting.replace('!', '').split('=')
      return { name: name as string, lasting: setting.endsWith('!'), ...(value === undefined ? {} : { value }) }
    }),
    databases: given.databases ?? [],
    plainOutput: true,
    ...(given.copy === undefined ? {} : { copy: { direction: 'out' as const, end: given.copy } }),
  }
}

const analysed = (...statements: StatementFacts[]): Analysis => ({
  ok: true,
  statements,
  text: Buffer.alloc(0),
  secrets: [],
})

function load(text: string): Policy {
  const loaded = loadPolicy(text, 'policy.yaml')
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems))
  return loaded.policy
}

const someone = (user: string, groups: readonly string[] = []): Identity => ({ user, groups, method: 'local' })

const request = (parts: Partial<Request> = {}): Request => ({
  identity: someone('ann', ['analysts']),
  database: 'shop',
  dialect: 'postgres',
  analysis: analysed(),
  clientAddress: '10.0.0.1',
  now: 0,
  ...parts,
})

const sets = parse(readFileSync(new URL('./decide.cases.yaml', import.meta.url), 'utf8')) as {
  policy: string
  dialect?: 'mysql'
  cases: Case[]
}[]

describe.each(sets.map((set, i) => [`policy ${i + 1}`, set] as const))('%s', (_, set) => {
  const policy = load(set.policy)
  it.each(set.cases.map((given) => [given.name, given] as const))('%s', (_name, given) => {
    const asked = request({
      identity: someone(given.user ?? 'ann', given.groups ?? []),
      database: given.database ?? 'shop',
      dialect: set.dialect ?? 'postgres',
      analysis: analysed(facts(given)),
      databaseOf: (schema) => (schema === 'hr' ? 'people' : undefined),
    })
    const decision = decide(policy, asked)
    expect(decision).toMatchObject({ effect: given.expect })
    if (given.by !== undefined) expect(decision.rule ?? '-').toBe(given.by)
    if (decision.effect === 'deny') expect(decision.hint).not.toBe('')
    expect(decision.reason).toMatch(/^[a-z`].*[^.]$/)
    expect(decide(policy, asked)).toEqual(decision)
  })
})

describe('decide', () => {
  const policy = load('rules: [{ name: r, for: { groups: [analysts] }, on: { databases: [shop] }, allow: [read] }]')
  const read = facts({ name: '', do: 'select read', on: ['select read orders'], expect: 'allow' })
  const write = facts({ name: '', do: 'insert write', on: ['insert write orders'], expect: 'deny' })

  it('denies what cannot be analysed, with the reason', () => {
    const analysis = { ok: false, cause: 'unknown', reason: 'node kind `X` is not known' } as const
    expect(decide(policy, request({ analysis }))).toMatchObject({
      effect: 'deny',
      reason: 'node kind `X` is not known',
    })
  })

  it('denies a text when one of its statements is denied, wherever it stands', () => {
    expect(decide(policy, request({ analysis: analysed(read, read) })).effect).toBe('allow')
    expect(decide(policy, request({ analysis: analysed(read, write) })).effect).toBe('deny')
    expect(decide(policy, request({ analysis: analysed(write, read) })).effect).toBe('deny')
  })

  it('allows an empty text to those who are let in', () => {
    expect(decide(policy, request()).effect).toBe('allow')
    expect(decide(policy, request({ identity: someone('bob') })).effect).toBe('deny')
  })

  it('does not give one person the decision of another on the same analysis', () => {
    const analysis = analysed(read)
    expect(decide(policy, request({ analysis })).effect).toBe('allow')
    expect(decide(policy, request({ analysis, identity: someone('bob') })).effect).toBe('deny')
    expect(decide(policy, request({ analysis, database: 'hr' })).effect).toBe('deny')
  })

  it('asks conditions anew each time', () => {
    const timed = load(
      `rules: [{ name: r, allow: [read], when: 'now < timestamp("1970-01-01T00:00:10Z") && client.address.startsWith("10.")' }]`,
    )
    const analysis = analysed(read)
    expect(decide(timed, request({ analysis, now: 1 })).effect).toBe('allow')
    expect(decide(timed, request({ analysis, now: 20_000 })).effect).toBe('deny')
    expect(decide(timed, request({ analysis, now: 1, clientAddress: '192.168.0.1' })).effect).toBe('deny')
  })

  it('does not apply an allowance whose condition cannot be evaluated', () => {
    const odd = load(`rules: [{ name: r, allow: [read], when: "identity.groups[5] == 'x' || 1/0 == 1" }]`)
    expect(decide(odd, request({ analysis: analysed(read) })).effect).toBe('deny')
  })

  it('names the approvers of a held statement', () => {
    const held = load(
      'rules: [{ name: a, allow: [read] }, { name: h, approve: [write], by: { groups: [dba], users: [root] } }]',
    )
    const decision = decide(held, request({ analysis: analysed(write) }))
    expect(decision).toMatchObject({ effect: 'deny', rule: 'h' })
    expect(decision.reason).toContain('`dba`')
    expect(decision.hint).toContain('`root`')
  })
})

describe('canConnect', () => {
  const policy = load(`rules:
  - { name: a, for: { groups: [analysts] }, on: { databases: ['shop*'] }, allow: [read] }
  - { name: d, for: { users: [mallory] }, deny: [any] }
  - { name: m, mask: { '*.ssn': redact } }`)

  it('lets in whom some rule allows something on the database', () => {
    expect(canConnect(policy, someone('ann', ['analysts']), 'shop-eu')).toBe(true)
    expect(canConnect(policy, someone('ann', ['analysts']), 'hr')).toBe(false)
    expect(canConnect(policy, someone('mallory'), 'shop')).toBe(false)
  })
})
