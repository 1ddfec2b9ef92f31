import { SluiceError } from '@sluice/domain'
import { CAPABILITY, encodeErrPacket, encodeLengthEncodedString } from '@sluice/wire/mysql'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MemoryChannel } from '../memory-channel.js'
import { PacketChannel } from './packet-channel.js'
import { queryRows } from './query.js'

const EOF = Buffer.from('fe00000200', 'hex')

/** Asks `select 1` of a server that sends these payloads. */
function ask(payloads: readonly Buffer[], capabilities = 0, chunk = 1000) {
  const [here, there] = MemoryChannel.pair({ chunk })
  const rows = queryRows(here, 'select 1', capabilities)
  rows.catch(() => {})
  const server = new PacketChannel(there, 1 << 20)
  server.read().then(() => {
    for (const payload of payloads) server.write(payload)
    there.close()
  })
  return { rows, here }
}

function row(...values: (string | null)[]): Buffer {
  return Buffer.concat(
    values.map((each) => (each === null ? Buffer.of(0xfb) : encodeLengthEncodedString(Buffer.from(each)))),
  )
}

test('rows come as text, null for NULL, however the bytes are cut', async () => {
  const long = 'x'.repeat(70_000)
  const payloads = [Buffer.of(2), Buffer.from('def'), Buffer.from('def'), EOF, row('1', null), row('', long), EOF]
  for (const chunk of [3, 1000]) {
    expect(await ask(payloads, 0, chunk).rows).toEqual([
      ['1', null],
      ['', long],
    ])
  }
})

test('without EOF packets and with query attributes the bytes are those of the manual', async () => {
  const flags = CAPABILITY.deprecateEof | CAPABILITY.queryAttributes
  const { rows, here } = ask([Buffer.of(1), Buffer.from('def'), row('1'), Buffer.from('fe000002000000', 'hex')], flags)
  expect(await rows).toEqual([['1']])
  expect(here.written.subarray(4).toString('latin1')).toBe('\x03\x00\x01select 1')
})

test('a statement without a result has no rows', async () => {
  expect(await ask([Buffer.from('00000002000000', 'hex')]).rows).toEqual([])
})

test('an error of the server, first or amid the rows, is a refusal that does not tell the client its words', async () => {
  const words = encodeErrPacket(0, {
    errno: 1146,
    sqlState: '42S02',
    message: "Table 'secret' does not exist",
  }).subarray(4)
  for (const payloads of [[words], [Buffer.of(1), Buffer.from('def'), EOF, row('1'), words]]) {
    const error = await ask(payloads).rows.catch((thrown: SluiceError) => thrown)
    expect(error).toMatchObject({ code: 'upstream_refused', message: expect.stringContaining('1146') })
    expect((error as SluiceError).clientMessage).not.toContain('secret')
  }
})

test('a wish for a file, and rows of the wrong width, are refused', async () => {
  const columns = [Buffer.of(1), Buffer.from('def'), EOF]
  for (const payloads of [[Buffer.from('\xfb/etc/passwd', 'latin1')], [...columns, row('1', '2')]]) {
    await expect(ask(payloads).rows).rejects.toMatchObject({ code: 'upstream_refused' })
  }
})

test('arbitrary bytes are rows or a refusal, never another error', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }), fc.boolean(), async (bytes, eof) => {
      const payloads = bytes.map((each) => Buffer.from(each))
      const error = await ask(payloads, eof ? 0 : CAPABILITY.deprecateEof).rows.then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      if (error !== undefined) expect(error).toBeInstanceOf(SluiceError)
    }),
  )
})
