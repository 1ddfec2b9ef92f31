import type { Secret } from '@sluice/domain'

/** A credential on loan for one login upstream. */
export interface Lease {
  readonly username: string
  readonly password: Secret
  /** Gives it back. A vault whose credentials are lasting has nothing to do here. */
  release(): Promise<void>
}

/** Where the credentials for the servers are. */
export interface Vault {
  /** Rejects with `credential_unavailable`: the message says what is wrong and what to do, and never holds a value. */
  lease(name: string): Promise<Lease>
}
