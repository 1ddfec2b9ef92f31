import { constants, createHash, type KeyObject, privateDecrypt, publicEncrypt, timingSafeEqual } from 'node:crypto'

const SHA256_BYTES = 32
const PADDING = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' } as const

/** What the fast path of caching_sha2_password checks against: SHA256(SHA256(password)). Kept in memory only. */
export function cachingSha2Digest(password: string): Buffer {
  return sha256(sha256(Buffer.from(password, 'utf8')))
}

/**
 * A client's answer to a server's challenge: SHA256(password) XOR SHA256(SHA256(SHA256(password)) + nonce); empty for an
 * empty password. Manual: "Caching_sha2_password information".
 */
export function cachingSha2Response(password: string, nonce: Buffer): Buffer {
  if (password === '') return Buffer.alloc(0)
  const stage1 = sha256(Buffer.from(password, 'utf8'))
  return xor(stage1, sha256(Buffer.concat([sha256(stage1), nonce])))
}

/** Was the answer made of the password behind the digest? Takes the same time for every answer of the right length. */
export function checkCachingSha2(response: Buffer, nonce: Buffer, digest: Buffer): boolean {
  if (response.length !== SHA256_BYTES || digest.length !== SHA256_BYTES) return false
  const stage1 = xor(response, sha256(Buffer.concat([digest, nonce])))
  return timingSafeEqual(sha256(stage1), digest)
}

/**
 * The password for a server without TLS: with its NUL, XORed with the nonce over and over, then RSA-OAEP with SHA-1.
 * Throws where the key is none or the password does not fit into it.
 */
export function encryptPassword(password: string, nonce: Buffer, publicKey: KeyObject): Buffer {
  return publicEncrypt({ key: publicKey, ...PADDING }, mix(Buffer.from(`${password}\0`, 'utf8'), nonce))
}

/** The password that a client encrypted so, or undefined where the bytes are nothing of the kind. */
export function decryptPassword(encrypted: Buffer, nonce: Buffer, privateKey: KeyObject): string | undefined {
  let clear: Buffer
  try {
    clear = mix(privateDecrypt({ key: privateKey, ...PADDING }, encrypted), nonce)
  } catch {
    return undefined
  }
  return clear.indexOf(0) === clear.length - 1 ? clear.toString('utf8', 0, clear.length - 1) : undefined
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function xor(left: Buffer, right: Buffer): Buffer {
  return left.map((byte, i) => byte ^ right[i]!) as Buffer
}

function mix(bytes: Buffer, nonce: Buffer): Buffer {
  return bytes.map((byte, i) => byte ^ nonce[i % nonce.length]!) as Buffer
}
