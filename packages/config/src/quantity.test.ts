import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nearest } from './nearest.js'
import { parseAddress, parseDuration, parseSize } from './quantity.js'

describe('sizes', () => {
  test.each([
    ['64MB', 67_108_864],
    ['64 kB', 65_536],
    ['1.5gb', 1_610_612_736],
    [512, 512],
    ['10b', 10],
  ])('%s is %i bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes))

  test.each(['', '64', 'MB', '-1MB', '1 TB', '1e3kB', '0x10kB', '64constructor', -1, 1.5, null, {}])(
    '%j is none',
    (text) => expect(parseSize(text)).toBeUndefined(),
  )
})

describe('durations', () => {
  test.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['10m', 600_000],
    ['1.5h', 5_400_000],
    ['2d', 172_800_000],
    ['0s', 0],
  ])('%s is %i ms', (text, milliseconds) => expect(parseDuration(text)).toBe(milliseconds))

  test.each(['10', 10, '1 week', '-1s', '', undefined])('%j is none, since it has no unit', (text) =>
    expect(parseDuration(text)).toBeUndefined(),
  )
})

describe('addresses', () => {
  test.each([
    ['127.0.0.1:6432', { host: '127.0.0.1', port: 6432 }],
    ['[::1]:6432', { host: '::1', port: 6432 }],
    [6432, { host: '127.0.0.1', port: 6432 }],
    ['6432', { host: '127.0.0.1', port: 6432 }],
    ['my_host-1.example:0', { host: 'my_host-1.example', port: 0 }],
  ])('%s is a place to listen at', (text, address) =>
    expect(parseAddress(text, { host: '127.0.0.1' })).toEqual(address),
  )

  test.each([
    ':6432',
    'localhost',
    '::1:6432',
    '[::g]:1',
    '*:6432',
    'h:65536',
    'h:-1',
    'a b:1',
    '70000',
    '',
    'unix:/tmp/x',
  ])('%s is not', (text) => expect(parseAddress(text, { host: '127.0.0.1' })).toBeUndefined())

  test('a server without a port gets the one of its dialect', () => {
    expect(parseAddress('db.internal', { port: 3306 })).toEqual({ host: 'db.internal', port: 3306 })
    expect(parseAddress('[2001:db8::1]', { port: 3306 })).toEqual({ host: '2001:db8::1', port: 3306 })
  })
})

test('any value is parsed or refused, and never throws', () => {
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.string()), (raw) => {
      for (const parsed of [parseSize(raw), parseDuration(raw)]) expect(parsed ?? 0).toBeGreaterThanOrEqual(0)
      expect(parseAddress(raw, {})?.port ?? 0).toBeLessThanOrEqual(65_535)
    }),
  )
})

test('the nearest key is one that a finger could have missed', () => {
  expect(nearest('adress', ['address', 'database'])).toBe('address')
  expect(nearest('keyfile', ['file', 'keyFile'])).toBe('keyFile')
  expect(nearest('lsiten', ['listen', 'limits'])).toBe('listen')
  expect(nearest('zebra', ['listen', 'limits'])).toBeUndefined()
})
