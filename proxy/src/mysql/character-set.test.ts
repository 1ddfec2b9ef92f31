import { expect, test } from 'vitest'
import { characterSetOf } from './character-set.js'

test('collations of the four character sets are let in, those of both servers', () => {
  const ids: Record<string, number[]> = {
    ascii: [11, 65],
    latin1: [5, 8, 94],
    utf8mb3: [33, 83, 192, 223, 576],
    utf8mb4: [45, 46, 224, 247, 255, 308, 323, 608, 1270, 2304],
  }
  for (const [name, collations] of Object.entries(ids)) {
    for (const id of collations) expect(characterSetOf(id), `collation ${id}`).toBe(name)
  }
})

test('collations of character sets with quotes inside of characters are not', () => {
  const big5 = [1, 84]
  const gbk = [28, 87]
  const sjis = [13, 88]
  const cp932 = [95, 96]
  const gb18030 = [248, 249, 250]
  for (const id of [...big5, ...gbk, ...sjis, ...cp932, ...gb18030]) expect(characterSetOf(id)).toBeUndefined()
})

test('neither are wide ones, binary, and ids that nobody has', () => {
  for (const id of [0, 35, 54, 56, 60, 63, 100, 128, 159, 183, 216, 251, 254, 324, 640, 736, 2560, 65535]) {
    expect(characterSetOf(id), `collation ${id}`).toBeUndefined()
  }
})
