import { SluiceError } from '@sluice/domain'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readStartupParameters } from './startup-parameters.js'

function read(parameters: Record<string, string>) {
  return readStartupParameters(Object.entries({ user: 'ada', ...parameters }))
}

function settings(parameters: Record<string, string>) {
  return Object.fromEntries(read(parameters).settings)
}

test('the database is the user where none is named', () => {
  expect(read({}).database).toBe('ada')
  expect(read({ database: '' }).database).toBe('ada')
  expect(read({ database: 'shop' }).database).toBe('shop')
})

test('a user must be named', () => {
  expect(() => readStartupParameters([['database', 'shop']])).toThrow(SluiceError)
})

test("allowed settings pass under the server's spelling of their names", () => {
  expect(settings({ datestyle: 'ISO, MDY', TIMEZONE: 'UTC', extra_float_digits: '3' })).toEqual({
    DateStyle: 'ISO, MDY',
    TimeZone: 'UTC',
    extra_float_digits: '3',
  })
})

test.each([
  'role',
  'session_authorization',
  'session_replication_role',
  'row_security',
  'myapp.tenant',
  'work_mem',
  '',
])('the setting `%s` is refused by name', (name) => {
  expect(() => read({ options: `-c ${name}=x` })).toThrow(/not allowed/)
  if (name !== '') expect(() => read({ [name]: 'x' })).toThrow(`\`${name}\``)
})

describe('client_encoding', () => {
  test.each([
    ['UTF8', 'UTF8'],
    ["'utf-8'", 'UTF8'],
    ['unicode', 'UTF8'],
    ['sql_ascii', 'SQL_ASCII'],
    ['latin1', 'LATIN1'],
    ['ISO-8859-15', 'LATIN9'],
    ['windows-1252', 'WIN1252'],
  ])('%s is %s', (asked, name) => {
    expect(settings({ client_encoding: asked })).toEqual({ client_encoding: name })
  })

  test.each([
    'BIG5',
    'SJIS',
    'Shift_JIS',
    'SHIFT_JIS_2004',
    'GBK',
    'GB18030',
    'UHC',
    'JOHAB',
    'EUC_JP',
    'nonsense',
    '',
  ])('%s is refused', (encoding) => {
    expect(() => settings({ client_encoding: encoding })).toThrow(/client encoding/)
    expect(() => settings({ options: `--client-encoding=${encoding}` })).toThrow(/client encoding/)
  })
})

test('standard_conforming_strings stays on', () => {
  expect(settings({ standard_conforming_strings: 'on', options: '-c standard_conforming_strings=true' })).toEqual({})
  for (const value of ['off', 'false', '0', 'o', '']) {
    expect(() => settings({ standard_conforming_strings: value })).toThrow(/must stay on/)
    expect(() => settings({ options: `-cStandard-Conforming_Strings=${value}` })).toThrow(/must stay on|not allowed/)
  }
})

describe('options', () => {
  test.each([
    ['-c geqo=off', { geqo: 'off' }],
    ['-cgeqo=off --lock-timeout=5s', { geqo: 'off', lock_timeout: '5s' }],
    ['  -c  search_path=a,b\t--statement_timeout=1 ', { search_path: 'a,b', statement_timeout: '1' }],
    ['-c search_path=a,\\ b', { search_path: 'a, b' }],
    ['-c search_path=a\\\\b', { search_path: 'a\\b' }],
    ['-c geqo=on -c geqo=off', { geqo: 'off' }],
    ['', {}],
  ])('`%s` is read as the server does', (text, expected) => {
    expect(settings({ options: text })).toEqual(expected)
  })

  test('lose against a parameter of the same name', () => {
    expect(settings({ TimeZone: 'UTC', options: '-c timezone=CET' })).toEqual({ TimeZone: 'UTC' })
  })

  test.each(['-d 5', '-c', '-c geqo', '--', '--geqo', '-W', 'geqo=on', '-ec geqo=on', '-c =x'])(
    '`%s` is refused',
    (text) => {
      expect(() => settings({ options: text })).toThrow(SluiceError)
    },
  )
})

describe('replication', () => {
  test.each(['true', 'on', 'database', '1', 'yes', 'nonsense'])('%s is refused', (value) => {
    expect(() => read({ replication: value })).toThrow(/replication connections/)
  })
  test.each(['false', 'off', 'no', '0'])('%s is no replication', (value) => {
    expect(settings({ replication: value })).toEqual({})
  })
})

test('only allowed settings come out, whatever goes in', () => {
  const allowed = new Set(['application_name', 'DateStyle', 'TimeZone', 'search_path', 'geqo', 'statement_timeout'])
  const name = fc.oneof(fc.string(), fc.constantFrom(...allowed, 'options', 'role', 'client_encoding', 'replication'))
  const value = fc.oneof(fc.string(), fc.constantFrom('-c role=x', '--role=x', '-c geqo=on', '\\', '-c'))
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), (parameters) => {
      try {
        const { settings } = readStartupParameters([['user', 'ada'], ...parameters])
        for (const each of settings.keys()) expect(each === 'client_encoding' || allowed.has(each)).toBe(true)
      } catch (error) {
        expect(error).toBeInstanceOf(SluiceError)
      }
    }),
    { numRuns: 1000 },
  )
})
