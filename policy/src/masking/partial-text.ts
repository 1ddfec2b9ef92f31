import type { Mask } from '../mask.js'

/**
 * `partial` and `email` on the bytes of a text, without making strings of them. At most three stars stand for what is left
 * out, so that the length does not show, and never more than the characters left out, so that the result is not longer than
 * the value. Where less than a half would be hidden, everything is.
 */
export type TextRewriter = (source: Buffer, start: number, end: number) => Buffer

const STAR = 0x2a
const AT = 0x40
const DOT = 0x2e
const MOST_STARS = 3
export const STARS: readonly Buffer[] = [0, 1, 2, 3].map((count) => Buffer.alloc(count, STAR))

/** @param multibyte the text is UTF-8; else a byte is a character */
export function partialText(mask: Extract<Mask, { kind: 'partial' | 'email' }>, multibyte: boolean): TextRewriter {
  const keepsDomain = mask.kind === 'email' || mask.keepDomain === true
  const keepFirst = mask.kind === 'email' ? 0 : mask.keepFirst // of what is no address, `email` keeps nothing
  const keepLast = mask.kind === 'email' ? 0 : mask.keepLast
  return (source, start, end) => {
    if (keepsDomain) {
      const at = addressSign(source, start, end)
      if (at !== -1) return keepAround(source, start, end, at, 1, end - at, multibyte)
    }
    return keepAround(source, start, end, end, keepFirst, 0, multibyte, keepLast)
  }
}

/** Keeps `first` characters and the last `tailBytes` bytes, or `last` characters; stars for the characters `[start, until)` between. */
function keepAround(
  source: Buffer,
  start: number,
  end: number,
  until: number,
  first: number,
  tailBytes: number,
  multibyte: boolean,
  last = 0,
): Buffer {
  const characters = countCharacters(source, start, until, multibyte)
  const hidden = characters - first - last
  if (hidden < first + last || (first + last === 0 && tailBytes === 0)) {
    const stars = STARS[Math.min(MOST_STARS, characters)] as Buffer
    if (tailBytes === 0) return stars
    return join(source, start, start, stars.length, end - tailBytes, end)
  }
  const headEnd = forward(source, start, until, first, multibyte)
  const tailStart = tailBytes > 0 ? end - tailBytes : backward(source, start, end, last, multibyte)
  return join(source, start, headEnd, Math.min(MOST_STARS, hidden), tailStart, end)
}

const LOOP_BYTES = 128 // below this a loop beats three calls into the runtime

function join(source: Buffer, start: number, headEnd: number, stars: number, tailStart: number, end: number): Buffer {
  const head = headEnd - start
  const out = Buffer.allocUnsafe(head + stars + end - tailStart)
  if (out.length > LOOP_BYTES) {
    source.copy(out, 0, start, headEnd)
    out.fill(STAR, head, head + stars)
    source.copy(out, head + stars, tailStart, end)
    return out
  }
  let at = 0
  for (let i = start; i < headEnd; i++) out[at++] = source[i] as number
  for (let i = 0; i < stars; i++) out[at++] = STAR
  for (let i = tailStart; i < end; i++) out[at++] = source[i] as number
  return out
}

/**
 * Where the `@` of an e-mail address stands: one alone, something before it, and behind it a host name with a dot, of
 * letters, digits, dots and hyphens. -1: the value is no address.
 */
function addressSign(source: Buffer, start: number, end: number): number {
  let at = -1
  let dot = false
  for (let i = start; i < end; i++) {
    const byte = source[i] as number
    if (byte === AT) {
      if (at !== -1 || i === start) return -1
      at = i
    } else if (at === -1) {
      if (byte <= 0x20) return -1
    } else if (byte === DOT) {
      if (i === at + 1 || i === end - 1) return -1
      dot = true
    } else if (!isHostByte(byte)) return -1
  }
  return dot ? at : -1
}

function isHostByte(byte: number): boolean {
  const lower = byte | 0x20
  return (lower >= 0x61 && lower <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte >= 0x80
}

/** A byte that goes on with the character before it (UTF-8: 10xxxxxx). */
function goesOn(byte: number | undefined): boolean {
  return ((byte as number) & 0xc0) === 0x80
}

export function countCharacters(source: Buffer, start: number, end: number, multibyte: boolean): number {
  if (!multibyte) return end - start
  let count = 0
  for (let i = start; i < end; i++) if (i === start || !goesOn(source[i])) count++
  return count
}

function forward(source: Buffer, start: number, end: number, characters: number, multibyte: boolean): number {
  if (!multibyte) return Math.min(end, start + characters)
  let i = start
  for (let n = 0; n < characters && i < end; n++) {
    i++
    while (i < end && goesOn(source[i])) i++
  }
  return i
}

function backward(source: Buffer, start: number, end: number, characters: number, multibyte: boolean): number {
  if (!multibyte) return Math.max(start, end - characters)
  let i = end
  for (let n = 0; n < characters && i > start; n++) {
    i--
    while (i > start && goesOn(source[i])) i--
  }
  return i
}
