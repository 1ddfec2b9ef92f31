import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WireError } from '../wire-error.js'
import { decodeErrPacket, encodeErrPacket } from './error.js'
import {
  columnTypeName,
  decodeColumnCount,
  decodeColumnDefinition,
  decodeEofPacket,
  decodeOkPacket,
  decodePrepareOk,
  plainOkPayload,
  withoutSessionState,
} from './result.js'

const hex = (...parts: string[]) => Buffer.from(parts.join('').replaceAll(' ', ''), 'hex')

describe('OK packet', () => {
  it('tells rows, status and the changes of session state', () => {
    const payload = hex(
      '00',
      'fc e803',
      '00',
      '0240',
      '0100',
      '00',
      '1c',
      '00 0e 08 73716c5f6d6f6465 04 414e5349',
      '01 05 04 73686f70',
      '02 02 01 31',
    )
    payload[10] = payload.length - 11
    expect(decodeOkPacket(payload, true)).toMatchObject({
      affectedRows: 1000,
      status: 0x4002,
      warnings: 1,
      changes: [
        { kind: 'variable', name: 'sql_mode', value: 'ANSI' },
        { kind: 'schema', name: 'shop' },
        { kind: 'other', type: 2 },
      ],
    })
  })

  it('loses its session state for a client that did not ask for it, and keeps all else', () => {
    const state = '05 01 03 02 6162'
    const withText = hex('00 01 02 0240 0000', '03 616263', state)
    expect(withoutSessionState(withText, decodeOkPacket(withText, true))).toEqual(hex('00 01 02 0200 0000 03 616263'))
    const withoutText = hex('fe fe ffffffffffffffff 02 0240 0000', '00', state)
    const plain = withoutSessionState(withoutText, decodeOkPacket(withoutText, true))
    expect(plain).toEqual(hex('fe fe ffffffffffffffff 02 0200 0000'))
    expect(decodeOkPacket(plain, false).affectedRows).toBe(0)
  })

  it('is made by the gateway with the status of the session', () => {
    expect(plainOkPayload(0x4003)).toEqual(hex('00 00 00 0300 0000'))
  })
})

describe('column definition', () => {
  const names = ['def', 'shop', 'u', 'users', 'mail', 'email'].map((name) =>
    hex(Buffer.of(name.length).toString('hex'), Buffer.from(name).toString('hex')),
  )
  const fixed = hex('0c ff00 90010000 fd 0110 1f 0000')

  it('names the table and column that the values come from', () => {
    expect(decodeColumnDefinition(Buffer.concat([...names, fixed]), false)).toEqual({
      schema: 'shop',
      table: 'u',
      originalTable: 'users',
      name: 'mail',
      originalName: 'email',
      charset: 255,
      length: 400,
      type: 253,
      flags: 0x1001,
      decimals: 31,
      isJson: false,
    })
  })

  it("says in MariaDB's extended metadata that a text is JSON", () => {
    const metadata = hex('06 01 04 6a736f6e')
    expect(decodeColumnDefinition(Buffer.concat([...names, metadata, fixed]), true).isJson).toBe(true)
    expect(decodeColumnDefinition(Buffer.concat([...names, hex('00'), fixed]), true).isJson).toBe(false)
  })

  it('has a type with a name', () => {
    expect([columnTypeName(8), columnTypeName(246), columnTypeName(99)]).toEqual(['longlong', 'newdecimal', 'type 99'])
  })
})

describe('ERR packet', () => {
  it('is read as it is written, cut at 511 bytes at the edge of a character', () => {
    const error = { errno: 1142, sqlState: '42000', message: 'no' }
    expect(encodeErrPacket(3, error)).toEqual(hex('0b0000 03 ff 7604 23 3432303030 6e6f'))
    expect(decodeErrPacket(encodeErrPacket(3, error).subarray(4))).toEqual(error)
    const long = decodeErrPacket(encodeErrPacket(0, { ...error, message: `a${'é'.repeat(400)}` }).subarray(4))
    expect(long.message).toBe(`a${'é'.repeat(255)}`)
  })

  it('has no SQLSTATE before the capabilities are agreed', () => {
    const early = { errno: 1040, sqlState: undefined, message: 'too many connections' }
    expect(decodeErrPacket(encodeErrPacket(0, early).subarray(4))).toEqual(early)
  })
})

describe('decoders', () => {
  it.each<[string, (bytes: Buffer) => unknown]>([
    ['decodeOkPacket', (bytes) => decodeOkPacket(bytes, true)],
    ['decodeEofPacket', decodeEofPacket],
    ['decodeErrPacket', decodeErrPacket],
    ['decodeColumnCount', decodeColumnCount],
    ['decodeColumnDefinition', (bytes) => decodeColumnDefinition(bytes, true)],
    ['decodePrepareOk', decodePrepareOk],
  ])('%s throws nothing but WireError on arbitrary bytes', (_name, decode) => {
    const first = fc.constantFrom(0x00, 0xfe, 0xff, 0x01, 0x03)
    fc.assert(
      fc.property(first, fc.uint8Array({ maxLength: 80 }), (byte, rest) => {
        try {
          decode(Buffer.from([byte, ...rest]))
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }),
      { numRuns: 500 },
    )
  })
})
