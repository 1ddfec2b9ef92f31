import { Command } from 'commander'
import { addCheck } from './commands/check.js'
import { addDemo } from './commands/demo.js'
import { addExplain } from './commands/explain.js'
import { addPolicy } from './commands/policy.js'
import { addReplay } from './commands/replay.js'
import { addServe } from './commands/serve.js'
import { addSessions } from './commands/sessions.js'
import { addUser } from './commands/user.js'
import { addVault } from './commands/vault.js'
import { addVerify } from './commands/verify.js'

const VERSION = '0.1.0'

/** The command line: every command with its options. */
export function createProgram(): Command {
  const program = new Command('sluice')
    .description('An identity-aware gateway for PostgreSQL and MySQL.')
    .version(VERSION, '--version', 'print the version')
    .option('-c, --config <file>', 'the configuration (else SLUICE_CONFIG, else ./sluice.yaml)')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
  addServe(program)
  addDemo(program)
  addCheck(program)
  addExplain(program)
  addPolicy(program)
  addUser(program)
  addVault(program)
  addSessions(program)
  addReplay(program)
  addVerify(program)
  program.addHelpText(
    'after',
    `
Getting started:
  $ sluice vault put shop-app --username shop --password-stdin < password   the login for the server
  $ sluice user add alice --group analysts                                  somebody who may ask
  $ sluice check                                                            is everything in order?
  $ sluice serve                                                            run it

Exit status: 0 done, 1 refused or failed, 2 wrong usage or configuration.`,
  )
  tellErrorsInOneLine(program)
  return program
}

/** Wrong usage is told in one line, as every other error, with the command whose help says more. */
function tellErrorsInOneLine(command: Command, name = 'sluice'): void {
  command.configureOutput({ outputError: (text, write) => write(oneLine(text, name)) })
  for (const each of command.commands) tellErrorsInOneLine(each, `${name} ${each.name()}`)
}

function oneLine(text: string, name: string): string {
  const [what = '', meant] = text
    .trim()
    .replace(/^error: /, '')
    .split(/\n\(Did you mean (.*)\?\)$/s)
  const next = meant === undefined ? `see \`${name} --help\`` : `did you mean \`${meant}\`?`
  return `sluice: ${what.replaceAll(/'([^']*)'/g, '`$1`').replace(/\.$/, '')}: ${next}\n`
}
