import type { Dialect } from '@sluice/domain'
import type { SettingChange } from './facts.js'

/**
 * Why a change of a setting must not reach the server whatever the policy says: after it the server would read other SQL
 * than the gateway, or no longer tell the gateway how it reads. Undefined: nothing against it.
 */
export function dangerousSetting(dialect: Dialect, change: SettingChange): string | undefined {
  const rule = RULES[dialect][change.name.toLowerCase()]
  if (!rule) return undefined
  const value = change.value?.toLowerCase().replace(/[\s_-]/g, '')
  if (value === undefined ? rule.followed : rule.safe.includes(value)) return undefined
  return `\`${change.name}\` ${rule.reason}`
}

interface Rule {
  /** Values that change nothing, in lower case without spaces, dashes and underscores. */
  readonly safe: readonly string[]
  /** The server reports the new value before the next statement, and an unsafe one ends the session: dumps set it from a variable. */
  readonly followed?: true
  readonly reason: string
}

/** PostgreSQL (Character Set Support, 24.3): server encodings are safe, client-only ones hide quotes in second bytes. */
const POSTGRES_ENCODING: Rule = {
  safe: ['utf8', 'unicode'],
  reason: 'must stay utf8 through the gateway, which could not read statements otherwise',
}

const MYSQL_CHARSET: Rule = {
  safe: ['utf8', 'utf8mb3', 'utf8mb4', 'latin1', 'ascii'],
  followed: true,
  reason: 'must stay utf8mb4, utf8mb3, latin1 or ascii through the gateway, which could not read statements otherwise',
}

const TRACKING: Rule = {
  safe: [],
  reason: 'is what the gateway follows the session by and cannot be changed through it',
}

const RULES: Record<Dialect, Readonly<Record<string, Rule>>> = {
  postgres: {
    client_encoding: POSTGRES_ENCODING,
    names: POSTGRES_ENCODING,
    standard_conforming_strings: {
      safe: ['on', 'true', 'yes', '1', 't', 'y', 'tr', 'tru', 'ye'],
      reason: 'must stay on through the gateway, which could not read statements otherwise',
    },
  },
  mysql: {
    character_set_client: MYSQL_CHARSET,
    session_track_system_variables: TRACKING,
    session_track_schema: { ...TRACKING, safe: ['on', '1'] },
    session_track_state_change: { ...TRACKING, safe: ['on', '1'] },
  },
}
