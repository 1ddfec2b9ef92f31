import { createHmac, randomBytes } from 'node:crypto'
import { SCRAM_ITERATIONS } from './scram.js'

/** SCRAM-SHA-256 verifier (RFC 5802): what is stored of a password. */
export interface ScramVerifier {
  readonly iterations: number
  readonly salt: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

/** A user as `users.json` keeps it: verifiers only, one entry for both protocols. */
export interface UserRecord {
  readonly name: string
  readonly groups: readonly string[]
  /** Of a user without a password: one that no password fits. */
  readonly scram: ScramVerifier
  /** SHA1(SHA1(password)), only where the user was added with `--mysql-native-password`. */
  readonly nativePassword: Buffer | undefined
  /** Common name of the client certificates that log this user in without a password; undefined: none do. */
  readonly certificate?: string | undefined
}

/** The users known now. Follows its file. */
export interface UserDirectory {
  find(name: string): UserRecord | undefined
  /** The user's record, or for an unknown name a decoy of the same form (stable for a name) that no password fits. */
  findOrDecoy(name: string): { readonly record: UserRecord; readonly known: boolean }
  /** SHA256(SHA256(password)) of a user who proved the password in full since the record last changed; kept in memory only. */
  fastVerifier(record: UserRecord): Buffer | undefined
  rememberFastVerifier(record: UserRecord, digest: Buffer): void
}

/** A directory whose users can be exchanged, all at once. */
export interface ReplaceableUserDirectory extends UserDirectory {
  replace(records: readonly UserRecord[]): void
}

/**
 * Makes the directory of `records`. `decoyKey` (32 bytes, secret, kept in the users file) makes the decoys: with the same key
 * an unknown name has the same salt after a restart and in every process, as a known one has.
 */
export function createUserDirectory(
  records: readonly UserRecord[],
  decoyKey: Buffer = randomBytes(32),
): ReplaceableUserDirectory {
  let users = new Map(records.map((record) => [record.name, record]))
  const fast = new Map<string, { readonly of: UserRecord; readonly digest: Buffer }>()

  return {
    find: (name) => users.get(name),
    findOrDecoy(name) {
      const record = users.get(name)
      if (record) return { record, known: true }
      return {
        record: { name, groups: [], scram: decoyVerifier(decoyKey, name), nativePassword: undefined },
        known: false,
      }
    },
    fastVerifier(record) {
      const kept = fast.get(record.name)
      return kept && samePassword(kept.of, record) ? kept.digest : undefined
    },
    rememberFastVerifier(record, digest) {
      const current = users.get(record.name)
      if (current && samePassword(current, record)) fast.set(record.name, { of: current, digest })
    },
    replace(next) {
      users = new Map(next.map((record) => [record.name, record]))
      for (const [name, { of }] of fast) {
        const record = users.get(name)
        if (!record || !samePassword(of, record)) fast.delete(name)
      }
    },
  }
}

/** A verifier that no password fits: its keys are not made of one. The same for the same name and key. */
export function decoyVerifier(key: Buffer, name: string): ScramVerifier {
  const derive = (part: string) => createHmac('sha256', key).update(`${part}\0${name}`).digest()
  return {
    iterations: SCRAM_ITERATIONS,
    salt: derive('salt').subarray(0, 16),
    storedKey: derive('stored key'),
    serverKey: derive('server key'),
  }
}

function samePassword(a: UserRecord, b: UserRecord): boolean {
  return a.scram.salt.equals(b.scram.salt) && a.scram.storedKey.equals(b.scram.storedKey)
}
