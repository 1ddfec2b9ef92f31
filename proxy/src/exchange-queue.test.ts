import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ExchangeQueue } from './exchange-queue.js'

test('it behaves as an array under pushes, shifts and removals', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('push' as const), value: fc.nat() }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('shift' as const), value: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), value: fc.nat(30) }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new ExchangeQueue<number>()
      const model: number[] = []
      for (const { do: action, value } of steps) {
        if (action === 'push') {
          queue.push(value)
          model.push(value)
        } else if (action === 'shift') expect(queue.shift()).toBe(model.shift())
        else if (value < model.length) {
          queue.remove(value)
          model.splice(value, 1)
        }
        expect(queue.length).toBe(model.length)
        expect(queue.head).toBe(model[0])
        expect(queue.at(3)).toBe(model[3])
      }
    }),
  )
})
