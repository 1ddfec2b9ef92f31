import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { Secret, type SluiceError } from '@sluice/domain'
import { beforeEach, describe, expect, test } from 'vitest'
import { type FileVaultOptions, listCredentials, openFileVault, putCredential, removeCredential } from './file-vault.js'

const KEY = Buffer.alloc(32, 5).toString('base64')
const credential = { username: 'shop_rw', password: new Secret('tr0ub4dor') }

let options: FileVaultOptions
beforeEach(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-vault-'))
  options = { file: join(dir, 'vault.json'), keyFile: join(dir, 'vault.key'), environment: {} }
})

/** The error of a lease, which must never hold the value or tell a client about files. */
async function refusal(name = 'shop-app', from = options): Promise<string> {
  const error = await openFileVault(from)
    .lease(name)
    .then(
      () => undefined,
      (caught: SluiceError) => caught,
    )
  expect(error?.code).toBe('credential_unavailable')
  expect(inspect(error, { depth: 9 })).not.toContain('tr0ub4dor')
  expect(error?.clientMessage).toBe('the gateway has no usable credential for this database')
  return error!.message
}

test('what was put in is leased, and stands in neither file', async () => {
  expect(await putCredential(options, 'shop-app', credential)).toEqual({ replaced: false, keyMade: options.keyFile })
  const lease = await openFileVault(options).lease('shop-app')
  expect([lease.username, lease.password.reveal()]).toEqual(['shop_rw', 'tr0ub4dor'])
  await lease.release()
  const text = await readFile(options.file, 'utf8')
  expect(text).not.toMatch(/tr0ub4dor|shop_rw/)
  for (const file of [options.file, options.keyFile!]) expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(inspect(lease)).not.toContain('tr0ub4dor')
  expect(JSON.stringify(lease)).not.toContain('tr0ub4dor')
})

test('the key may be in the environment instead, and goes before the file', async () => {
  const from = { ...options, environment: { SLUICE_VAULT_KEY: KEY } }
  expect(await putCredential(from, 'shop-app', credential)).toEqual({ replaced: false, keyMade: undefined })
  await expect(stat(options.keyFile!)).rejects.toThrow('ENOENT')
  expect((await openFileVault(from).lease('shop-app')).username).toBe('shop_rw')
})

test('a change takes effect with the next lease, and the same text is sealed differently each time', async () => {
  await putCredential(options, 'shop-app', credential)
  const vault = openFileVault(options)
  await vault.lease('shop-app')
  const before = await readFile(options.file, 'utf8')
  expect(await putCredential(options, 'shop-app', credential)).toMatchObject({ replaced: true })
  expect(await readFile(options.file, 'utf8')).not.toBe(before)
  await putCredential(options, 'shop-app', { username: 'other', password: new Secret('x') })
  expect((await vault.lease('shop-app')).username).toBe('other')
})

test('credentials are listed without their passwords, and removed', async () => {
  expect(await listCredentials(options)).toEqual([])
  await putCredential(options, 'shop-app', credential)
  await putCredential(options, 'audit', { username: 'ro', password: new Secret('y') })
  expect(await listCredentials(options)).toEqual([
    { name: 'audit', username: 'ro' },
    { name: 'shop-app', username: 'shop_rw' },
  ])
  await removeCredential(options, 'audit')
  expect(await listCredentials(options)).toHaveLength(1)
  await expect(removeCredential(options, 'audit')).rejects.toThrow('there is no credential `audit`')
})

describe('a lease is refused, with what to do', () => {
  test('where vault or entry is missing', async () => {
    expect(await refusal()).toMatch(/vault\.json` does not exist: add it with `sluice vault put shop-app`$/)
    await putCredential(options, 'other', credential)
    expect(await refusal()).toMatch(/^the credential `shop-app` is not in the vault/)
    for (const name of ['constructor', '__proto__', '']) expect(await refusal(name)).toContain('is not in the vault')
  })

  test('where the key is missing, not private, not a key or not the right one', async () => {
    await putCredential(options, 'shop-app', credential)
    await chmod(options.keyFile!, 0o640)
    expect(await refusal()).toMatch(/can be read or changed by others \(mode 0640\): run `chmod 600 /)
    await chmod(options.keyFile!, 0o600)
    await writeFile(options.keyFile!, 'tr0ub4dor')
    expect(await refusal()).toMatch(/does not hold a key of 32 bytes in base64: make one with/)
    await writeFile(options.keyFile!, KEY)
    expect(await refusal()).toMatch(/does not open with this key: use the key/)
    await rm(options.keyFile!)
    expect(await refusal()).toMatch(/vault\.key` does not exist: restore it/)
    expect(await refusal('shop-app', { ...options, keyFile: undefined })).toMatch(
      /^the vault has no key: set SLUICE_VAULT_KEY/,
    )
  })

  test('where an entry was changed, or moved to another name', async () => {
    await putCredential(options, 'shop-app', credential)
    await putCredential(options, 'admin', { username: 'root', password: new Secret('z') })
    const { entries, version } = JSON.parse(await readFile(options.file, 'utf8'))
    const put = (changed: object) =>
      writeFile(options.file, JSON.stringify({ version, entries: { ...entries, ...changed } }))
    await put({ 'shop-app': entries.admin })
    expect(await refusal()).toContain('does not open')
    const sealed = Buffer.from(entries['shop-app'].sealed, 'base64')
    for (let at = 0; at < sealed.length; at++) {
      sealed[at]! ^= 1
      await put({ 'shop-app': { ...entries['shop-app'], sealed: sealed.toString('base64') } })
      expect(await refusal()).toContain('does not open')
      sealed[at]! ^= 1
    }
    await put({ 'shop-app': { ...entries['shop-app'], sealed: '' } })
    expect(await refusal()).toContain('does not open')
  })

  test('where the vault is broken', async () => {
    await putCredential(options, 'shop-app', credential)
    await writeFile(options.file, '{')
    expect(await refusal()).toContain('is not JSON')
    await writeFile(options.file, '{"version":2,"entries":{}}')
    expect(await refusal()).toContain('has version 2')
    await writeFile(options.file, '{"version":1}')
    expect(await refusal()).toContain('is not in order')
  })
})

describe('putting in', () => {
  test('with another key than the rest is refused, and no key is made beside a vault that has lost its own', async () => {
    await putCredential(options, 'shop-app', credential)
    const before = await readFile(options.file, 'utf8')
    await rm(options.keyFile!)
    await expect(putCredential(options, 'b', credential)).rejects.toThrow('does not exist: restore it')
    await writeFile(options.keyFile!, KEY, { mode: 0o600 })
    await expect(putCredential(options, 'b', credential)).rejects.toThrow('does not open with this key')
    expect(await readFile(options.file, 'utf8')).toBe(before)
  })

  test.each(['', ' ', 'a b', '../x', '__proto__', 'a'.repeat(129)])('the name %j is refused', async (name) => {
    await expect(putCredential(options, name, credential)).rejects.toMatchObject({ code: 'usage_invalid' })
  })

  test('an empty user name or password is refused', async () => {
    await expect(putCredential(options, 'a', { ...credential, username: '' })).rejects.toThrow('user name is empty')
    await expect(putCredential(options, 'a', { ...credential, password: new Secret('') })).rejects.toThrow(
      'password is empty',
    )
  })
})
