import { SluiceError } from '@sluice/domain'
import type { MysqlMode, SettingChange, StatementFacts } from '@sluice/parsers'
import type { SessionChange } from '@sluice/wire/mysql'
import type { Statement } from '../gate.js'

/** Values of character_set_client in which quotes, backslashes and comments stand for themselves. */
const CHARACTER_SETS = new Set(['utf8mb4', 'utf8mb3', 'utf8', 'latin1', 'ascii'])
/** Names under which a change of the client's character set may come. */
const CHARACTER_SET_SETTINGS = new Set(['character_set_client', 'names', 'set names', 'character set', 'charset'])
/** Without these the gateway would no longer be told how the server reads SQL. */
const TRACKING_SETTINGS = new Set(['session_track_system_variables', 'session_track_schema'])

/** Words of sql_mode that change how a text is read. */
const READING_MODES = [
  'ANSI_QUOTES',
  'NO_BACKSLASH_ESCAPES',
  'PIPES_AS_CONCAT',
  'IGNORE_SPACE',
  'HIGH_NOT_PRECEDENCE',
  'ORACLE',
  'MSSQL',
]

/** Do both sql_modes read a text in the same way? */
export function readAlike(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a === b || READING_MODES.every((word) => a.has(word) === b.has(word))
}

/** What of a session decides how the server reads its SQL, as the server itself reports it. */
export class LexicalState {
  mode: MysqlMode
  /** The schema in force, which unqualified names belong to. */
  schema: string | undefined

  constructor(mode: MysqlMode, schema: string | undefined) {
    this.mode = mode
    this.schema = schema
  }

  setMultiStatements(on: boolean): void {
    if (this.mode.multiStatements !== on) this.mode = { ...this.mode, multiStatements: on }
  }

  /** Follows one reported variable. Returns an error where the session cannot go on with its value. */
  follow(change: SessionChange & { kind: 'variable' }): SluiceError | undefined {
    if (change.name === 'sql_mode') {
      const sqlMode = new Set(
        change.value
          .toUpperCase()
          .split(',')
          .filter((word) => word !== ''),
      )
      this.mode = { ...this.mode, sqlMode }
    } else if (change.name === 'character_set_client' && !isSafeCharacterSet(change.value)) {
      return unsafeCharacterSet(change.value)
    }
    return undefined
  }
}

/**
 * Makes the server report again, after COM_RESET_CONNECTION, what decides how it reads SQL; setting the variables to their
 * own values makes it say them at once.
 */
export const TRACKING_STATEMENT =
  "set session session_track_system_variables = 'autocommit,character_set_client,character_set_connection," +
  "character_set_results,sql_mode,time_zone', session session_track_schema = on, " +
  'session sql_mode = @@sql_mode, session character_set_client = @@character_set_client'

/**
 * What the relay itself must refuse of a text, whatever the policy says: settings that would blind it, changes in the middle of
 * a text that make the server read the rest of it in another way, and KILL in a form that it cannot follow.
 */
export function refusalOf(statement: Statement, executes: readonly Statement[]): SluiceError | undefined {
  if (!statement.analysis.ok) return undefined
  const { statements } = statement.analysis
  for (let i = 0; i < statements.length; i++) {
    const facts = statements[i]!
    const last = i === statements.length - 1
    const change = facts.settings.length === 0 ? undefined : settingRefusal(facts.settings, last)
    if (change) return change
    if (facts.nested.some(({ verb }) => verb === 'kill' || verb === 'use')) return notInside()
    if (last && statements.length === 1) break
    if (facts.verb === 'use') return onItsOwn('use')
    if (facts.verb === 'kill') return onItsOwn('kill')
    if (!last && facts.prepared?.action === 'execute' && executes.some(changesReading)) return onItsOwn('execute')
  }
  return undefined
}

/** Text of a KILL that the gateway can follow: a session's number, written out. */
export function killedBy(text: Buffer): { readonly id: number; readonly what: 'query' | 'connection' } | undefined {
  const match = /^\s*kill\s+(?:hard\s+|soft\s+)?(?:(query|connection)\s+)?(\d{1,15})\s*;?\s*$/i.exec(
    text.toString('latin1'),
  )
  if (!match) return undefined
  return { id: Number(match[2]), what: match[1]?.toLowerCase() === 'query' ? 'query' : 'connection' }
}

/** Whether code that only the server sees may have run: it can prepare statements under known names. */
export function runsUnseenCode(facts: StatementFacts): boolean {
  return isUnseen(facts.class) || facts.nested.some((inner) => isUnseen(inner.class))
}

function isUnseen(kind: StatementFacts['class']): boolean {
  return kind === 'procedure' || kind === 'opaque'
}

function settingRefusal(settings: readonly SettingChange[], last: boolean): SluiceError | undefined {
  for (const { name, value, lasting } of settings) {
    if (lasting) continue
    const setting = name.toLowerCase()
    if (TRACKING_SETTINGS.has(setting)) {
      return new SluiceError('feature_unsupported', `\`${setting}\` cannot be changed through the gateway`, {
        hint: 'leave it out; the gateway follows the session by it',
      })
    }
    const isCharacterSet = CHARACTER_SET_SETTINGS.has(setting)
    if (isCharacterSet && value !== undefined && isName(value) && !isSafeCharacterSet(value))
      return unsafeCharacterSet(value)
    if (!last && (isCharacterSet || setting === 'sql_mode')) return onItsOwn(`set ${setting}`)
  }
  return undefined
}

function changesReading({ analysis }: Statement): boolean {
  const isReading = ({ name }: SettingChange) =>
    name.toLowerCase() === 'sql_mode' || CHARACTER_SET_SETTINGS.has(name.toLowerCase())
  return analysis.ok && analysis.statements.some((facts) => facts.settings.some(isReading))
}

/** A plain word; `default` and what is computed is known only when the server reports it. */
function isName(value: string): boolean {
  return /^'?[a-z0-9_]+'?$/i.test(value) && value.toLowerCase() !== 'default'
}

function isSafeCharacterSet(name: string): boolean {
  return CHARACTER_SETS.has(name.replaceAll("'", '').toLowerCase())
}

function unsafeCharacterSet(name: string): SluiceError {
  return new SluiceError(
    'feature_unsupported',
    `the client character set \`${name}\` is not supported through the gateway`,
    {
      hint: 'use utf8mb4, utf8mb3, latin1 or ascii',
    },
  )
}

function notInside(): SluiceError {
  return new SluiceError(
    'feature_unsupported',
    '`use` and `kill` cannot be prepared or run inside of another statement',
    {
      hint: 'send them as they are',
    },
  )
}

function onItsOwn(what: string): SluiceError {
  return new SluiceError('feature_unsupported', `\`${what}\` must be the last statement of its text`, {
    hint: 'send it as a text of its own',
  })
}
