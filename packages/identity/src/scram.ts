import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { saslprep } from './saslprep.js'
import type { ScramVerifier } from './user-directory.js'

const deriveKey = promisify(pbkdf2)

/** Bytes of a SHA-256 digest, and so of every key of SCRAM-SHA-256. */
export const SCRAM_KEY_BYTES = 32
/** PostgreSQL's `scram_iterations`, and the least that RFC 7677 allows. */
export const SCRAM_ITERATIONS = 4096
const SALT_BYTES = 16

/** SCRAM mechanisms by their IANA names. */
export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS'

/** PBKDF2 over the prepared password (RFC 5802 section 3, `Hi`). Runs in the thread pool, never on the event loop. */
export function saltPassword(password: string, salt: Buffer, iterations: number): Promise<Buffer> {
  return deriveKey(Buffer.from(saslprep(password), 'utf8'), salt, iterations, SCRAM_KEY_BYTES, 'sha256')
}

export function hmac(key: Buffer, text: string | Buffer): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

export function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}

/** XOR of two keys of the same length. */
export function xor(left: Buffer, right: Buffer): Buffer {
  const result = Buffer.allocUnsafe(left.length)
  for (let i = 0; i < left.length; i++) result[i] = left[i]! ^ right[i]!
  return result
}

/** Compares in a time that does not depend on where the bytes differ. */
export function equal(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right)
}

export function clientKeyOf(saltedPassword: Buffer): Buffer {
  return hmac(saltedPassword, 'Client Key')
}

export function serverKeyOf(saltedPassword: Buffer): Buffer {
  return hmac(saltedPassword, 'Server Key')
}

/** What to store of a password: a SCRAM-SHA-256 verifier (RFC 5802 section 3, RFC 7677). Salt: 16 bytes at random if left out. */
export async function deriveScramVerifier(
  password: string,
  { iterations = SCRAM_ITERATIONS, salt = randomBytes(SALT_BYTES) }: { iterations?: number; salt?: Buffer } = {},
): Promise<ScramVerifier> {
  const salted = await saltPassword(password, salt, iterations)
  return { iterations, salt, storedKey: sha256(clientKeyOf(salted)), serverKey: serverKeyOf(salted) }
}

/** Is this the password that the verifier was made of? For logins that carry the password itself. */
export async function verifyPassword(verifier: ScramVerifier, password: string): Promise<boolean> {
  const { storedKey } = await deriveScramVerifier(password, verifier)
  return equal(storedKey, verifier.storedKey)
}
