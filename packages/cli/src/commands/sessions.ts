import { SluiceError } from '@sluice/domain'
import type { SessionFilter, SessionSummary } from '@sluice/recorder'
import type { Command } from 'commander'
import { withArchive } from '../archive.js'
import { print, printTable } from '../print.js'
import { formatDuration, formatTime, parseSince } from '../time.js'

interface Options {
  readonly user?: string
  readonly database?: string
  readonly since?: string
  readonly limit: string
  readonly json?: true
}

/** `sluice sessions`: what was recorded, newest first. */
export function addSessions(program: Command): void {
  program
    .command('sessions')
    .description('list recorded sessions, newest first')
    .option('-u, --user <name>', 'only those of this user')
    .option('-d, --database <name>', 'only those on this database')
    .option('-s, --since <time>', 'only those begun since: `2h` ago, `2026-11-20`, `2026-11-20T11:30:00Z`')
    .option('-n, --limit <number>', 'at the most so many; `all` for all', '50')
    .option('--json', 'for programs: one array')
    .addHelpText('after', '\nExample:\n  $ sluice sessions --user alice --since 2h')
    .action(async (options: Options, command: Command) => {
      const limit = options.limit === 'all' ? Number.POSITIVE_INFINITY : Number(options.limit)
      if (!(limit >= 1)) throw new SluiceError('usage_invalid', `\`${options.limit}\` is not a number of sessions`)
      const filter: SessionFilter = {
        ...(options.user === undefined ? {} : { user: options.user }),
        ...(options.database === undefined ? {} : { database: options.database }),
        ...(options.since === undefined ? {} : { since: parseSince(options.since) }),
      }
      await withArchive(command, async (archive) => {
        const found: SessionSummary[] = []
        let more = false
        for await (const session of archive.sessions(filter)) {
          if (found.length >= limit) {
            more = true
            break
          }
          found.push(session)
        }
        if (options.json) return print(`[${found.map((each) => `\n${JSON.stringify(each)}`).join(',')}\n]`)
        const headings = ['SESSION', 'BEGUN (UTC)', 'USER', 'DATABASE', 'FROM', 'STATEMENTS', 'DENIED', 'LASTED']
        printTable(headings, found.map(row), 'no such sessions')
        if (more) process.stderr.write(`there are more: see them with \`--limit all\` or \`--since\`\n`)
      })
    })
}

function row(session: SessionSummary): string[] {
  const { id, started, ended, user, database, address, statements, denied } = session
  const lasted = ended === undefined ? 'open' : formatDuration(ended - started)
  return [id, formatTime(started), user, database, address, String(statements), String(denied), lasted]
}
