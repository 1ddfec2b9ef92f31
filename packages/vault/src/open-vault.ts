import { openEnvironmentVault } from './environment-vault.js'
import { openFileVault } from './file-vault.js'
import type { Vault } from './vault.js'

/** As `vault` in the configuration says. */
export type VaultOptions =
  | { readonly kind: 'file'; readonly file: string; readonly keyFile: string | undefined }
  | { readonly kind: 'env' }

/** Opens the vault that is configured. Nothing is read before the first lease. */
export function openVault(options: VaultOptions): Vault {
  return options.kind === 'env' ? openEnvironmentVault() : openFileVault(options)
}
