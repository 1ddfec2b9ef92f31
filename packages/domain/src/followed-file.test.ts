import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SluiceError } from './error.js'
import { type FollowedFile, followFile } from './followed-file.js'

let dir: string
let path: string
let followed: FollowedFile<number>
const changes: number[] = []
const problems: string[] = []

function parse(text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw new SluiceError('configuration_invalid', `\`${text}\` is no number`)
}

async function follow(): Promise<void> {
  followed = await followFile(
    path,
    parse,
    (value) => changes.push(value),
    (problem) => problems.push(problem.message),
  )
}

const within = (check: () => void) => vi.waitFor(check, { timeout: 1000, interval: 20 })

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-follow-'))
  path = join(dir, 'f')
  changes.length = 0
  problems.length = 0
  await writeFile(path, '1')
})

afterEach(() => followed?.close())

test('a change takes effect within a second', async () => {
  await follow()
  expect(followed.current).toBe(1)
  await writeFile(path, '2')
  await within(() => expect(followed.current).toBe(2))
  expect(changes).toEqual([2])
})

test('a broken file is reported once, and the last good value stays until it is mended', async () => {
  await follow()
  await writeFile(path, 'x')
  await within(() => expect(problems).toEqual(['`x` is no number']))
  await new Promise((resolve) => setTimeout(resolve, 600))
  expect([followed.current, problems.length, changes]).toEqual([1, 1, []])
  await writeFile(path, '3')
  await within(() => expect(followed.current).toBe(3))
})

test('a file that goes away is reported and found again', async () => {
  await follow()
  await rm(path)
  await within(() => expect(problems).toEqual([`\`${path}\` does not exist`]))
  await writeFile(path, '1')
  await within(() => expect(problems).toHaveLength(1))
  await writeFile(path, '4')
  await within(() => expect(followed.current).toBe(4))
})

test('a rename over the file and a swapped symbolic link are changes', async () => {
  await follow()
  await writeFile(join(dir, 'new'), '5')
  await rename(join(dir, 'new'), path)
  await within(() => expect(followed.current).toBe(5))

  // As Kubernetes updates a mounted ConfigMap: f -> ..data/f, ..data -> a folder, and the latter link is swapped.
  followed.close()
  for (const [folder, value] of [
    ['a', '6'],
    ['b', '7'],
  ] as const) {
    await mkdir(join(dir, folder))
    await writeFile(join(dir, folder, 'f'), value)
  }
  await symlink('a', join(dir, '..data'))
  path = join(dir, 'linked')
  await symlink('..data/f', path)
  await follow()
  expect(followed.current).toBe(6)
  await symlink('b', join(dir, 'tmp'))
  await rename(join(dir, 'tmp'), join(dir, '..data'))
  await within(() => expect(followed.current).toBe(7))
})

test('a write of the same length with the same time is not lost', async () => {
  const time = new Date()
  await utimes(path, time, time)
  await follow()
  await writeFile(path, '8')
  await utimes(path, time, time)
  await within(() => expect(followed.current).toBe(8))
})

test('half a file is not taken for all of it', { retry: 2 }, async () => {
  await follow()
  await writeFile(path, '')
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 60))
    await writeFile(path, '9'.repeat(i + 1))
  }
  await within(() => expect(followed.current).toBe(9999))
  expect(problems).toEqual([])
})

test('a first content that is not good rejects', async () => {
  await writeFile(path, 'x')
  await expect(follow()).rejects.toThrow('`x` is no number')
  path = join(dir, 'none')
  await expect(follow()).rejects.toMatchObject({ code: 'configuration_invalid' })
})

test('nothing is told after close', async () => {
  await follow()
  followed.close()
  await writeFile(path, '2')
  await new Promise((resolve) => setTimeout(resolve, 700))
  expect(changes).toEqual([])
})
