import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WireError } from '../wire-error.js'
import {
  commandName,
  decodeExecute,
  decodeFieldList,
  decodeLongDataHead,
  queryTextOffset,
  statementIdOf,
} from './command.js'

const hex = (...parts: string[]) => Buffer.from(parts.join('').replaceAll(' ', ''), 'hex')
const none = { boundTypes: undefined, longData: new Set<number>(), queryAttributes: false }

describe('COM_QUERY', () => {
  it('has its text right after the command, or behind the query attributes', () => {
    expect(queryTextOffset(hex('03 73656c'), false)).toBe(1)
    expect(queryTextOffset(hex('03 00 01 73656c'), true)).toBe(3)
    const two = hex('03', '02 01', '01', '01', 'fe00 01 61', '0800 01 62', '0100000000000000', '73656c')
    expect(queryTextOffset(two, true)).toBe(two.length - 3)
  })

  it.each([
    ['more than one set', '03 01 02 00 01'],
    ['attributes without types', '03 01 01 00 00'],
    ['attributes that end early', '03 02 01 00 01 fe00'],
  ])('with %s is malformed', (_what, bytes) => {
    expect(() => queryTextOffset(hex(bytes), true)).toThrow(WireError)
  })
})

describe('COM_STMT_EXECUTE', () => {
  const head = '17 01000000 01 01000000'

  it('binds types and values; NULLs and long data have no bytes', () => {
    const command = decodeExecute(hex(head, '02', '01', '0380 fd00 fc00 0c00', 'ffffffff', '04 e8070102'), {
      ...none,
      parameters: 4,
      longData: new Set([2]),
    })
    expect(command).toEqual({
      statementId: 1,
      cursor: 1,
      types: [
        { type: 3, unsigned: true },
        { type: 253, unsigned: false },
        { type: 252, unsigned: false },
        { type: 12, unsigned: false },
      ],
      values: [
        { type: 3, unsigned: true, bytes: hex('ffffffff') },
        { type: 253, unsigned: false, bytes: null },
        { type: 252, unsigned: false, bytes: undefined },
        { type: 12, unsigned: false, bytes: hex('e8070102') },
      ],
    })
  })

  it('without types uses those that were bound before, or tells no values', () => {
    const bytes = hex(head, '00 00', '07')
    const types = [{ type: 1, unsigned: false }]
    expect(decodeExecute(bytes, { ...none, parameters: 1, boundTypes: types }).values).toEqual([
      { type: 1, unsigned: false, bytes: hex('07') },
    ])
    expect(decodeExecute(bytes, { ...none, parameters: 1 }).values).toBeUndefined()
  })

  it('with query attributes has names, and more values than the statement has parameters', () => {
    const bytes = hex('17 01000000 08 01000000', '02', '00 01', '0100 00', 'fe00 03 747261', '05', '03 616263')
    const { values } = decodeExecute(bytes, { ...none, parameters: 1, queryAttributes: true })
    expect(values).toEqual([{ type: 1, unsigned: false, bytes: hex('05') }])
    expect(() => decodeExecute(bytes, { ...none, parameters: 3, queryAttributes: true })).toThrow('fewer parameters')
  })

  it('of a statement without parameters ends after its head', () => {
    expect(decodeExecute(hex(head), { ...none, parameters: 0 }).values).toEqual([])
  })
})

describe('other commands', () => {
  it('have their ids, and the names of the manual', () => {
    expect(statementIdOf(hex('19 05000000'))).toBe(5)
    expect(decodeLongDataHead(hex('18 05000000 0200 61'))).toEqual({ statementId: 5, parameter: 2 })
    expect(decodeFieldList(hex('04 7400 25'))).toEqual({ table: hex('74'), wildcard: hex('25') })
    expect([commandName(0x17), commandName(0x15), commandName(0x99)]).toEqual([
      'COM_STMT_EXECUTE',
      'COM_REGISTER_SLAVE',
      'command 0x99',
    ])
  })
})

describe('decoders', () => {
  it.each<[string, (bytes: Buffer) => unknown]>([
    ['queryTextOffset', (bytes) => queryTextOffset(bytes, true)],
    ['decodeExecute', (bytes) => decodeExecute(bytes, { ...none, parameters: 2 })],
    [
      'decodeExecute with attributes',
      (bytes) => decodeExecute(bytes, { ...none, parameters: 2, queryAttributes: true }),
    ],
    ['statementIdOf', statementIdOf],
    ['decodeLongDataHead', decodeLongDataHead],
    ['decodeFieldList', decodeFieldList],
  ])('%s throws nothing but WireError on arbitrary bytes', (_name, decode) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          decode(Buffer.from([0x17, ...bytes]))
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }),
      { numRuns: 500 },
    )
  })
})
