import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { notPrivate, readIfThere, Secret, updatePrivateFile } from '@sluice/domain'
import { unavailable } from './unavailable.js'

const KEY_BYTES = 32
const MAKE_ONE = 'make one with `openssl rand -base64 32`'

/** Where the vault's key comes from: SLUICE_VAULT_KEY (base64) goes before `keyFile`. */
export interface KeySource {
  readonly keyFile: string | undefined
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** The key, 32 bytes. Rejects with `credential_unavailable`. */
export async function readKey({ keyFile, environment = process.env }: KeySource): Promise<Secret<Buffer>> {
  const given = environment.SLUICE_VAULT_KEY
  if (given !== undefined) return decode(given, 'SLUICE_VAULT_KEY')
  if (keyFile === undefined)
    throw unavailable('the vault has no key: set SLUICE_VAULT_KEY, or `vault.keyFile` in the configuration')
  let text: string | undefined
  try {
    text = await readIfThere(keyFile)
  } catch (error) {
    throw unavailable(`the vault's key \`${keyFile}\` cannot be read (${(error as NodeJS.ErrnoException).code})`, error)
  }
  if (text === undefined) {
    throw unavailable(
      `the vault's key \`${keyFile}\` does not exist: restore it from its copy, or set SLUICE_VAULT_KEY`,
    )
  }
  const open = notPrivate(keyFile, (await stat(keyFile)).mode)
  if (open !== undefined) throw unavailable(`the vault's key ${open}`)
  return decode(text.trim(), `\`${keyFile}\``)
}

/** Makes the key file where the key is to come from one and there is none. Returns its path if it was made. */
export async function createKeyIfMissing(source: KeySource): Promise<string | undefined> {
  const { keyFile, environment = process.env } = source
  if (environment.SLUICE_VAULT_KEY !== undefined || keyFile === undefined) return undefined
  if ((await readIfThere(keyFile)) !== undefined) return undefined
  let made = false
  await updatePrivateFile(keyFile, (text) => {
    made = text === undefined
    return text ?? `${randomBytes(KEY_BYTES).toString('base64')}\n`
  })
  return made ? keyFile : undefined
}

function decode(text: string, where: string): Secret<Buffer> {
  const key = Buffer.from(text, 'base64')
  if (key.length !== KEY_BYTES || key.toString('base64') !== text) {
    throw unavailable(`${where} does not hold a key of 32 bytes in base64: ${MAKE_ONE}`)
  }
  return new Secret(key)
}
