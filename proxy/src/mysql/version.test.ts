import { WireError } from '@sluice/wire'
import { expect, test } from 'vitest'
import { flavourOf, versionNumber } from './version.js'

test('versions are numbers as executable comments have them', () => {
  const versions: [string, number][] = [
    ['8.4.0', 80400],
    ['9.7.4-2', 90704],
    ['10.11.19-MariaDB-0+deb12u1', 101119],
    ['5.5.5-10.11.19-MariaDB', 101119],
    ['5.5.5', 50505],
    ['5.7.44-log', 50744],
  ]
  for (const [text, number] of versions) expect(versionNumber(text)).toBe(number)
})

test('what is no version is not taken for one', () => {
  for (const text of ['', '8', '8.4', 'x8.4.0', '123.1.1']) expect(() => versionNumber(text)).toThrow(WireError)
})

test('MariaDB is known by its name or by its flags', () => {
  expect(flavourOf({ serverVersion: '10.11.19-MariaDB', capabilities: 1 })).toBe('mariadb')
  expect(flavourOf({ serverVersion: '11.4.2', capabilities: 0 })).toBe('mariadb')
  expect(flavourOf({ serverVersion: '8.4.0', capabilities: 1 })).toBe('mysql')
})
