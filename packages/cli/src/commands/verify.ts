import { SluiceError } from '@sluice/domain'
import type { Verification } from '@sluice/recorder'
import type { Command } from 'commander'
import { withArchive } from '../archive.js'
import { print, printJson } from '../print.js'

interface Options {
  readonly all?: true
  readonly allowOpen?: true
  readonly json?: true
}

/** `sluice verify`: is the record complete and untouched? */
export function addVerify(program: Command): void {
  program
    .command('verify [session]')
    .description('check that recordings are complete and untouched; exit status 1 if not')
    .option('--all', 'check all sessions')
    .option('--allow-open', 'a session without an end, as one that still runs, is no failure')
    .option('--json', 'for programs: one array')
    .addHelpText('after', '\nExample:\n  $ sluice verify --all')
    .action(async (session: string | undefined, options: Options, command: Command) => {
      if ((session === undefined) === (options.all === undefined)) {
        throw new SluiceError('usage_invalid', 'name one session, or `--all`')
      }
      const verify = async (archive: Parameters<Parameters<typeof withArchive>[1]>[0]) => {
        const results: ({ session: string } & Verification)[] = []
        for await (const id of session === undefined ? archive.ids() : [session]) {
          const verification = await archive.verify(id)
          results.push({ session: id, ...verification })
          if (!options.json) print(`${id}  ${describe(verification)}`)
        }
        const good = results.filter(({ state }) => state === 'complete' || (state === 'open' && options.allowOpen))
        if (options.json) printJson(results)
        else if (session === undefined) print(`sessions ${results.length}, good ${good.length}`)
        if (good.length < results.length) process.exitCode = 1
      }
      await withArchive(command, verify, { sealed: true })
    })
}

function describe(verification: Verification): string {
  switch (verification.state) {
    case 'complete':
      return `complete and untouched: ${verification.events} events`
    case 'open':
      return `open: ${verification.events} events untouched, and no end; it runs still, or the gateway was killed`
    case 'incomplete':
      return `incomplete at line ${verification.line}: ${verification.reason}`
    case 'tampered':
      return `tampered with at line ${verification.line}: ${verification.reason}`
    case 'bad-seal':
      return `not sealed by this gateway's key: ${verification.reason}`
  }
}
