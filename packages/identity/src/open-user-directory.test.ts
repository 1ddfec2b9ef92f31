import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '@sluice/domain'
import { expect, test, vi } from 'vitest'
import { openUserDirectory } from './open-user-directory.js'
import { addUser, removeUser } from './users-file.js'

test('users come and go within a second, and a broken file changes nothing', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'sluice-directory-')), 'users.json')
  const add = (name: string) => addUser(file, { name, groups: [], password: new Secret('x'), nativePassword: false })
  const problems: string[] = []
  await expect(openUserDirectory(file, () => {})).rejects.toMatchObject({ code: 'configuration_invalid' })
  await add('alice')
  const directory = await openUserDirectory(file, (problem) => problems.push(problem.message))
  const decoy = directory.findOrDecoy('bob').record.scram.salt

  await add('bob')
  await vi.waitFor(() => expect(directory.find('bob')).toBeDefined(), { timeout: 1000, interval: 20 })
  expect(directory.findOrDecoy('bob').record.scram.salt).not.toEqual(decoy)
  await removeUser(file, 'bob')
  await vi.waitFor(() => expect(directory.find('bob')).toBeUndefined(), { timeout: 1000, interval: 20 })
  expect(directory.findOrDecoy('bob').record.scram.salt).toEqual(decoy)

  await writeFile(file, '{')
  await vi.waitFor(() => expect(problems).toHaveLength(1), { timeout: 1000, interval: 20 })
  expect(directory.find('alice')).toBeDefined()
  directory.close()
})
