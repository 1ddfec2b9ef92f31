/**
 * The vault in a file, version 1: names in the clear, credentials sealed.
 *
 *     { "version": 1, "entries": { "shop-app": { "nonce": "base64", "sealed": "base64" } } }
 */
import { readIfThere, type Secret, SluiceError, updatePrivateFile } from '@sluice/domain'
import * as z from 'zod'
import { type Credential, type SealedEntry, seal, sealedEntry, unseal, VAULT_VERSION } from './sealed-entry.js'
import { unavailable } from './unavailable.js'
import type { Lease, Vault } from './vault.js'
import { createKeyIfMissing, type KeySource, readKey } from './vault-key.js'

const NAME = /^[\p{L}\p{N}][\p{L}\p{N}._@/-]{0,127}$/u

const vaultFile = z.strictObject({
  version: z.literal(VAULT_VERSION),
  entries: z.record(z.string().regex(NAME), sealedEntry),
})

/** Paths of the vault and of its key. */
export interface FileVaultOptions extends KeySource {
  readonly file: string
}

/** A vault whose file and key are read anew for each lease, so that a change takes effect with the next login. */
export function openFileVault(options: FileVaultOptions): Vault {
  return {
    async lease(name): Promise<Lease> {
      const entries = await readEntries(options.file)
      const entry = entries?.get(name)
      if (!entry) {
        const where = entries
          ? `is not in the vault \`${options.file}\``
          : `cannot be had: \`${options.file}\` does not exist`
        throw unavailable(`the credential \`${name}\` ${where}: add it with \`sluice vault put ${name}\``)
      }
      const credential = open(name, entry, await readKey(options), options.file)
      return { ...credential, release: async () => {} }
    },
  }
}

/** Puts a credential in, in the place of one of this name. Makes vault and key where there are none; tells of a key it made. */
export async function putCredential(
  options: FileVaultOptions,
  name: string,
  credential: Credential,
): Promise<{ readonly replaced: boolean; readonly keyMade: string | undefined }> {
  if (!NAME.test(name)) {
    const rule = 'letters, digits and `._@/-`, a letter or digit first, 128 at the most'
    throw new SluiceError('usage_invalid', `\`${name.slice(0, 128)}\` is not a credential's name: use ${rule}`)
  }
  if (credential.username === '')
    throw new SluiceError('usage_invalid', 'the user name is empty: give the one for the server')
  if (credential.password.reveal() === '')
    throw new SluiceError('usage_invalid', 'the password is empty: give the one for the server')
  const before = await readEntries(options.file)
  // A new key beside sealed entries would only hide that theirs is lost.
  const keyMade = before && before.size > 0 ? undefined : await createKeyIfMissing(options)
  const key = await readKey(options)
  let replaced = false
  await change(options.file, (entries) => {
    for (const [other, entry] of entries) if (other !== name) open(other, entry, key, options.file)
    replaced = entries.has(name)
    entries.set(name, seal(name, credential, key))
  })
  return { replaced, keyMade }
}

/** Names and user names of what is in the vault; none where there is no file. Needs the key. */
export async function listCredentials(options: FileVaultOptions): Promise<{ name: string; username: string }[]> {
  const entries = await readEntries(options.file)
  if (!entries || entries.size === 0) return []
  const key = await readKey(options)
  return [...entries]
    .map(([name, entry]) => ({ name, username: open(name, entry, key, options.file).username }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Takes a credential out; rejects with `usage_invalid` where there is none of this name. Needs no key. */
export async function removeCredential(options: FileVaultOptions, name: string): Promise<void> {
  const missing = new SluiceError(
    'usage_invalid',
    `there is no credential \`${name}\` in \`${options.file}\`: see \`sluice vault list\``,
  )
  if ((await readEntries(options.file)) === undefined) throw missing
  await change(options.file, (entries) => {
    if (!entries.delete(name)) throw missing
  })
}

function open(name: string, entry: SealedEntry, key: Secret<Buffer>, file: string): Credential {
  const credential = unseal(name, entry, key)
  if (credential) return credential
  const what = `the credential \`${name}\` in \`${file}\` does not open with this key`
  throw unavailable(`${what}: use the key that it was put in with, or put it in anew`)
}

async function readEntries(file: string): Promise<Map<string, SealedEntry> | undefined> {
  let text: string | undefined
  try {
    text = await readIfThere(file)
  } catch (error) {
    throw unavailable(`the vault \`${file}\` cannot be read (${(error as NodeJS.ErrnoException).code})`, error)
  }
  return text === undefined ? undefined : parseEntries(text, file)
}

function parseEntries(text: string, file: string): Map<string, SealedEntry> {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch {
    throw unavailable(`the vault \`${file}\` is not JSON: restore it from a copy`)
  }
  const parsed = vaultFile.safeParse(raw)
  if (parsed.success) return new Map(Object.entries(parsed.data.entries))
  const version = typeof raw === 'object' && raw !== null && 'version' in raw ? raw.version : undefined
  if (typeof version === 'number' && version !== VAULT_VERSION) {
    throw unavailable(`the vault \`${file}\` has version ${version}, and this program reads version ${VAULT_VERSION}`)
  }
  throw unavailable(`the vault \`${file}\` is not in order: restore it from a copy`)
}

function change(file: string, edit: (entries: Map<string, SealedEntry>) => void): Promise<void> {
  return updatePrivateFile(file, (text) => {
    const entries = text === undefined ? new Map<string, SealedEntry>() : parseEntries(text, file)
    edit(entries)
    return `${JSON.stringify({ version: VAULT_VERSION, entries: Object.fromEntries(entries) }, undefined, 2)}\n`
  })
}
