import type { SluiceError } from '@sluice/domain'
import type { ErrPacket } from '@sluice/wire/mysql'
import { toErrPacket } from './error.js'

/** An errno and SQLSTATE of the server's, for what no code of ours says as well. */
export type ServerError = readonly [errno: number, sqlState: string]

export const UNKNOWN_COMMAND: ServerError = [1047, '08S01'] // ER_UNKNOWN_COM_ERROR
export const UNKNOWN_STATEMENT: ServerError = [1243, 'HY000'] // ER_UNKNOWN_STMT_HANDLER
export const NEEDS_PREPARING: ServerError = [1615, 'HY000'] // ER_NEED_REPREPARE
export const NO_CURSOR: ServerError = [1421, 'HY000'] // ER_STMT_HAS_NO_OPEN_CURSOR
export const UNKNOWN_THREAD: ServerError = [1094, 'HY000'] // ER_NO_SUCH_THREAD
export const MALFORMED: ServerError = [1835, 'HY000'] // ER_MALFORMED_PACKET

/** An answer in the place of the server's. */
export interface ErrorAnswer {
  readonly errno: number
  readonly sqlState: string
  readonly message: string
}

export function errorAnswer(error: SluiceError, as?: ServerError): ErrorAnswer {
  const { errno, sqlState, message } = toErrPacket(error)
  return { errno: as?.[0] ?? errno, sqlState: as?.[1] ?? sqlState ?? 'HY000', message }
}

/**
 * Classes of SQLSTATE whose texts show no value of a row: what is wrong with the statement, the transaction, the server.
 * Left out: data exceptions (22), integrity (23), SIGNAL (45), and HY000, which is anything, XPath's errors among it.
 */
const WITHOUT_VALUES: ReadonlySet<string> = new Set(['08', '0A', '25', '28', '34', '3D', '40', '42', '70', 'XA'])
/** Of HY000: ER_LOCK_WAIT_TIMEOUT, ER_OPTION_PREVENTS_STATEMENT, ER_QUERY_TIMEOUT, ER_RECORD_FILE_FULL. */
const ERRNOS_WITHOUT_VALUES: ReadonlySet<number> = new Set([1205, 1290, 3024, 1114])

/** May the client see the text of this error where the statement touches values that are masked from it? */
export function showsNoValues({ errno, sqlState }: ErrPacket): boolean {
  return ERRNOS_WITHOUT_VALUES.has(errno) || WITHOUT_VALUES.has(sqlState?.slice(0, 2) ?? '')
}

/** The server's error without its text: a conversion that fails says the value that it failed on. */
export function withheld({ errno, sqlState }: ErrPacket): ErrorAnswer {
  return { errno, sqlState: sqlState ?? 'HY000', message: WITHHELD }
}

export const WITHHELD =
  'the text of this message is withheld by the gateway; the statement touches masked columns, so it could show a value'
