import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto'
import { chmod, link, mkdir, readFile, stat, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type SessionId, SluiceError } from '@sluice/domain'
import type { Seal } from './format.js'

/** Closes a stream of `count` events whose last line has the hash `last`. */
export function makeSeal(id: SessionId, count: number, last: string, key: KeyObject): Seal {
  return { session: id, count, last, signature: sign(null, sealedBytes(id, count, last), key).toString('base64') }
}

/** True if `key` (private or public) belongs to the signature, over exactly these values. */
export function sealFits(seal: Seal, key: KeyObject): boolean {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  const signature = Buffer.from(seal.signature, 'base64')
  if (signature.toString('base64') !== seal.signature) return false // base64 has several spellings, a seal one
  return verify(null, sealedBytes(seal.session, seal.count, seal.last), publicKey, signature)
}

function sealedBytes(id: SessionId, count: number, last: string): Buffer {
  return Buffer.from(`sluice seal 1\n${id}\n${count}\n${last}\n`)
}

/**
 * The key that seals, from a PEM file (PKCS #8, Ed25519) that nobody else may read; made where it is missing.
 * Errors: `configuration_invalid`.
 */
export async function openSealKey(key: KeyObject | string): Promise<KeyObject> {
  if (key instanceof KeyObject) return checkKey(key, 'private', 'the seal key')
  const pem = await readFile(key).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw unreadable(key, error)
  })
  if (pem !== undefined) {
    const { mode } = await stat(key)
    if ((mode & 0o077) !== 0) {
      throw new SluiceError('configuration_invalid', `others can read the seal key \`${key}\`: run chmod 600 on it`)
    }
    return parseKey(pem, key, 'private')
  }
  await createKeyFile(key)
  return parseKey(await readFile(key), key, 'private')
}

/** The key to check seals with: the sealing key itself, or its public half. Errors: `configuration_invalid`. */
export async function readSealKey(key: KeyObject | string): Promise<KeyObject> {
  if (key instanceof KeyObject) return checkKey(key, 'any', 'the seal key')
  const pem = await readFile(key).catch((error: Error) => {
    throw unreadable(key, error)
  })
  return parseKey(pem, key, 'any')
}

/** Several processes may start at once: each writes a file of its own, and the first link wins. */
async function createKeyFile(path: string): Promise<void> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(draft, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' })
    await chmod(draft, 0o600)
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  } catch (error) {
    throw new SluiceError(
      'configuration_invalid',
      `the seal key \`${path}\` cannot be written: ${(error as Error).message}`,
    )
  } finally {
    await unlink(draft).catch(() => undefined)
  }
}

function parseKey(pem: Buffer, path: string, type: 'private' | 'any'): KeyObject {
  let key: KeyObject
  try {
    key = pem.includes('PRIVATE KEY') ? createPrivateKey(pem) : createPublicKey(pem)
  } catch {
    throw new SluiceError('configuration_invalid', `the seal key \`${path}\` is not a PEM key`)
  }
  return checkKey(key, type, `the seal key \`${path}\``)
}

function checkKey(key: KeyObject, type: 'private' | 'any', name: string): KeyObject {
  if (key.asymmetricKeyType !== 'ed25519')
    throw new SluiceError('configuration_invalid', `${name} is not an Ed25519 key`)
  if (type === 'private' && key.type !== 'private') {
    throw new SluiceError('configuration_invalid', `${name} is a public key: sealing needs the private one`)
  }
  return key
}

function unreadable(path: string, error: Error): SluiceError {
  return new SluiceError('configuration_invalid', `the seal key \`${path}\` cannot be read: ${error.message}`)
}
