import type { Command } from 'commander'
import { configurationPath } from '../configured.js'
import { print, printJson } from '../print.js'

/** `sluice check`: configuration, policy, users and credentials, all problems at once. */
export function addCheck(program: Command): void {
  program
    .command('check')
    .description('check configuration, policy, users and credentials; tells all problems at once')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExample:\n  $ sluice check --config /etc/sluice/sluice.yaml')
    .action(async ({ json }: { json?: true }, command: Command) => {
      const { checkEverything } = await import('../check-everything.js')
      const { problems: fatal, credentialProblems, counts } = await checkEverything(configurationPath(command))
      const problems = [...fatal, ...credentialProblems]
      if (problems.length > 0) process.exitCode = 2
      if (json) return printJson({ ok: problems.length === 0, problems, ...counts })
      const { formatProblem } = await import('@sluice/config')
      for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`)
      if (problems.length > 0) return
      print(`all good: databases ${counts.databases}, rules ${counts.rules}, users ${counts.users}`)
    })
}
