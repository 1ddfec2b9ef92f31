import type { Mask, ValueMasker } from '../../mask.js'
import { keyedHashText } from '../keyed-hash.js'
import type { MaskOptions } from '../mask-options.js'
import { countCharacters, partialText, STARS } from '../partial-text.js'
import { OID } from './redacted-values.js'

/** Types whose values are plain text, the same bytes in both formats. */
export const TEXT_TYPES: ReadonlySet<number> = new Set([
  OID.text,
  OID.varchar,
  OID.bpchar,
  OID.name,
  OID.char,
  OID.unknown,
])

const NAME_BYTES = 63
const SPACE = 0x20
const STAR = STARS[1] as Buffer
const REDACTED_TEXT = STARS[3] as Buffer

/**
 * Masks text. The type's own length is not in the type OID, so what could be too long is bounded by the value itself:
 * `char(n)` always comes with n characters and leaves with as many.
 */
export function textMasker(mask: Exclude<Mask, { kind: 'null' }>, typeOid: number, options: MaskOptions): ValueMasker {
  if (typeOid === OID.char) {
    const fixed = mask.kind === 'fixed' && /^[\x20-\x7e]/.test(mask.value) ? Buffer.from(mask.value.charAt(0)) : STAR
    return () => fixed
  }
  const rewrite = rewriterOf(mask, typeOid, options)
  return typeOid === OID.bpchar ? padded(rewrite) : rewrite
}

function rewriterOf(
  mask: Exclude<Mask, { kind: 'null' }>,
  typeOid: number,
  { hashKey }: MaskOptions,
): (source: Buffer, start: number, end: number) => Buffer {
  switch (mask.kind) {
    case 'redact':
      return () => REDACTED_TEXT
    case 'fixed': {
      const fixed = fitting(mask.value, typeOid === OID.name ? NAME_BYTES : Number.POSITIVE_INFINITY)
      return () => fixed
    }
    case 'hash':
      return typeOid === OID.name
        ? (source, start, end) => keyedHashText(hashKey, source, start, end).subarray(0, NAME_BYTES)
        : (source, start, end) => keyedHashText(hashKey, source, start, end)
    case 'partial':
    case 'email':
      return partialText(mask, true)
  }
}

/** Takes the blanks of a `char(n)` away, masks, and gives the result n characters again. */
function padded(rewrite: (source: Buffer, start: number, end: number) => Buffer): ValueMasker {
  return (source, start, end) => {
    const characters = countCharacters(source, start, end, true)
    let trimmed = end
    while (trimmed > start && source[trimmed - 1] === SPACE) trimmed--
    const masked = rewrite(source, start, trimmed)
    const length = countCharacters(masked, 0, masked.length, true)
    if (length === characters) return masked
    if (length > characters) return Buffer.from([...masked.toString()].slice(0, characters).join(''))
    return Buffer.concat([masked, Buffer.alloc(characters - length, SPACE)])
  }
}

/** The UTF-8 bytes of a text, cut between characters. */
function fitting(text: string, bytes: number): Buffer {
  let out = ''
  for (const character of text) {
    if (Buffer.byteLength(out) + Buffer.byteLength(character) > bytes) break
    out += character
  }
  return Buffer.from(out)
}
