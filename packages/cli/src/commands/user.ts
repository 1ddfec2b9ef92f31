import { randomBytes } from 'node:crypto'
import { Secret, SluiceError } from '@sluice/domain'
import type { Command } from 'commander'
import { collect } from '../collect.js'
import { configurationOf } from '../configured.js'
import { print, printJson, printTable } from '../print.js'
import { askForPassword, readPasswordFromStdin } from '../read-password.js'

interface AddOptions {
  readonly group?: string[]
  readonly passwordStdin?: true
  readonly generate?: true
  readonly mysqlNativePassword?: true
  readonly certificate?: string
  readonly replace?: true
}

/** `sluice user`: who may log in, kept in the file that `identity.users` names. */
export function addUser(program: Command): void {
  const user = program.command('user').description('add, list and remove users')

  user
    .command('add <name>')
    .description('add a user; asks for the password on the terminal')
    .option('-g, --group <group>', 'a group of the user (may be repeated)', collect)
    .option('--password-stdin', 'read the password from standard input')
    .option('--generate', 'make up a password and print it')
    .option('--certificate <name>', 'let the client certificate with this common name in without a password')
    .option('--mysql-native-password', 'let old MySQL clients in too (keeps a weaker verifier)')
    .option('--replace', 'change the user if there is one of this name')
    .addHelpText('after', '\nExample:\n  $ sluice user add alice --group analysts --group privacy')
    .action(async (name: string, options: AddOptions, command: Command) => {
      const { identity } = await configurationOf(command)
      const password = await passwordFor(name, options)
      const certificate = options.certificate === undefined ? {} : { certificate: options.certificate }
      const nativePassword = options.mysqlNativePassword ?? false
      const groups = options.group ?? []
      const entry = { name, groups, password, nativePassword, ...certificate }
      await (await identityPackage()).addUser(identity.users, entry, { replace: options.replace ?? false })
      const inGroups = groups.length > 0 ? ` to ${groups.map((each) => `\`${each}\``).join(', ')}` : ''
      const told = `added \`${name}\`${inGroups}`
      if (!options.generate) return print(told)
      process.stderr.write(`${told}, with this password, which is kept nowhere:\n`)
      print(password!.reveal())
    })

  user
    .command('list')
    .description('list the users and their groups')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExample:\n  $ sluice user list --json')
    .action(async ({ json }: { json?: true }, command: Command) => {
      const { identity } = await configurationOf(command)
      const users = await (await identityPackage()).listUsers(identity.users)
      if (json) return printJson(users)
      const rows = users.map(({ name, groups, password, nativePassword, certificate, added }) => {
        const ways = [
          password && 'password',
          nativePassword && 'mysql native',
          certificate && `certificate ${certificate}`,
        ]
        return [name, groups.join(', ') || '-', ways.filter(Boolean).join(', '), added.slice(0, 10)]
      })
      printTable(['NAME', 'GROUPS', 'LOGS IN BY', 'SINCE'], rows, 'no users yet: add one with `sluice user add`')
    })

  user
    .command('remove <name>')
    .description('remove a user; open sessions go on, new logins are refused within a second')
    .addHelpText('after', '\nExample:\n  $ sluice user remove alice')
    .action(async (name: string, _options: unknown, command: Command) => {
      const { identity } = await configurationOf(command)
      await (await identityPackage()).removeUser(identity.users, name)
      print(`removed \`${name}\``)
    })
}

/** Loaded when a command runs, as everything that is not small, so that `--help` is quick. */
const identityPackage = () => import('@sluice/identity')

async function passwordFor(name: string, options: AddOptions): Promise<Secret | undefined> {
  if (options.passwordStdin && options.generate) {
    throw new SluiceError('usage_invalid', 'choose one of `--password-stdin` and `--generate`')
  }
  if (options.generate) return new Secret(randomBytes(18).toString('base64url'))
  if (options.passwordStdin) return readPasswordFromStdin()
  return options.certificate === undefined ? askForPassword(`\`${name}\``) : undefined
}
