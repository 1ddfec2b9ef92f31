/** How a caller proved who they are. */
export type AuthenticationMethod =
  | 'scram-sha-256'
  | 'scram-sha-256-plus'
  | 'caching_sha2_password'
  | 'mysql_native_password'
  | 'mysql_clear_password'
  | 'certificate'
  | 'local'

/** Somebody who proved who they are; groups are those of now. */
export interface Identity {
  readonly user: string
  readonly groups: readonly string[]
  readonly method: AuthenticationMethod
}
