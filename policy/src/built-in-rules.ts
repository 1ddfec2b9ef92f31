import type { Dialect } from '@sluice/domain'
import { dangerousSetting, type StatementFacts } from '@sluice/parsers'
import type { SessionView } from './session-view.js'
import type { Deed } from './verb-set.js'

/**
 * The gateway's own rules, which hold beside every policy. A policy's `deny` is stronger than what they allow.
 *
 * - `built-in: harmless statements`: transactions, EXPLAIN, cursors, ordinary SHOW, SET and RESET, KILL, for whoever is allowed
 *   anything on this database. What is inside (the query of a cursor, of an EXPLAIN) is decided as itself.
 * - `built-in: catalogs`: ordinary catalogs and the server's own functions are for whoever may read anything here.
 * - `built-in: sensitive catalogs`: others are denied, and writing to any, unless a rule names the table in `on.tables`.
 * - `built-in: settings that change how SQL is read`: always refused, whatever the policy says.
 * - `built-in: search path`: refused where allowances rest on schemas.
 * - `built-in: revealing statements`: SHOW PROCESSLIST and the like, denied unless a rule names the very verb.
 */
export const BUILT_IN = {
  sensitiveCatalogs: 'built-in: sensitive catalogs',
  dangerousSettings: 'built-in: settings that change how SQL is read',
  searchPath: 'built-in: search path',
  revealing: 'built-in: revealing statements',
  unanalysable: 'built-in: only what can be read can be allowed',
} as const

const HARMLESS: ReadonlySet<string> = new Set([
  'explain',
  'describe',
  'desc',
  'help',
  'set',
  'set names',
  'set character set',
  'set transaction',
  'set constraints',
  'set session characteristics',
  'show',
  'reset',
  'discard',
  'prepare',
  'execute',
  'deallocate',
  'deallocate prepare',
  'declare',
  'declare cursor',
  'fetch',
  'move',
  'close',
  'unlisten',
  'use',
  'unlock tables',
])

const SELECTS: ReadonlySet<string> = new Set(['select', 'values', 'table'])

/** Transactions that others began may be ended by these. */
const FOREIGN_TRANSACTIONS: ReadonlySet<string> = new Set([
  'prepare transaction',
  'commit prepared',
  'rollback prepared',
])

/** What others run, their passwords' hashes and the data in the server's logs. */
const REVEALING: readonly string[] = [
  'show processlist',
  'show full processlist',
  'show binlog',
  'show relaylog',
  'show engine',
  'show create user',
  'show slave',
  'show replica',
  'show grants for',
  'show explain',
]

/** Statements that need no rule of their own where the person is allowed something on this database. */
export function isHarmless(deed: Deed): boolean {
  if (deed.class === 'opaque' || isRevealing(deed)) return false
  if (deed.class === 'transaction') return !FOREIGN_TRANSACTIONS.has(deed.verb) && !/^(?:xa|lock)\b/.test(deed.verb)
  // The gateway itself carries out KILL, and only on sessions of the same user.
  if (deed.verb === 'kill') return true
  if (deed.class !== 'session' && deed.class !== 'read') return false
  if (HARMLESS.has(deed.verb)) return true
  if (deed.verb.startsWith('show ')) return true
  // A SELECT reads nothing by itself: its relations and functions are each decided.
  return deed.class === 'read' && SELECTS.has(deed.verb)
}

/** Shows what sessions of other people do; a rule must name it by its verb. */
export function isRevealing(deed: Deed): boolean {
  return REVEALING.some((verb) => deed.verb === verb || deed.verb.startsWith(`${verb} `))
}

export type SettingVerdict =
  | { readonly kind: 'harmless' }
  | { readonly kind: 'refused'; readonly rule: string; readonly reason: string; readonly hint: string }
  /** Needs a rule that allows this. */
  | { readonly kind: 'deed'; readonly deed: Deed }

const HARMLESS_SETTING: SettingVerdict = { kind: 'harmless' }

/** Schemas that `search_path` may name without widening what a rule allows. */
const NEUTRAL_PATH: ReadonlySet<string> = new Set(['', 'public', 'pg_catalog'])

/** What a change of a setting means, by name, for this person. */
export function settingVerdict(
  change: StatementFacts['settings'][number],
  view: SessionView,
  dialect: Dialect,
): SettingVerdict {
  const name = change.name.toLowerCase()
  const danger = dangerousSetting(dialect, change)
  if (danger !== undefined)
    return {
      kind: 'refused',
      rule: BUILT_IN.dangerousSettings,
      reason: danger,
      hint: 'leave the setting as it is; the gateway has chosen it at login',
    }
  if (change.lasting) return { kind: 'deed', deed: { verb: 'set', class: 'access' } }
  if (dialect !== 'postgres') return HARMLESS_SETTING
  if (name === 'role' || name === 'session_authorization')
    return {
      kind: 'deed',
      deed: { verb: name === 'role' ? 'set role' : 'set session authorization', class: 'access' },
    }
  if (name === 'search_path' && view.pathMatters && !isNeutralPath(change.value))
    return {
      kind: 'refused',
      rule: BUILT_IN.searchPath,
      reason: 'rules allow you tables by schema, and another `search_path` would make their names mean other tables',
      hint: "write the schema before the table's name instead",
    }
  return HARMLESS_SETTING
}

function isNeutralPath(value: string | undefined): boolean {
  if (value === undefined) return false
  return value.split(',').every((schema) => NEUTRAL_PATH.has(schema.trim().replaceAll(/^["']|["']$/g, '')))
}
