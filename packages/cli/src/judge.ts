/** What the gateway would say to a statement, without a server: the decision and the masks of the relations it touches. */
import type { Configuration, DatabaseConfiguration } from '@sluice/config'
import { type Identity, SluiceError } from '@sluice/domain'
import type { Analyser, Analysis, LexicalMode } from '@sluice/parsers'
import { type Decision, decide, type MaskedColumn, maskedColumns, type Policy } from '@sluice/policy'
import { relationText } from './relation-text.js'

export interface Question {
  readonly identity: Identity
  readonly database: string
  readonly sql: string
  /** MySQL: the server's version as it reports it, which decides what executable comments hold. */
  readonly serverVersion: string
}

export interface Judgement {
  readonly decision: Decision
  readonly analysis: Analysis
  readonly masks: readonly (MaskedColumn & { readonly relation: string })[]
}

/** Decides a statement as `sluice serve` would. Rejects with `usage_invalid` for a database that is not configured. */
export async function judge(
  { configuration, policy, analyser }: { configuration: Configuration; policy: Policy; analyser: Analyser },
  { identity, database: name, sql, serverVersion }: Question,
): Promise<Judgement> {
  const database = configuration.databases[name]
  if (!database) {
    const known = Object.keys(configuration.databases).map((each) => `\`${each}\``)
    throw new SluiceError(
      'usage_invalid',
      `there is no database \`${name}\` in the configuration: it has ${known.join(', ')}`,
    )
  }
  const analysis = await analyser.analyse(Buffer.from(sql, 'utf8'), lexicalMode(database, serverVersion))
  const decision = decide(policy, {
    identity,
    database: name,
    dialect: database.dialect,
    analysis,
    clientAddress: '127.0.0.1',
    now: Date.now(),
    databaseOf: (schema) => databaseOf(configuration, database, schema),
  })
  const touched = analysis.ok
    ? analysis.statements.flatMap(({ relations }) => relations.map((use) => use.relation))
    : []
  const byName = new Map(touched.map((relation) => [relationText(relation), relation]))
  const masks = [...byName].flatMap(([relation, relationName]) =>
    maskedColumns(policy, identity, name, relationName).map((masked) => ({ relation, ...masked })),
  )
  return { decision, analysis, masks }
}

function lexicalMode({ dialect }: DatabaseConfiguration, serverVersion: string): LexicalMode {
  if (dialect === 'postgres') return { dialect }
  const parts = /^(\d{1,2})\.(\d{1,2})(?:\.(\d{1,2}))?/.exec(serverVersion)
  if (!parts)
    throw new SluiceError(
      'usage_invalid',
      `\`${serverVersion}\` is not a version: use \`8.4.0\` or \`10.11.19-MariaDB\``,
    )
  const version = Number(parts[1]) * 10_000 + Number(parts[2]) * 100 + Number(parts[3] ?? 0)
  const flavour = /mariadb/i.test(serverVersion) ? 'mariadb' : 'mysql'
  return { dialect, flavour, version, sqlMode: new Set(), multiStatements: false }
}

/** In MySQL a schema is a database, which may be configured under another name. */
function databaseOf(configuration: Configuration, here: DatabaseConfiguration, schema: string): string | undefined {
  const found = Object.values(configuration.databases).find(
    (each) =>
      each.dialect === 'mysql' &&
      each.address.host === here.address.host &&
      each.address.port === here.address.port &&
      each.database === schema,
  )
  return found?.name
}
