import type { ValueMasker } from '@sluice/policy'
import { COLUMN_TYPE } from '@sluice/wire/mysql'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { recordParameter, recordRow } from './recorded-values.js'
import { RowMasker } from './row-masker.js'
import { binaryRow, bytes, frame, lenenc, textRow, u16, u32 } from './scripted-session.js'

const upper: ValueMasker = (source, start, end) =>
  Buffer.from(source.toString('latin1', start, end).toUpperCase(), 'latin1')
const longer: ValueMasker = () => Buffer.alloc(70_000, 0x7a)
const toNull: ValueMasker = () => null
const text = (masker?: ValueMasker) => ({ type: COLUMN_TYPE.varString, masker })

function masked(masker: RowMasker, row: Buffer, sequence = 9): Buffer {
  const packet = frame(sequence, row)
  masker.write(packet, 4, packet.length)
  return masker.take()!
}

describe('text rows', () => {
  it('keep what is not masked, in every width of length', () => {
    const wide = ['a'.repeat(10), 'b'.repeat(300), 'c'.repeat(70_000), null, '', 'z']
    const masker = new RowMasker([text(), text(upper), text(), text(upper), text(upper), text(upper)], 'text')
    expect(masked(masker, textRow(...wide))).toEqual(
      frame(9, textRow('a'.repeat(10), 'B'.repeat(300), 'c'.repeat(70_000), null, '', 'Z')),
    )
  })

  it('may grow, and may become NULL', () => {
    const masker = new RowMasker([text(longer), text(toNull)], 'text')
    expect(masked(masker, textRow('x', 'y'))).toEqual(frame(9, textRow('z'.repeat(70_000), null)))
  })

  it('of one chunk leave together, and what was taken is not written into again', () => {
    const masker = new RowMasker([text(upper)], 'text')
    const first = frame(1, textRow('one'))
    const second = frame(2, textRow('two'))
    masker.write(first, 4, first.length)
    masker.write(second, 4, second.length)
    const taken = masker.take()!
    const copy = Buffer.from(taken)
    expect(taken).toEqual(Buffer.concat([frame(1, textRow('ONE')), frame(2, textRow('TWO'))]))
    for (let i = 0; i < 20_000; i++) masker.write(first, 4, first.length)
    expect(taken).toEqual(copy)
    expect(masker.take()!.length).toBe(20_000 * first.length)
    expect(masker.take()).toBeUndefined()
  })

  it.each([
    ['ends early', bytes(5, 'abc')],
    ['lacks a column', textRow('a')],
    ['has one too many', textRow('a', 'b', 'c')],
    ['has a length cut', bytes(1, 'a', 0xfc, 1)],
    ['has no length', bytes(1, 'a', 0xff)],
  ])('that %s is refused, and nothing of it goes out', (_what, row) => {
    const masker = new RowMasker([text(upper), text()], 'text')
    const good = masked(masker, textRow('a', 'b'))
    const packet = frame(0, row)
    expect(() => masker.write(packet, 4, packet.length)).toThrow()
    expect(masker.take()).toBeUndefined()
    expect(good).toEqual(frame(9, textRow('A', 'b')))
  })
})

describe('binary rows', () => {
  it('are walked by the types of their columns', () => {
    const types = [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 246, 252]
    const values = [
      Buffer.of(1),
      u16(2),
      u32(3),
      Buffer.alloc(4, 4),
      Buffer.alloc(8, 5),
      bytes(11, Buffer.alloc(11, 7)),
      Buffer.alloc(8, 8),
      u32(9),
      bytes(4, Buffer.alloc(4)),
      bytes(0),
      bytes(7, Buffer.alloc(7)),
      u16(2024),
      lenenc('12.5'),
      lenenc('blob'),
    ]
    const same = new RowMasker([...types.map((type) => ({ type, masker: undefined })), text(upper)], 'binary')
    expect(masked(same, binaryRow(...values, lenenc('end')))).toEqual(frame(9, binaryRow(...values, lenenc('END'))))
    const nulls = new RowMasker([...types.map((type) => ({ type, masker: toNull })), text()], 'binary')
    expect(masked(nulls, binaryRow(...values, lenenc('end')))).toEqual(
      frame(9, binaryRow(...values.map(() => null), lenenc('end'))),
    )
  })

  it('take a masked value of a fixed type only in its length', () => {
    const masker = new RowMasker([{ type: 3, masker: () => Buffer.alloc(8) }], 'binary')
    const packet = frame(0, binaryRow(u32(1)))
    expect(() => masker.write(packet, 4, packet.length)).toThrow('has not the length of its type')
  })

  it('and text rows of arbitrary bytes never show a masked value, and throw nothing but WireError', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.constantFrom('text' as const, 'binary' as const),
        (row, format) => {
          const masker = new RowMasker(
            [text(() => Buffer.from('*')), { type: 3, masker: undefined }, text(toNull)],
            format,
          )
          const packet = frame(0, Buffer.from(row))
          try {
            masker.write(packet, 4, packet.length)
          } catch (error) {
            expect((error as Error).name).toBe('WireError')
            expect(masker.take()).toBeUndefined()
          }
        },
      ),
      { numRuns: 1000 },
    )
  })
})

describe('recorded values', () => {
  const column = (type: number, flags = 0, charset = 63) => ({ type, flags, charset })

  it('of binary rows are told as text by type', () => {
    const columns = [
      column(1),
      column(1, 0x20),
      column(2),
      column(8),
      column(8, 0x20),
      column(4),
      column(5),
      column(12),
      column(11),
      column(10),
      column(253, 0, 255),
      column(252),
      column(13),
    ]
    const row = binaryRow(
      Buffer.of(0xff),
      Buffer.of(0xff),
      u16(0xfffe),
      Buffer.alloc(8, 0xff),
      Buffer.alloc(8, 0xff),
      bytes(Buffer.from('cdcc4c3e', 'hex')),
      bytes(Buffer.from('000000000000f83f', 'hex')),
      bytes(11, u16(2024), 5, 6, 7, 8, 9, u32(123456)),
      bytes(8, 1, u32(1), 2, 3, 4),
      bytes(4, u16(2024), 12, 31),
      lenenc('é'),
      lenenc(Buffer.from([0xff])),
      u16(1999),
    )
    expect(recordRow(row, columns, 'binary')).toEqual([
      '-1',
      '255',
      '-2',
      '-1',
      '18446744073709551615',
      '0.2',
      '1.5',
      '2024-05-06 07:08:09.123456',
      '-26:03:04',
      '2024-12-31',
      'é',
      { bytes: 1 },
      '1999',
    ])
  })

  it('of text rows are text, unless they are bytes or too long', () => {
    const columns = [column(3), column(253, 0, 255), column(252), column(253, 0, 8), column(253, 0, 255)]
    const row = textRow('42', null, 'bytes', 'x'.repeat(70_000), 'y')
    expect(recordRow(row, columns, 'text')).toEqual(['42', null, { bytes: 5 }, { bytes: 70_000 }, 'y'])
  })

  it('of parameters tell NULL and long data apart', () => {
    expect(recordParameter({ type: 3, unsigned: false, bytes: null }, undefined)).toBeNull()
    expect(recordParameter({ type: 252, unsigned: false, bytes: undefined }, 12)).toEqual({ bytes: 12 })
    expect(recordParameter({ type: 16, unsigned: false, bytes: Buffer.of(1, 2) }, undefined)).toEqual({ bytes: 2 })
  })
})
