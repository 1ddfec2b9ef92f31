import { SluiceError } from '@sluice/domain'
import type { MysqlMode } from '@sluice/parsers'
import type { SessionChange } from '@sluice/wire/mysql'

/** Values of character_set_client in which quotes, backslashes and comments stand for themselves. */
const CHARACTER_SETS = new Set(['utf8mb4', 'utf8mb3', 'utf8', 'latin1', 'ascii'])

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

export function isSafeCharacterSet(name: string): boolean {
  return CHARACTER_SETS.has(name.replaceAll("'", '').toLowerCase())
}

export function unsafeCharacterSet(name: string): SluiceError {
  return new SluiceError(
    'feature_unsupported',
    `the client character set \`${name}\` is not supported through the gateway`,
    {
      hint: 'use utf8mb4, utf8mb3, latin1 or ascii',
    },
  )
}
