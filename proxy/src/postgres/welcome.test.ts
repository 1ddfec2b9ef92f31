import { expect, test } from 'vitest'
import { MemoryChannel } from '../memory-channel.js'
import type { PostgresHello } from './greet.js'
import { welcome } from './welcome.js'

const KEY = Buffer.concat([Buffer.from([0, 0, 0, 9]), Buffer.from('secret of thirty-two bytes, more')])
const UPSTREAM = {
  serverVersion: '18.4',
  parameters: new Map([
    ['server_version', '18.4'],
    ['TimeZone', 'UTC'],
  ]),
  cancelKey: { processId: 77, secret: Buffer.from('real') },
}

function hello(minor: number): PostgresHello {
  const version = { major: 3, minor }
  return { user: 'ada', database: 'shop', application: undefined, version, settings: new Map(), clientEncoding: 'UTF8' }
}

test.each([
  [0, KEY.subarray(0, 8)],
  [1, KEY.subarray(0, 8)],
  [2, KEY],
])("protocol 3.%i gets the parameters and a key of the gateway's own", (minor, told) => {
  const channel = new MemoryChannel()
  expect(welcome(channel, hello(minor), UPSTREAM, KEY)).toEqual(told)
  expect(channel.written.toString('latin1')).toBe(
    'R\0\0\0\x08\0\0\0\0' +
      'S\0\0\0\x18server_version\x0018.4\0' +
      'S\0\0\0\x11TimeZone\0UTC\0' +
      `K\0\0\0${String.fromCharCode(4 + told.length)}${told.toString('latin1')}` +
      'Z\0\0\0\x05I',
  )
  expect(channel.written.includes('real')).toBe(false)
})
