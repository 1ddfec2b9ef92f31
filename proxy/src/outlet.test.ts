import { expect, test } from 'vitest'
import { Outlet } from './outlet.js'

test('neighbouring stretches leave as one view, and a whole buffer as itself', () => {
  const emitted: Buffer[] = []
  const outlet = new Outlet((bytes) => emitted.push(bytes))
  const chunk = Buffer.from('abcdef')
  outlet.pass(chunk, 0, 2)
  outlet.pass(chunk, 2, 6)
  outlet.flush()
  expect(emitted).toEqual([chunk])
  expect(emitted[0]).toBe(chunk)
})

test('what is left out or put in between keeps the order', () => {
  const emitted: Buffer[] = []
  const outlet = new Outlet((bytes) => emitted.push(bytes))
  const chunk = Buffer.from('abcdef')
  outlet.pass(chunk, 0, 2)
  outlet.write(Buffer.from('XY'))
  outlet.pass(chunk, 4, 6)
  outlet.pass(chunk, 6, 6)
  outlet.flush()
  outlet.flush()
  expect(Buffer.concat(emitted).toString()).toBe('abXYef')
})
