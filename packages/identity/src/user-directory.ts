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
  readonly scram: ScramVerifier
  /** SHA1(SHA1(password)), only where the user was added with `--mysql-native-password`. */
  readonly nativePassword: Buffer | undefined
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
