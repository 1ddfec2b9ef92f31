import { expect, test } from 'vitest'
import { openEnvironmentVault } from './environment-vault.js'

test('a credential is found under its name in capitals', async () => {
  const vault = openEnvironmentVault({
    SLUICE_CREDENTIAL_SHOP_APP_1_USERNAME: 'u',
    SLUICE_CREDENTIAL_SHOP_APP_1_PASSWORD: 'p',
  })
  const lease = await vault.lease('shop-app.1')
  expect([lease.username, lease.password.reveal()]).toEqual(['u', 'p'])
})

test.each([
  [{}, 'set SLUICE_CREDENTIAL_SHOP_USERNAME'],
  [{ SLUICE_CREDENTIAL_SHOP_USERNAME: 'u' }, 'set SLUICE_CREDENTIAL_SHOP_PASSWORD'],
  [
    { SLUICE_CREDENTIAL_SHOP_USERNAME: 'u', SLUICE_CREDENTIAL_SHOP_PASSWORD: '' },
    'set SLUICE_CREDENTIAL_SHOP_PASSWORD',
  ],
])('with %j the variable to set is named', async (environment, message) => {
  await expect(openEnvironmentVault(environment).lease('shop')).rejects.toMatchObject({
    code: 'credential_unavailable',
    message: `the credential \`shop\` is not in the environment: ${message}`,
  })
})
