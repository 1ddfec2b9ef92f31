import { expect, test } from 'vitest'
import { NameTable } from './name-table.js'

test('in its own segment a change counts at once, across segments only when settled', () => {
  const table = new NameTable<string>()
  const change = table.begin('p', 'a', 1)
  expect(table.unsettled('p', 1)).toBeUndefined()
  expect(table.get('p')).toBe('a')
  expect(table.unsettled('p', 2)).toBe(change)
  change.settle(true)
  expect(table.unsettled('p', 2)).toBeUndefined()
  expect(table.get('p')).toBe('a')
})

test('a change that was not done leaves what stood there', () => {
  const table = new NameTable<string>()
  table.begin('p', 'a', 1).settle(true)
  const second = table.begin('p', 'b', 2)
  const end = table.begin('p', undefined, 2)
  expect(table.get('p')).toBeUndefined()
  second.settle(false)
  end.settle(false)
  expect(table.get('p')).toBe('a')
})

test('a change that is lost takes what stood there with it', () => {
  const table = new NameTable<string>()
  table.begin('', 'a', 1).settle(true)
  table.begin('', 'b', 2).settleAsLost()
  expect(table.get('')).toBeUndefined()
})

test('candidates are what is settled and everything in flight', () => {
  const table = new NameTable<string>()
  table.begin('p', 'a', 1).settle(true)
  const b = table.begin('p', 'b', 2)
  table.begin('p', 'c', 3)
  expect(table.candidates('p')).toEqual(['a', 'c', 'b'])
  b.settle(true)
  expect(table.candidates('p')).toEqual(['b', 'c'])
})

test('settled changes are let go, however long new ones keep coming', () => {
  const table = new NameTable<string>()
  let last = table.begin('p', '0', 0)
  for (let i = 1; i < 100; i++) {
    const next = table.begin('p', String(i), i)
    last.settle(true)
    last = next
  }
  expect(table.candidates('p')).toEqual(['98', '99'])
})
