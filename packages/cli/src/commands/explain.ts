import type { StatementFacts } from '@sluice/parsers'
import type { Mask } from '@sluice/policy'
import type { Command } from 'commander'
import { collect } from '../collect.js'
import { configurationOf } from '../configured.js'
import type { Judgement } from '../judge.js'
import { print, printJson, visible } from '../print.js'
import { relationText } from '../relation-text.js'

interface Options {
  readonly user: string
  readonly group?: string[]
  readonly database: string
  readonly serverVersion: string
  readonly json?: true
}

/** `sluice explain`: what would be decided, by which rule, and what would be masked. */
export function addExplain(program: Command): void {
  program
    .command('explain <sql>')
    .description('tell what the gateway would decide on a statement, by which rule, and what it would mask')
    .requiredOption('-u, --user <name>', 'who asks')
    .option('-g, --group <group>', 'a group of the user (may be repeated; else those in the users file)', collect)
    .requiredOption('-d, --database <name>', 'the database, by its name in the configuration')
    .option('--server-version <version>', 'MySQL: the version of the server, such as 10.11.19-MariaDB', '8.4.0')
    .option('--json', 'for programs')
    .addHelpText(
      'after',
      `
Asks no server: masked columns are named as the policy names them, whether or not a table has them.

Example:
  $ sluice explain --user alice --database shop "SELECT email FROM users"`,
    )
    .action(async (sql: string, options: Options, command: Command) => {
      const configuration = await configurationOf(command)
      const [{ readPolicy }, { judge }, { groupsOf }, { createAnalyser }] = await Promise.all([
        import('../read-policy.js'),
        import('../judge.js'),
        import('../groups-of.js'),
        import('@sluice/parsers'),
      ])
      const policy = await readPolicy(configuration)
      const groups = options.group ?? (await groupsOf(configuration, options.user))
      const analyser = createAnalyser()
      try {
        const identity = { user: options.user, groups, method: 'local' } as const
        const { database, serverVersion } = options
        const judgement = await judge({ configuration, policy, analyser }, { identity, database, sql, serverVersion })
        if (options.json) printJson(asJson(judgement, groups))
        else printForPeople(judgement)
      } finally {
        await analyser.close()
      }
    })
}

function asJson({ decision, analysis, masks }: Judgement, groups: readonly string[]): object {
  return {
    decision: decision.effect,
    rule: decision.rule ?? null,
    reason: decision.reason,
    hint: decision.hint,
    groups,
    statements: analysis.ok ? analysis.statements : [],
    ...(analysis.ok ? {} : { unanalysable: { cause: analysis.cause, reason: analysis.reason } }),
    masks,
  }
}

function printForPeople({ decision, analysis, masks }: Judgement): void {
  const by = decision.rule === undefined ? '' : ` by rule \`${decision.rule}\``
  print(visible(`${decision.effect}${by}: ${decision.reason}`))
  if (decision.hint !== '') print(visible(`hint: ${decision.hint}`))
  if (!analysis.ok) return
  for (const facts of analysis.statements) print(visible(describe(facts)))
  if (decision.effect === 'deny' || masks.length === 0) return
  for (const { relation, column, mask, rule } of masks) {
    print(visible(`mask: \`${relation}.${column}\` ${maskText(mask)}, by rule \`${rule}\``))
  }
  print('mask: whatever is computed instead of being a plain column of a table, as a whole')
}

function describe(facts: StatementFacts): string {
  const inside = facts.nested.map(({ verb }) => verb)
  const uses = facts.relations.map(({ verb, relation }) => `${verb} \`${relationText(relation)}\``)
  const functions = facts.functions.map((use) => `\`${relationText(use)}()\``)
  const parts = [
    `statement: ${facts.verb} (${facts.class})`,
    inside.length > 0 ? `holds ${inside.join(', ')}` : '',
    uses.length > 0 ? `relations: ${uses.join(', ')}` : '',
    functions.length > 0 ? `functions: ${functions.join(', ')}` : '',
    facts.hasWhere ? '' : 'without WHERE',
  ]
  return parts.filter((part) => part !== '').join('; ')
}

function maskText(mask: Mask): string {
  switch (mask.kind) {
    case 'partial': {
      const { keepFirst, keepLast, keepDomain } = mask
      const kept = [
        keepFirst > 0 ? `the first ${keepFirst}` : '',
        keepLast > 0 ? `the last ${keepLast}` : '',
        keepDomain ? 'the domain of an e-mail address' : '',
      ]
      return `partial (keeps ${kept.filter((part) => part !== '').join(', ') || 'nothing'})`
    }
    case 'fixed':
      return `fixed (\`${mask.value}\`)`
    default:
      return mask.kind
  }
}
