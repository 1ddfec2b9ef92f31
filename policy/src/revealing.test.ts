import { createAnalyser, type LexicalMode } from '@sluice/parsers'
import { afterAll, expect, it } from 'vitest'
import { decide } from './decide.js'
import { loadPolicy } from './load-policy.js'

const analyser = createAnalyser()
afterAll(() => analyser.close())

const MODE: LexicalMode = {
  dialect: 'mysql',
  flavour: 'mariadb',
  version: 101119,
  sqlMode: new Set(),
  multiStatements: true,
}

async function rule(sql: string, allow: string): Promise<string | undefined> {
  const loaded = loadPolicy(`rules: [{ name: allowed, allow: [${allow}] }]`, 'policy.yaml')
  if (!('policy' in loaded)) throw new Error(loaded.problems[0]!.message)
  const analysis = await analyser.analyse(Buffer.from(sql), MODE)
  const identity = { user: 'alice', groups: [], method: 'local' } as const
  const decision = decide(loaded.policy, {
    identity,
    database: 'shop',
    dialect: 'mysql',
    analysis,
    clientAddress: '127.0.0.1',
    now: 0,
  })
  return decision.effect === 'allow' ? undefined : decision.rule
}

it.each([
  'show processlist',
  'SHOW /* harmless */ FULL PROCESSLIST',
  'show engine innodb status',
  'show grants for root@localhost',
  'show create user root',
  'show binlog events',
  'show relaylog events',
  'show all slaves status',
  'show replica status',
  'show explain for 7',
])('denies `%s`, as it is read, to those who may read or do anything', async (sql) => {
  expect(await rule(sql, 'read')).toBe('built-in: revealing statements')
  expect(await rule(sql, 'any')).toBe('built-in: revealing statements')
})

it('allows it where a rule names the verb', async () => {
  expect(await rule('show full processlist', 'show processlist')).toBeUndefined()
  expect(await rule('show replica status', 'show replica')).toBeUndefined()
})

it.each([
  'show tables',
  'show grants',
  'show create table t',
  'show columns from t',
  'show variables',
  'show warnings',
])('allows `%s` to those who may read', async (sql) => {
  expect(await rule(sql, 'read')).toBeUndefined()
})
