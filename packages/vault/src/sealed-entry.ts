/** One credential, sealed with AES-256-GCM under a nonce of its own, and bound to its name. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { Secret } from '@sluice/domain'
import * as z from 'zod'

const NONCE_BYTES = 12
const TAG_BYTES = 16
/** Part of what is authenticated, so that no entry of one version can be passed off as another's. */
export const VAULT_VERSION = 1

export interface Credential {
  readonly username: string
  readonly password: Secret
}

/** Base64; `sealed` is the ciphertext with the 16 bytes of the tag behind it. */
export const sealedEntry = z.strictObject({ nonce: z.base64(), sealed: z.base64() })
export type SealedEntry = z.output<typeof sealedEntry>

const content = z.strictObject({ username: z.string(), password: z.string() })

export function seal(name: string, { username, password }: Credential, key: Secret<Buffer>): SealedEntry {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key.reveal(), nonce, { authTagLength: TAG_BYTES }).setAAD(bound(name))
  const text = JSON.stringify({ username, password: password.reveal() })
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return { nonce: nonce.toString('base64'), sealed: sealed.toString('base64') }
}

/** The credential, or undefined where key, name or bytes are not those it was sealed with. */
export function unseal(name: string, entry: SealedEntry, key: Secret<Buffer>): Credential | undefined {
  const nonce = Buffer.from(entry.nonce, 'base64')
  const sealed = Buffer.from(entry.sealed, 'base64')
  if (nonce.length !== NONCE_BYTES || sealed.length < TAG_BYTES) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key.reveal(), nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(bound(name)).setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  let text: string
  try {
    const opened = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES))
    text = Buffer.concat([opened, decipher.final()]).toString('utf8')
  } catch {
    return undefined
  }
  const { username, password } = content.parse(JSON.parse(text))
  return { username, password: new Secret(password) }
}

function bound(name: string): Buffer {
  return Buffer.from(`sluice vault ${VAULT_VERSION}\0${name}`, 'utf8')
}
