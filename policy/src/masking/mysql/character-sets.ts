/**
 * The character set of a column by its collation's id, for those that the gateway lets a connection use. MariaDB adds
 * collations without padding at 1024 plus the base one, and UCA 14 ones at 2048 (utf8mb3) and 2304 (utf8mb4).
 * Source: information_schema.COLLATIONS of MySQL 9.7 and MariaDB 10.11.
 */
export type CharacterSet = 'binary' | 'single-byte' | 'ascii' | 'utf8mb3' | 'utf8mb4'

/** The most bytes that a character takes. */
export const CHARACTER_BYTES: Record<CharacterSet, number> = {
  binary: 1,
  'single-byte': 1,
  ascii: 1,
  utf8mb3: 3,
  utf8mb4: 4,
}

const BINARY = 63
const MARIADB_NO_PADDING = 1024
const ASCII: ReadonlySet<number> = new Set([11, 65])
const LATIN1: ReadonlySet<number> = new Set([5, 8, 15, 31, 47, 48, 49, 94])

/** Undefined: a character set whose bytes are not known here, so that nothing can be written in it. */
export function characterSetOf(collation: number): CharacterSet | undefined {
  if (collation === BINARY) return 'binary'
  if (collation >= 2048 && collation < 2304) return 'utf8mb3'
  if (collation >= 2304 && collation < 2560) return 'utf8mb4'
  const id = collation > MARIADB_NO_PADDING && collation < 2048 ? collation - MARIADB_NO_PADDING : collation
  if (ASCII.has(id)) return 'ascii'
  if (LATIN1.has(id)) return 'single-byte'
  if (id === 45 || id === 46 || (id >= 224 && id <= 247) || (id >= 255 && id <= 323) || within(id, 608, 610))
    return 'utf8mb4'
  if (id === 33 || id === 76 || id === 83 || within(id, 192, 215) || id === 223 || within(id, 576, 578))
    return 'utf8mb3'
  return undefined
}

function within(id: number, first: number, last: number): boolean {
  return id >= first && id <= last
}

/** The bytes of a text in a character set, at most `bytes` of them and cut between characters; `?` where it has no letter. */
export function encodeText(text: string, set: CharacterSet, bytes: number): Buffer {
  const highest = { binary: 0x10ffff, 'single-byte': 0xff, ascii: 0x7f, utf8mb3: 0xffff, utf8mb4: 0x10ffff }[set]
  const characters = Math.floor(bytes / CHARACTER_BYTES[set])
  const written = [...text]
    .slice(0, characters)
    .map((character) => {
      const code = character.codePointAt(0) as number
      return code > highest || (set === 'single-byte' && code >= 0x80 && code < 0xa0) ? '?' : character
    })
    .join('')
  if (set === 'single-byte' || set === 'ascii') return Buffer.from(written, 'latin1')
  const out = Buffer.from(written, 'utf8')
  return out.length > bytes ? out.subarray(0, bytes) : out // binary: a character may take several of the bytes
}
