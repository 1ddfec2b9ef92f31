import { Secret } from '@sluice/domain'
import { unavailable } from './unavailable.js'
import type { Vault } from './vault.js'

/** A vault in environment variables: SLUICE_CREDENTIAL_SHOP_APP_USERNAME and ..._PASSWORD hold the credential `shop-app`. */
export function openEnvironmentVault(environment: Readonly<Record<string, string | undefined>> = process.env): Vault {
  return {
    async lease(name) {
      const prefix = `SLUICE_CREDENTIAL_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`
      const username = environment[`${prefix}_USERNAME`]
      const password = environment[`${prefix}_PASSWORD`]
      if (!username || !password) {
        const missing = username ? `${prefix}_PASSWORD` : `${prefix}_USERNAME`
        throw unavailable(`the credential \`${name}\` is not in the environment: set ${missing}`)
      }
      return { username, password: new Secret(password), release: async () => {} }
    },
  }
}
