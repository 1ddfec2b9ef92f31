import { Secret } from '@sluice/domain'
import { decodeStartupPacket } from '@sluice/wire/postgres'
import { expect, test } from 'vitest'
import { MemoryChannel } from '../memory-channel.js'
import type { Target } from '../protocol.js'
import { cancelUpstream } from './cancel.js'

const TARGET: Target = {
  host: 'db.internal',
  port: 5432,
  database: 'shop',
  tls: undefined,
  username: 'app',
  password: new Secret('p'),
}
const UPSTREAM = {
  serverVersion: '18.4',
  parameters: new Map<string, string>(),
  cancelKey: { processId: 77, secret: Buffer.from('real') },
}
const REQUEST = { type: 'cancel-request', processId: 77, secret: Buffer.from('real') }

test("sends the server's own key and waits until the server has closed", async () => {
  const channel = new MemoryChannel()
  let done = false
  const cancelling = cancelUpstream(async () => channel, UPSTREAM, TARGET).then(() => {
    done = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  expect(decodeStartupPacket(channel.written)).toEqual(REQUEST)
  expect(done).toBe(false)
  channel.end()
  await cancelling
})

test('never sends the key in the clear where tls is asked for', async () => {
  const target: Target = { ...TARGET, tls: { host: 'db.internal', mode: 'require' } }
  const channel = new MemoryChannel()
  channel.receive(Buffer.from('N'))
  await expect(cancelUpstream(async () => channel, UPSTREAM, target)).rejects.toMatchObject({
    code: 'upstream_refused',
  })
  expect(channel.written.includes('real')).toBe(false)
})

test('says so where the server gave no key', async () => {
  const upstream = { ...UPSTREAM, cancelKey: undefined }
  const open = async () => new MemoryChannel()
  await expect(cancelUpstream(open, upstream, TARGET)).rejects.toMatchObject({ code: 'feature_unsupported' })
})
