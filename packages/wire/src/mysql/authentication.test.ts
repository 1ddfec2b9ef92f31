import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WireError } from '../wire-error.js'
import {
  decodeClearPassword,
  decodeLoginReply,
  encodeAuthMoreData,
  encodeAuthSwitchRequest,
  encodeClearPassword,
} from './authentication.js'

const nonce = Buffer.from('0102030405060708090a0b0c0d0e0f1011121314', 'hex')

test('an auth switch carries the plugin and a challenge with a NUL behind it', () => {
  const bytes = encodeAuthSwitchRequest('mysql_native_password', nonce)
  expect(bytes.toString('hex')).toBe(`fe6d7973716c5f6e61746976655f70617373776f726400${nonce.toString('hex')}00`)
  expect(decodeLoginReply(bytes)).toEqual({ type: 'auth-switch-request', plugin: 'mysql_native_password', nonce })
})

test('more data, ok and errors are told apart', () => {
  expect(decodeLoginReply(encodeAuthMoreData(Buffer.of(4)))).toEqual({ type: 'auth-more-data', data: Buffer.of(4) })
  expect(decodeLoginReply(Buffer.from('00000002000000', 'hex'))).toMatchObject({ type: 'ok' })
  expect(decodeLoginReply(Buffer.from('ff1504233238303030416363657373', 'hex'))).toMatchObject({ type: 'error' })
})

test('the password hash of before 4.1 is refused', () => {
  expect(() => decodeLoginReply(Buffer.of(0xfe))).toThrow('before 4.1')
})

test('a server that asks for a file during the login is refused', () => {
  expect(() => decodeLoginReply(Buffer.from('\xfb/etc/passwd', 'latin1'))).toThrow('0xfb has no place in a login')
})

test('a clear password ends with its only NUL', () => {
  expect(decodeClearPassword(encodeClearPassword('grüß'))).toBe('grüß')
  expect(() => decodeClearPassword(Buffer.from('no end'))).toThrow(WireError)
  expect(() => decodeClearPassword(Buffer.from('a\0b\0'))).toThrow(WireError)
})

test('arbitrary bytes throw nothing but a WireError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom(0, 1, 0xfe, 0xff, 0xfb), (tail, first) => {
      for (const decode of [decodeLoginReply, decodeClearPassword]) {
        try {
          decode(Buffer.from([first, ...tail]))
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }
    }),
  )
})
