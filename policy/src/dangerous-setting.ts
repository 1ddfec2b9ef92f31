import type { Dialect } from '@sluice/domain'
import type { SettingChange } from '@sluice/parsers'

const POSTGRES: ReadonlySet<string> = new Set([
  'standard_conforming_strings',
  'client_encoding',
  'names',
  'backslash_quote',
])

const MYSQL_CHARACTER_SETS: ReadonlySet<string> = new Set(['utf8mb4', 'utf8mb3', 'utf8', 'latin1', 'ascii', 'binary'])

/** Would the change make the server read SQL text otherwise than the gateway does? */
export function isDangerousSetting(dialect: Dialect, change: SettingChange): boolean {
  const name = change.name.toLowerCase()
  const value = change.value?.toLowerCase()
  if (dialect === 'postgres') {
    if (name === 'client_encoding' || name === 'names')
      return value !== 'utf8' && value !== 'utf-8' && value !== 'unicode'
    if (name === 'standard_conforming_strings') return value !== 'on' && value !== 'true' && value !== '1'
    return POSTGRES.has(name)
  }
  if (
    name === 'character_set_client' ||
    name === 'names' ||
    name === 'character set' ||
    name === 'character_set_connection'
  )
    return value === undefined || !MYSQL_CHARACTER_SETS.has(value)
  return false
}
