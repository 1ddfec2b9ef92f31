import { randomBytes } from 'node:crypto'

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz' // Crockford's base 32: no letter that reads as another

/** A session's name: 9 characters of time, so that names sort by age, and 8 at random. */
export type SessionId = string

/** Makes a new session id, e.g. `1hdw3k2c0-7q2m4x9z`. `now` is in milliseconds since 1970. */
export function newSessionId(now: number = Date.now()): SessionId {
  let time = ''
  for (let rest = now, i = 0; i < 9; i++, rest = Math.floor(rest / 32)) time = ALPHABET[rest % 32] + time
  let random = ''
  for (const byte of randomBytes(8)) random += ALPHABET[byte & 31]
  return `${time}-${random}`
}
