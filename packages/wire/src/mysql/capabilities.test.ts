import { expect, test } from 'vitest'
import {
  CAPABILITY,
  capabilities,
  capabilityNames,
  commonCapabilities,
  hasCapability,
  withoutCapabilities,
} from './capabilities.js'

test('sets with the highest flag stay positive', () => {
  const set = capabilities(CAPABILITY.rememberOptions, CAPABILITY.protocol41)
  expect(set).toBe(0x80000200)
  expect(hasCapability(set, CAPABILITY.rememberOptions)).toBe(true)
  expect(commonCapabilities(set, 0xffffffff)).toBe(0x80000200)
  expect(withoutCapabilities(set, CAPABILITY.protocol41)).toBe(0x80000000)
})

test('flags have their numbers in the protocol', () => {
  expect(CAPABILITY.deprecateEof).toBe(0x01000000)
  expect(CAPABILITY.queryAttributes).toBe(0x08000000)
  expect(CAPABILITY.pluginAuth).toBe(0x00080000)
})

test('names are for messages', () => {
  expect(capabilityNames(capabilities(CAPABILITY.queryAttributes, CAPABILITY.mysql))).toEqual([
    'mysql',
    'queryAttributes',
  ])
})
