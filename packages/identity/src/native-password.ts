import { createHash, timingSafeEqual } from 'node:crypto'

const SHA1_BYTES = 20

/** What is stored of a password for mysql_native_password: SHA1(SHA1(password)). */
export function nativePasswordVerifier(password: string): Buffer {
  return sha1(sha1(Buffer.from(password, 'utf8')))
}

/**
 * A client's answer to a server's challenge: SHA1(password) XOR SHA1(nonce + SHA1(SHA1(password))); empty for an empty
 * password. Manual: "Native authentication".
 */
export function nativePasswordResponse(password: string, nonce: Buffer): Buffer {
  if (password === '') return Buffer.alloc(0)
  const stage1 = sha1(Buffer.from(password, 'utf8'))
  return xor(stage1, sha1(Buffer.concat([nonce, sha1(stage1)])))
}

/** Was the answer made of the password behind the verifier? Takes the same time for every answer of the right length. */
export function checkNativePassword(response: Buffer, nonce: Buffer, verifier: Buffer): boolean {
  if (response.length !== SHA1_BYTES || verifier.length !== SHA1_BYTES) return false
  const stage1 = xor(response, sha1(Buffer.concat([nonce, verifier])))
  return timingSafeEqual(sha1(stage1), verifier)
}

function sha1(bytes: Buffer): Buffer {
  return createHash('sha1').update(bytes).digest()
}

function xor(left: Buffer, right: Buffer): Buffer {
  return left.map((byte, i) => byte ^ right[i]!) as Buffer
}
