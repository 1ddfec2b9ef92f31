import { describe, expect, it } from 'vitest'
import { loadPolicy } from './load-policy.js'

function problems(text: string): string[] {
  const loaded = loadPolicy(text, 'p.yaml')
  return 'problems' in loaded
    ? loaded.problems.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`)
    : []
}

describe('loadPolicy', () => {
  it('accepts every key', () => {
    expect(
      problems(`rules:
  - name: a
    for: { users: [ann@example.com, "svc-*"], groups: [x] }
    except: { groups: [y] }
    on: { databases: [shop], tables: ['public.*', '"Odd Name".t'], functions: [f, s.g] }
    allow: [read, drop table, any, opaque]
    when: statement.hasWhere && statement.relations.all(r, r.schema == 'public')
  - name: b
    approve: [write]
    by: { groups: [dba], count: 2, within: 10m }
  - name: c
    mask: { 'a.b': redact, 'a.c': null, 'a.d': { keepFirst: 1, keepLast: 2 }, 'a.e': { fixed: x }, '*.f': email }
    except: { users: [ann] }
    on: { databases: [shop] }
`),
    ).toEqual([])
  })

  it('reports everything that is wrong at once, with line and column and the nearest word', () => {
    expect(
      problems(`rules:
  - name: a
    for: { group: [x] }
    alow: [read]
    allow: [selct, drop databse]
  - name: a
    deny: [read]
    when: statement.hasWere
  - mask: { "*.x": partal, ssn: redact }
`),
    ).toEqual([
      'p.yaml:3:10 `for` needs `users` or `groups`',
      'p.yaml:3:12 unknown key `group`; did you mean `groups`?',
      'p.yaml:4:5 unknown key `alow`; did you mean `allow`?',
      'p.yaml:5:13 unknown verb or class `selct`; did you mean `select`?',
      'p.yaml:5:20 unknown verb or class `drop databse`; did you mean `drop database`?',
      'p.yaml:6:11 a rule named `a` is there already; names must be unique',
      'p.yaml:8:11 `when` is not a valid CEL expression: No such key: hasWere',
      'p.yaml:9:5 `name` is missing',
      'p.yaml:9:20 unknown mask `partal`; did you mean `partial`?',
      'p.yaml:9:28 `ssn` names no table; write `*.ssn` for any table',
    ])
  })

  it.each([
    ['an empty file', ''],
    ['no rules', 'rule: []'],
    ['broken YAML', 'rules: [{'],
    ['a key twice, of which the second would win', 'rules: [{ name: a, deny: [any], deny: [read] }]'],
    ['`for` without a value, which must not mean everyone', 'rules:\n  - name: a\n    for:\n    allow: [read]'],
    ['an empty list of groups', 'rules: [{ name: a, for: { groups: [] }, allow: [read] }]'],
    ['two deeds', 'rules: [{ name: a, allow: [read], deny: [write] }]'],
    ['no deed', 'rules: [{ name: a }]'],
    ['an empty deed', 'rules: [{ name: a, deny: [] }]'],
    ['approve without by', 'rules: [{ name: a, approve: [write] }]'],
    ['by without approve', 'rules: [{ name: a, allow: [write], by: { groups: [x] } }]'],
    ['a mask with a condition', 'rules: [{ name: a, mask: { a.b: null }, when: "true" }]'],
    ['a condition that is no boolean', 'rules: [{ name: a, allow: [read], when: "1 + 1" }]'],
    ['a condition with an unknown variable', 'rules: [{ name: a, allow: [read], when: "statment.hasWhere" }]'],
    ['a name of the gateway itself', 'rules: [{ name: "built-in: x", allow: [read] }]'],
    ['aliases that grow without end', `a: &a [1]\nb: &b [${'*a,'.repeat(50)}]\nc: [${'*b,'.repeat(50)}]\nrules: []`],
  ])('refuses %s', (_, text) => {
    expect(problems(text)).not.toEqual([])
  })
})
