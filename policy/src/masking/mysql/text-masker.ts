import type { Mask, ValueMasker } from '../../mask.js'
import { keyedHash, keyedHashText } from '../keyed-hash.js'
import type { MaskOptions } from '../mask-options.js'
import { partialText } from '../partial-text.js'
import { CHARACTER_BYTES, type CharacterSet, encodeText } from './character-sets.js'
import type { MysqlColumn } from './masker.js'
import { TYPE } from './redacted-values.js'

const NOTHING = Buffer.alloc(0)
const MOST_FIXED_BYTES = 255 // BINARY(n)

/** Masks texts and byte strings, whose values are the same bytes in both formats. Never longer than the column. */
export function textMasker(
  mask: Exclude<Mask, { kind: 'null' }>,
  column: MysqlColumn,
  set: CharacterSet,
  options: MaskOptions,
): ValueMasker {
  if (set === 'binary') return bytesMasker(mask, column, options)
  const characters = Math.floor(column.length / CHARACTER_BYTES[set])
  switch (mask.kind) {
    case 'redact':
    case 'fixed': {
      const fixed = encodeText(mask.kind === 'redact' ? '***' : mask.value, set, column.length)
      return () => fixed
    }
    case 'hash':
      return (source, start, end) => keyedHashText(options.hashKey, source, start, end).subarray(0, characters)
    case 'partial':
    case 'email': // not longer than the value, so not longer than the column
      return partialText(mask, set === 'utf8mb3' || set === 'utf8mb4')
  }
}

/** BINARY(n) keeps its n bytes; VARBINARY and BLOB become empty. */
function bytesMasker(mask: Exclude<Mask, { kind: 'null' }>, column: MysqlColumn, options: MaskOptions): ValueMasker {
  const fixedLength = column.type === TYPE.string && column.length <= MOST_FIXED_BYTES ? column.length : undefined
  if (mask.kind === 'hash')
    return (source, start, end) => resized(keyedHash(options.hashKey, source, start, end), column.length, fixedLength)
  const constant = resized(
    mask.kind === 'fixed' ? encodeText(mask.value, 'binary', column.length) : NOTHING,
    column.length,
    fixedLength,
  )
  return () => constant
}

function resized(bytes: Buffer, most: number, exactly: number | undefined): Buffer {
  if (exactly === undefined || exactly <= bytes.length) return bytes.subarray(0, exactly ?? most)
  return Buffer.concat([bytes, Buffer.alloc(exactly - bytes.length)])
}
