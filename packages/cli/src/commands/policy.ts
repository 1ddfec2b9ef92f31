import { SluiceError } from '@sluice/domain'
import type { PolicyTest } from '@sluice/policy'
import type { Command } from 'commander'
import { configurationOf } from '../configured.js'
import type { Judgement } from '../judge.js'
import { print, printJson, visible } from '../print.js'

interface Result {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly name: string
  /** What was other than expected; empty: nothing. */
  readonly wrong: readonly string[]
}

/** `sluice policy test`: does the policy say what people expect of it? */
export function addPolicy(program: Command): void {
  program
    .command('policy')
    .description('work on the policy')
    .command('test <files...>')
    .description(
      'check expectations (who, database, SQL -> decision, masks) against the policy; exit status 1 if one fails',
    )
    .option('--server-version <version>', 'MySQL: the version of the server, such as 10.11.19-MariaDB', '8.4.0')
    .option('--json', 'for programs')
    .addHelpText(
      'after',
      `
A file of expectations:
  tests:
    - name: analysts see masked e-mail addresses
      user: alice
      groups: [analysts]                    # left out: those of the users file
      database: shop
      sql: select email from users
      expect: allow                         # or deny
      rule: analysts read the shop          # left out: any
      masks: { users.email: partial }       # left out: any; all masks, as \`sluice explain\` names them

Example:
  $ sluice policy test policy-tests.yaml`,
    )
    .action(async (files: string[], options: { serverVersion: string; json?: true }, command: Command) => {
      const results = await runTests(files, options.serverVersion, command)
      const failed = results.filter(({ wrong }) => wrong.length > 0)
      if (failed.length > 0) process.exitCode = 1
      if (options.json) return printJson({ ok: failed.length === 0, tests: results })
      for (const { file, line, column, name, wrong } of failed) {
        process.stderr.write(
          visible(`${file}:${line}:${column}: \`${name.replaceAll('\n', ' ')}\` ${wrong.join('; ')}\n`),
        )
      }
      print(`tests ${results.length}, failed ${failed.length}`)
    })
}

async function runTests(files: readonly string[], serverVersion: string, command: Command): Promise<Result[]> {
  const configuration = await configurationOf(command)
  const [
    { readPolicy, readText },
    { judge },
    { groupsOf },
    { loadPolicyTests },
    { createAnalyser },
    { formatProblem },
  ] = await Promise.all([
    import('../read-policy.js'),
    import('../judge.js'),
    import('../groups-of.js'),
    import('@sluice/policy'),
    import('@sluice/parsers'),
    import('@sluice/config'),
  ])
  const loaded = await Promise.all(
    files.map(async (file) => ({ file, ...loadPolicyTests(await readText(file), file) })),
  )
  const problems = loaded.flatMap((each) => ('problems' in each ? each.problems : []))
  if (problems.length > 0) throw new SluiceError('configuration_invalid', problems.map(formatProblem).join('\n'))
  const policy = await readPolicy(configuration)
  const analyser = createAnalyser()
  try {
    const results: Result[] = []
    for (const each of loaded) {
      for (const test of 'tests' in each ? each.tests : []) {
        const { user, database, sql, line, column, name = sql } = test
        const groups = test.groups ?? (await groupsOf(configuration, user))
        const identity = { user, groups, method: 'local' } as const
        const judgement = await judge({ configuration, policy, analyser }, { identity, database, sql, serverVersion })
        results.push({ file: each.file, line, column, name, wrong: differences(test, judgement) })
      }
    }
    return results
  } finally {
    await analyser.close()
  }
}

function differences({ expect, rule, masks }: PolicyTest, { decision, masks: found }: Judgement): string[] {
  const wrong: string[] = []
  const by = decision.rule === undefined ? '' : ` by rule \`${decision.rule}\``
  if (decision.effect !== expect) wrong.push(`expected ${expect}, got ${decision.effect}${by} (${decision.reason})`)
  else if (rule !== undefined && rule !== decision.rule)
    wrong.push(`expected rule \`${rule}\`, got ${by.trim() || 'none'}`)
  if (masks === undefined) return wrong
  const actual = new Map(found.map(({ relation, column, mask }) => [`${relation}.${column}`, mask.kind as string]))
  for (const [column, kind] of Object.entries(masks)) {
    const got = actual.get(column)
    if (got !== kind) wrong.push(`expected \`${column}\` masked ${kind}, got ${got ?? 'no mask'}`)
  }
  for (const [column, kind] of actual) {
    if (!(column in masks)) wrong.push(`\`${column}\` is masked ${kind}, and no mask was expected`)
  }
  return wrong
}
