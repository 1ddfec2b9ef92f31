import { SluiceError } from '@sluice/domain'
import { clientEncodingOf } from './character-set.js'
import { splitOptions } from './startup-options.js'

/** Settings that a client may bring along at startup, by lower-case name: none changes how SQL is read or who is asking. */
const ALLOWED: ReadonlyMap<string, string> = new Map(
  [
    'application_name',
    'client_encoding',
    'client_min_messages',
    'DateStyle',
    'default_transaction_deferrable',
    'default_transaction_isolation',
    'default_transaction_read_only',
    'extra_float_digits',
    'geqo',
    'idle_in_transaction_session_timeout',
    'idle_session_timeout',
    'IntervalStyle',
    'jit',
    'lock_timeout',
    'search_path',
    'statement_timeout',
    'TimeZone',
    'transaction_timeout',
  ].map((name) => [name.toLowerCase(), name]),
)

const PROTOCOL_OPTION_PREFIX = '_pq_.'
const TRUE = /^(on|t(r(u(e)?)?)?|y(e(s)?)?|1)$/i
const FALSE = /^(of(f)?|f(a(l(s(e)?)?)?)?|no?|0)$/i

/** What the startup parameters come to. */
export interface StartupParameters {
  readonly user: string
  readonly database: string
  /** Allowed settings by the server's spelling of their names, as they are to be sent upstream. */
  readonly settings: ReadonlyMap<string, string>
  /** Protocol options (`_pq_.*`), none of which is known here; the client is told. */
  readonly protocolOptions: readonly string[]
}

/**
 * Reads the parameters of a startup message as the server does (manual, "Message Formats", StartupMessage), by an allow-list.
 * Throws `feature_unsupported` for what may not pass and `authentication_failed` where no user is named.
 */
export function readStartupParameters(parameters: readonly (readonly [string, string])[]): StartupParameters {
  let user = ''
  let database = ''
  const options: (readonly [string, string])[] = []
  const direct: (readonly [string, string])[] = []
  const protocolOptions: string[] = []
  for (const [name, value] of parameters) {
    if (name === 'user') user = value
    else if (name === 'database') database = value
    else if (name === 'options') options.push(...splitOptions(value))
    else if (name === 'replication') refuseReplication(value)
    else if (name.startsWith(PROTOCOL_OPTION_PREFIX)) protocolOptions.push(name)
    else direct.push([name, value])
  }
  if (user === '') {
    throw new SluiceError('authentication_unsupported', 'no user name was sent', {
      hint: 'connect with the name of a user',
    })
  }
  const settings = new Map<string, string>()
  // The server applies `options` first, so that a parameter of its own wins over them.
  for (const [name, value] of [...options, ...direct]) addSetting(settings, name, value)
  return { user, database: database === '' ? user : database, settings, protocolOptions }
}

function addSetting(settings: Map<string, string>, name: string, value: string): void {
  const lower = name.toLowerCase()
  if (lower === 'standard_conforming_strings') {
    if (TRUE.test(value)) return
    throw new SluiceError('feature_unsupported', '`standard_conforming_strings` must stay on behind this gateway', {
      hint: "write escapes as E'...'",
    })
  }
  const spelling = ALLOWED.get(lower)
  if (spelling === undefined) {
    throw new SluiceError('feature_unsupported', `startup parameter \`${name}\` is not allowed by this gateway`, {
      hint: `remove it from the connection's settings; allowed are ${[...ALLOWED.values()].join(', ')}`,
    })
  }
  settings.set(spelling, spelling === 'client_encoding' ? clientEncodingOf(value) : value)
}

function refuseReplication(value: string): void {
  if (FALSE.test(value)) return
  throw new SluiceError('feature_unsupported', 'replication connections are not supported by this gateway', {
    hint: 'connect to the database server itself for replication',
  })
}
