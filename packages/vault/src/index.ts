export { type FileVaultOptions, listCredentials, putCredential, removeCredential } from './file-vault.js'
export { openVault, type VaultOptions } from './open-vault.js'
export type { Credential } from './sealed-entry.js'
export type { Lease, Vault } from './vault.js'
