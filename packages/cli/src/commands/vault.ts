import { SluiceError } from '@sluice/domain'
import type { FileVaultOptions } from '@sluice/vault'
import type { Command } from 'commander'
import { configurationOf } from '../configured.js'
import { print, printJson, printTable } from '../print.js'
import { askForPassword, readPasswordFromStdin } from '../read-password.js'

/** `sluice vault`: the credentials for the servers, sealed in the file that `vault.file` names. */
export function addVault(program: Command): void {
  const vault = program.command('vault').description("put in, list and remove the servers' credentials")

  vault
    .command('put <name>')
    .description('put a credential in, or change it; asks for the password on the terminal')
    .requiredOption('-u, --username <user>', 'the user on the server')
    .option('--password-stdin', 'read the password from standard input')
    .addHelpText('after', '\nExample:\n  $ sluice vault put shop-app --username shop --password-stdin < password.txt')
    .action(async (name: string, options: { username: string; passwordStdin?: true }, command: Command) => {
      const vault = await fileVaultOf(command)
      const ask = options.passwordStdin
        ? readPasswordFromStdin
        : () => askForPassword(`\`${options.username}\` on the server`)
      const { replaced, keyMade } = await (await vaultPackage()).putCredential(vault, name, {
        username: options.username,
        password: await ask(),
      })
      if (keyMade !== undefined)
        process.stderr.write(`made the vault's key \`${keyMade}\`: keep a copy of it elsewhere\n`)
      print(`${replaced ? 'changed' : 'put in'} \`${name}\``)
    })

  vault
    .command('list')
    .description('list the credentials and their users on the servers; passwords are never shown')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExample:\n  $ sluice vault list')
    .action(async ({ json }: { json?: true }, command: Command) => {
      const credentials = await (await vaultPackage()).listCredentials(await fileVaultOf(command))
      if (json) return printJson(credentials)
      const rows = credentials.map(({ name, username }) => [name, username])
      printTable(['NAME', 'USER ON THE SERVER'], rows, 'the vault is empty: fill it with `sluice vault put`')
    })

  vault
    .command('remove <name>')
    .description('remove a credential; its databases cannot be reached from then on')
    .addHelpText('after', '\nExample:\n  $ sluice vault remove shop-app')
    .action(async (name: string, _options: unknown, command: Command) => {
      await (await vaultPackage()).removeCredential(await fileVaultOf(command), name)
      print(`removed \`${name}\``)
    })
}

const vaultPackage = () => import('@sluice/vault')

async function fileVaultOf(command: Command): Promise<FileVaultOptions> {
  const { vault } = await configurationOf(command)
  if (vault.kind === 'file') return vault
  const instead = 'set SLUICE_CREDENTIAL_<NAME>_USERNAME and SLUICE_CREDENTIAL_<NAME>_PASSWORD where the gateway runs'
  throw new SluiceError('usage_invalid', `the vault is the environment (\`vault: env\`): ${instead}`)
}
