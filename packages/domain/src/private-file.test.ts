import { mkdtemp, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { notPrivate, readIfThere, updatePrivateFile } from './private-file.js'

const directory = () => mkdtemp(join(tmpdir(), 'sluice-private-'))

test('a file that group or others may read is not private, and the text says what to do', () => {
  expect(notPrivate('/k', 0o100600)).toBeUndefined()
  expect(notPrivate('/k', 0o100400)).toBeUndefined()
  expect(notPrivate('/k', 0o100640)).toBe('`/k` can be read or changed by others (mode 0640): run `chmod 600 /k`')
  expect(notPrivate('/k', 0o100604)).toContain('0604')
})

test('an updated file is its owner’s alone, and nothing else stays behind', async () => {
  const dir = await directory()
  const path = join(dir, 'users.json')
  await updatePrivateFile(path, (text) => `${text}`)
  expect(await readFile(path, 'utf8')).toBe('undefined')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(await readdir(dir)).toEqual(['users.json'])
})

test('of many changes at once none is lost', async () => {
  const path = join(await directory(), 'n')
  await Promise.all(Array.from({ length: 20 }, () => updatePrivateFile(path, (text) => String(Number(text ?? 0) + 1))))
  expect(await readFile(path, 'utf8')).toBe('20')
})

test('a change that throws leaves the old file and no lock', async () => {
  const dir = await directory()
  const path = join(dir, 'f')
  await writeFile(path, 'old')
  await expect(
    updatePrivateFile(path, () => {
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  expect(await readIfThere(path)).toBe('old')
  expect(await readdir(dir)).toEqual(['f'])
})

test('only a missing file reads as undefined', async () => {
  const dir = await directory()
  expect(await readIfThere(join(dir, 'none'))).toBeUndefined()
  await symlink(dir, join(dir, 'link'))
  await expect(readIfThere(join(dir, 'link'))).rejects.toThrow('EISDIR')
})
