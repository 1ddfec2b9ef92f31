import { SluiceError } from '@sluice/domain'
import type { Channel } from '../channel.js'
import type { CharacterSet } from './character-set.js'
import { queryRows } from './query.js'

/** What decides how a server reads SQL, as it is in force once logged in. */
export interface ServerState {
  readonly serverVersion: string
  readonly connectionId: number
  /** Upper-case words. */
  readonly sqlMode: ReadonlySet<string>
  readonly lowerCaseTableNames: number
}

/** Variables whose changes the relay must learn of, from the manual of both servers: "session_track_system_variables". */
const TRACKED = ['character_set_client', 'character_set_connection', 'character_set_results', 'sql_mode']

const STATE = `select @@version, connection_id(), @@sql_mode, @@lower_case_table_names, @@session_track_system_variables,
@@character_set_client, @@character_set_connection, @@character_set_results`

/**
 * Pins the character set (servers may have their own mind: init_connect, character-set-client-handshake, a collation they
 * do not know), has the server report changes of what `TRACKED` names, and reads the state.
 */
export async function prepareSession(
  channel: Channel,
  characterSet: CharacterSet,
  capabilities: number,
): Promise<ServerState> {
  const [row] = await queryRows(channel, STATE, capabilities)
  const [version, connectionId, sqlMode, lowerCase, tracked, ...inForce] = row ?? []
  if (!version || !/^\d{1,15}$/.test(connectionId ?? '') || sqlMode == null || lowerCase == null) {
    throw new SluiceError('upstream_refused', 'the server does not tell its version, sql_mode or connection id', {
      clientMessage: 'the database is not set up as the gateway needs it',
      hint: 'ask the operator of the gateway',
    })
  }
  if (inForce.some((each) => canonical(each) !== characterSet)) {
    await queryRows(channel, `set names ${characterSet === 'utf8mb3' ? 'utf8' : characterSet}`, capabilities)
  }
  await queryRows(
    channel,
    `set session session_track_system_variables = '${trackedNames(tracked ?? '')}', session session_track_schema = 1`,
    capabilities,
  )
  return {
    serverVersion: version,
    connectionId: Number(connectionId),
    sqlMode: new Set(sqlMode.toUpperCase().split(',').filter(Boolean)),
    lowerCaseTableNames: Number(lowerCase),
  }
}

/** What the server tracks by its own configuration, and what the gateway needs; `*` is everything. */
function trackedNames(own: string): string {
  const names = own
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => /^[a-z0-9_]+$/.test(name))
  return own.includes('*') ? '*' : [...new Set([...names, ...TRACKED])].join(',')
}

function canonical(characterSet: string | null): string | null {
  return characterSet === 'utf8' ? 'utf8mb3' : characterSet
}
