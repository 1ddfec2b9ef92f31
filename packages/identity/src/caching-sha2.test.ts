import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  cachingSha2Digest,
  cachingSha2Response,
  checkCachingSha2,
  decryptPassword,
  encryptPassword,
} from './caching-sha2.js'

const nonce = Buffer.from('0102030405060708090a0b0c0d0e0f1011121314', 'hex')
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

test('the answer made of the password is right, of any other wrong', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (password, other) => {
      const digest = cachingSha2Digest(password)
      expect(checkCachingSha2(cachingSha2Response(password, nonce), nonce, digest)).toBe(true)
      expect(checkCachingSha2(cachingSha2Response(other, nonce), nonce, digest)).toBe(other === password)
    }),
  )
})

test('the answer is the one of other implementations', () => {
  // SHA256(p) XOR SHA256(SHA256(SHA256(p)) + nonce), worked out with Python's hashlib
  expect(cachingSha2Response('secret', nonce).toString('hex')).toBe(
    '746ebe205d56a0707acb3e796e834e0dd7b1d61743b26bd5202c7a623230c7c9',
  )
})

test('answers of another length or to another challenge are wrong', () => {
  const digest = cachingSha2Digest('secret')
  for (const length of [0, 20, 31, 33]) expect(checkCachingSha2(Buffer.alloc(length), nonce, digest)).toBe(false)
  expect(checkCachingSha2(cachingSha2Response('secret', Buffer.alloc(20, 1)), nonce, digest)).toBe(false)
})

test('an encrypted password comes back, longer than the nonce too', () => {
  for (const password of ['secret', 'grüß', 'x'.repeat(200)]) {
    expect(decryptPassword(encryptPassword(password, nonce, publicKey), nonce, privateKey)).toBe(password)
  }
})

test('a password encrypted for another challenge or broken on the way is none', () => {
  const encrypted = encryptPassword('secret', Buffer.alloc(20, 0x55), publicKey)
  expect(decryptPassword(encrypted, nonce, privateKey)).toBeUndefined()
  encrypted[5]! ^= 1
  expect(decryptPassword(encrypted, nonce, privateKey)).toBeUndefined()
})

test('arbitrary bytes are no password', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(decryptPassword(Buffer.from(bytes), nonce, privateKey)).toBeUndefined()
    }),
    { numRuns: 50 },
  )
})
