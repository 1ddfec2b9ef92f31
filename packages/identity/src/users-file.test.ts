import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '@sluice/domain'
import { beforeEach, expect, test } from 'vitest'
import { verifyPassword } from './scram.js'
import { addUser, listUsers, type NewUser, parseUsers, readUsers, removeUser } from './users-file.js'

let file: string
beforeEach(async () => {
  file = join(await mkdtemp(join(tmpdir(), 'sluice-users-')), 'users.json')
})

const alice: NewUser = {
  name: 'alice',
  groups: ['analysts'],
  password: new Secret('wonderland'),
  nativePassword: false,
}

test('an added user is kept as verifiers alone, in a file that is private', async () => {
  await addUser(file, { ...alice, nativePassword: true })
  const text = await readFile(file, 'utf8')
  expect(text).not.toContain('wonderland')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  const [record] = (await readUsers(file)).records
  expect(record).toMatchObject({ name: 'alice', groups: ['analysts'] })
  expect(await verifyPassword(record!.scram, 'wonderland')).toBe(true)
  expect(await verifyPassword(record!.scram, 'wonderlanD')).toBe(false)
})

test('the native verifier is the one that MySQL itself stores', async () => {
  // select password('wonderland'), MariaDB 10.11
  await addUser(file, { ...alice, nativePassword: true })
  expect((await readUsers(file)).records[0]!.nativePassword!.toString('hex')).toBe(
    'c803b1c9a354848885c1ff2a593fb90507acae51',
  )
})

test('without asking for it there is no native verifier', async () => {
  await addUser(file, alice)
  expect((await readUsers(file)).records[0]!.nativePassword).toBeUndefined()
})

test('a user with a certificate alone has a verifier that no password fits', async () => {
  await addUser(file, { ...alice, password: undefined, certificate: 'alice.example' })
  const [record] = (await readUsers(file)).records
  expect(record!.certificate).toBe('alice.example')
  expect(await verifyPassword(record!.scram, '')).toBe(false)
  expect(await listUsers(file)).toMatchObject([{ name: 'alice', password: false, certificate: 'alice.example' }])
})

test('users are listed by name, and removed', async () => {
  expect(await listUsers(file)).toEqual([])
  await addUser(file, { ...alice, name: 'zoe@example.com', groups: ['a', 'a', 'b'] })
  await addUser(file, alice)
  expect((await listUsers(file)).map(({ name, groups }) => [name, groups])).toEqual([
    ['alice', ['analysts']],
    ['zoe@example.com', ['a', 'b']],
  ])
  await removeUser(file, 'alice')
  expect(await listUsers(file)).toHaveLength(1)
  await expect(removeUser(file, 'alice')).rejects.toThrow('there is no user `alice`')
})

test('a name that exists is replaced only when asked to', async () => {
  await addUser(file, alice)
  const { decoyKey } = await readUsers(file)
  await expect(addUser(file, alice)).rejects.toMatchObject({ code: 'usage_invalid' })
  await addUser(file, { ...alice, password: new Secret('other') }, { replace: true })
  const users = await readUsers(file)
  expect(users.records).toHaveLength(1)
  expect(await verifyPassword(users.records[0]!.scram, 'other')).toBe(true)
  expect(users.decoyKey).toEqual(decoyKey)
})

test('of users added at once none is lost', async () => {
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => addUser(file, { ...alice, name })))
  expect((await listUsers(file)).map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test.each([
  [{ name: '' }, 'is not a name'],
  [{ name: 'a\nb' }, 'is not a name'],
  [{ name: ' a' }, 'is not a name'],
  [{ name: 'a'.repeat(129) }, 'is not a name'],
  [{ groups: ['g\0'] }, 'is not a name'],
  [{ password: new Secret('') }, 'the password is empty'],
  [{ password: new Secret('a\0b') }, 'NUL'],
  [{ password: undefined }, 'could not log in'],
])('a user with %j is refused', async (part, message) => {
  await expect(addUser(file, { ...alice, ...part })).rejects.toThrow(message)
})

test.each([
  ['{', 'is not JSON'],
  ['{"version":2,"users":[]}', 'has version 2'],
  ['{"version":1,"users":[]}', '`decoyKey`'],
  ['[]', 'not in order'],
])('the file %s is refused with a reason', (text, message) => {
  expect(() => parseUsers(text)).toThrow(message)
})

test('a changed verifier, a name twice or an unknown key is refused, and never shown', async () => {
  await addUser(file, alice)
  const text = await readFile(file, 'utf8')
  const user = JSON.parse(text).users[0]
  const put = (users: unknown[]) => JSON.stringify({ ...JSON.parse(text), users })
  expect(() => parseUsers(put([user, user]))).toThrow('names `alice` twice')
  expect(() => parseUsers(put([{ ...user, scram: 'md5abcdef' }]))).toThrow(/`users\.0\.scram`: use/)
  expect(() => parseUsers(put([{ ...user, admin: true }]))).toThrow('`users.0`')
  await writeFile(file, put([{ ...user, scram: 'md5abcdef' }]))
  await expect(addUser(file, { ...alice, name: 'bob' })).rejects.toMatchObject({ code: 'configuration_invalid' })
})
