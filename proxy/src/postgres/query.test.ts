import { expect, test } from 'vitest'
import { MemoryChannel } from '../memory-channel.js'
import { queryRows } from './query.js'

const ROW = 'D\0\0\0\x11\0\x02\0\0\0\x03abc\xff\xff\xff\xff'
const END = 'C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I'

function answering(text: string): MemoryChannel {
  const channel = new MemoryChannel({ chunk: 3 })
  channel.receive(Buffer.from(text, 'latin1'))
  channel.end()
  return channel
}

test('rows come back as text, NULL as null', async () => {
  expect(await queryRows(answering(ROW + ROW + END), 'select 1')).toEqual([
    ['abc', null],
    ['abc', null],
  ])
})

test("the server's error is told", async () => {
  const error = 'E\0\0\0\x12SERROR\0Mnope\0\0'
  await expect(queryRows(answering(error + END), 'select 1')).rejects.toThrow(/nope/)
})

test.each([
  ['an error without an end', 'E\0\0\0\x06Sx'],
  ['a message of 2 GB', 'D\x7f\xff\xff\xff'],
  ['a row that ends early', 'D\0\0\0\x08\0\x02\0\0'],
  ['a row of less than no columns', 'D\0\0\0\x06\xff\xff'],
  ['a message of an unknown type', '?\0\0\0\x04'],
  ['an unknown request for authentication', 'R\0\0\0\x08\0\0\0\x63'],
])('a server that sends %s is refused', async (_, bytes) => {
  await expect(queryRows(answering(bytes + END), 'select 1')).rejects.toMatchObject({ code: 'upstream_refused' })
})
