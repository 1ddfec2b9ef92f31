import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkNativePassword, nativePasswordResponse, nativePasswordVerifier } from './native-password.js'

const nonce = Buffer.from('0102030405060708090a0b0c0d0e0f1011121314', 'hex')

test("the verifier is what the server's PASSWORD() gives", () => {
  // MariaDB: select password('secret')
  expect(nativePasswordVerifier('secret').toString('hex').toUpperCase()).toBe(
    '14E65567ABDB5135D0CFD9A70B3032C179A49EE7',
  )
})

test('the answer made of the password is right, of any other wrong', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (password, other) => {
      const verifier = nativePasswordVerifier(password)
      expect(checkNativePassword(nativePasswordResponse(password, nonce), nonce, verifier)).toBe(true)
      expect(checkNativePassword(nativePasswordResponse(other, nonce), nonce, verifier)).toBe(other === password)
    }),
  )
})

test('the answer to another challenge is wrong', () => {
  const response = nativePasswordResponse('secret', Buffer.alloc(20, 1))
  expect(checkNativePassword(response, nonce, nativePasswordVerifier('secret'))).toBe(false)
})

test('answers of another length are wrong, the empty one too', () => {
  for (const length of [0, 1, 19, 21, 32]) {
    expect(checkNativePassword(Buffer.alloc(length), nonce, nativePasswordVerifier(''))).toBe(false)
  }
})

test('an empty password has an empty answer', () => {
  expect(nativePasswordResponse('', nonce)).toHaveLength(0)
})
