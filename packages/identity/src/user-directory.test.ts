import { describe, expect, test } from 'vitest'
import { deriveScramVerifier, SCRAM_ITERATIONS, verifyPassword } from './scram.js'
import { createUserDirectory, type UserRecord } from './user-directory.js'

async function user(name: string, password: string): Promise<UserRecord> {
  return { name, groups: [], scram: await deriveScramVerifier(password), nativePassword: undefined }
}

describe('an unknown name', () => {
  test('gets a decoy that looks like a record, is the same each time and fits no password', async () => {
    const directory = createUserDirectory([])
    const { record, known } = directory.findOrDecoy('mallory')
    const real = await user('mallory', 'x')
    expect(known).toBe(false)
    expect(directory.find('mallory')).toBeUndefined()
    expect(directory.findOrDecoy('mallory')).toEqual({ record, known })
    expect(record.scram.iterations).toBe(SCRAM_ITERATIONS)
    for (const part of ['salt', 'storedKey', 'serverKey'] as const) {
      expect(record.scram[part].length).toBe(real.scram[part].length)
    }
    expect(await verifyPassword(record.scram, 'x')).toBe(false)
  })

  test('has another salt than other names and other gateways, and the same with the same key', () => {
    const key = Buffer.alloc(32, 7)
    const salt = (directory: ReturnType<typeof createUserDirectory>, name: string) =>
      directory.findOrDecoy(name).record.scram.salt.toString('hex')
    expect(salt(createUserDirectory([], key), 'a')).toBe(salt(createUserDirectory([], key), 'a'))
    expect(salt(createUserDirectory([], key), 'a')).not.toBe(salt(createUserDirectory([], key), 'b'))
    expect(salt(createUserDirectory([]), 'a')).not.toBe(salt(createUserDirectory([]), 'a'))
  })
})

describe('a fast verifier', () => {
  const digest = Buffer.alloc(32, 1)

  test('is kept over a reload that leaves the password, and forgotten with it', async () => {
    const alice = await user('alice', 'one')
    const directory = createUserDirectory([alice])
    directory.rememberFastVerifier(alice, digest)
    directory.replace([{ ...alice, groups: ['dba'], scram: { ...alice.scram, salt: Buffer.from(alice.scram.salt) } }])
    expect(directory.find('alice')!.groups).toEqual(['dba'])
    expect(directory.fastVerifier(directory.find('alice')!)).toEqual(digest)

    directory.replace([await user('alice', 'two')])
    expect(directory.fastVerifier(directory.find('alice')!)).toBeUndefined()
    expect(directory.fastVerifier(alice)).toBeUndefined()
  })

  test('of a removed user is gone, also when the user comes back', async () => {
    const alice = await user('alice', 'one')
    const directory = createUserDirectory([alice])
    directory.rememberFastVerifier(alice, digest)
    directory.replace([])
    directory.replace([alice])
    expect(directory.fastVerifier(alice)).toBeUndefined()
  })

  test('is not taken for a decoy, nor for a record that was replaced meanwhile', async () => {
    const alice = await user('alice', 'one')
    const directory = createUserDirectory([])
    const { record } = directory.findOrDecoy('alice')
    directory.rememberFastVerifier(record, digest)
    expect(directory.fastVerifier(record)).toBeUndefined()
    directory.replace([await user('alice', 'two')])
    directory.rememberFastVerifier(alice, digest)
    expect(directory.fastVerifier(directory.find('alice')!)).toBeUndefined()
  })
})
