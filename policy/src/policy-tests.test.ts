import { expect, test } from 'vitest'
import { loadPolicyTests } from './policy-tests.js'

test('expectations are read with their places', () => {
  const text = `tests:
  - user: alice
    database: shop
    sql: select 1
    expect: allow
  - { name: n, user: bob, groups: [a], database: shop, sql: drop table t, expect: deny, rule: r, masks: { t.ssn: null } }
`
  expect(loadPolicyTests(text, 'f.yaml')).toEqual({
    tests: [
      { user: 'alice', database: 'shop', sql: 'select 1', expect: 'allow', line: 2, column: 5 },
      {
        name: 'n',
        user: 'bob',
        groups: ['a'],
        database: 'shop',
        sql: 'drop table t',
        expect: 'deny',
        rule: 'r',
        masks: { 't.ssn': 'null' },
        line: 6,
        column: 5,
      },
    ],
  })
})

test('all that is wrong is told, with its place', () => {
  const text = `tests:
  - user: alice
    databse: shop
    sql: 3
    expect: maybe
    masks: { a.b: blur }
`
  const loaded = loadPolicyTests(text, 'f.yaml')
  const problems =
    'problems' in loaded ? loaded.problems.map((each) => `${each.line}:${each.column} ${each.message}`) : []
  expect(problems.sort()).toEqual([
    '2:5 `database` must be a text',
    '2:5 unknown key `databse`; did you mean `database`?',
    '4:10 `sql` must be a text',
    '5:13 `expect` must be `allow` or `deny`',
    '6:19 `masks` must be a mask for each column, such as `{ users.email: partial }`',
  ])
})

test.each([
  ['tests: {', /not valid YAML/],
  ['hello', /the file must be a list of tests/],
  ['tests: 3', /`tests` must be a list of tests/],
])('%j is no file of expectations', (text, message) => {
  const loaded = loadPolicyTests(text, 'f.yaml')
  expect('problems' in loaded && loaded.problems[0]?.message).toMatch(message)
})
