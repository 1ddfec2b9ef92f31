import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WireError } from '../wire-error.js'
import { decodeErrorFields, encodeErrorResponse } from './error.js'

const DENIED = {
  severity: 'ERROR',
  code: '42501',
  message: 'no rule allows `drop table`',
  detail: 'rule',
  hint: 'ask',
  position: 7,
}

test('an error survives encoding and decoding', () => {
  expect(decodeErrorFields(encodeErrorResponse(DENIED), 5)).toEqual(DENIED)
})

test('the length counts itself and everything after it', () => {
  const bytes = encodeErrorResponse({ severity: 'FATAL', code: '08P01', message: 'ü' })
  expect(bytes[0]).toBe(0x45)
  expect(bytes.readInt32BE(1)).toBe(bytes.length - 1)
  expect(bytes.subarray(5).toString()).toBe('SFATAL\0VFATAL\0C08P01\0Mü\0\0')
})

test('a NUL in a text cannot end its field', () => {
  const bytes = encodeErrorResponse({ severity: 'ERROR', code: '42501', message: 'a\0Cfake' })
  expect(decodeErrorFields(bytes, 5)).toEqual({ severity: 'ERROR', code: '42501', message: 'a Cfake' })
})

test('arbitrary bytes never make the decoder throw anything but a WireError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        decodeErrorFields(Buffer.from(bytes))
      } catch (error) {
        expect(error).toBeInstanceOf(WireError)
      }
    }),
  )
})
