import { SluiceError } from '@sluice/domain'
import { type DestinationStream, destination, type Logger, type LoggerOptions, pino } from 'pino'

export type { Logger } from 'pino'

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof LEVELS)[number]

/** Bytes of log that may wait for a slow reader of stderr; beyond it lines are dropped, and the gateway goes on. */
const WAITING_BYTES = 8 * 1024 * 1024

/**
 * Keys whose values never reach the log. `Secret` prints itself as `<secret>`; this is the second net, for a string that
 * somebody forgot to wrap.
 */
const HIDDEN_KEYS = ['password', 'secret', 'key', 'token', 'authorization', 'credential.password']

/** Is this the name of a level? */
export function isLogLevel(word: string): word is LogLevel {
  return (LEVELS as readonly string[]).includes(word)
}

/** Makes the log: a JSON object a line, on stderr if no destination is given. Level: `level`, else SLUICE_LOG, else `info`. */
export function createLogger({
  level = levelOf(process.env.SLUICE_LOG),
  destination: stream,
}: {
  level?: LogLevel
  destination?: DestinationStream
} = {}): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { error: describeError, err: describeError },
    redact: { paths: HIDDEN_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: '<secret>' },
  }
  // Written in the background, since a terminal that is stopped must not stop every session.
  return pino(options, stream ?? destination({ dest: 2, sync: false, maxLength: WAITING_BYTES }))
}

/** Only what is known to be harmless: libraries hang options and passwords on their errors. */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return typeof error === 'string' ? error : typeof error
  const { name, message, stack, cause } = error
  const { code, syscall } = error as { code?: unknown; syscall?: unknown }
  // A server's detail may quote the values of a row; ours does not.
  const detail = error instanceof SluiceError ? error.detail : undefined
  const deeper = cause === undefined || depth > 4 ? undefined : describeError(cause, depth + 1)
  return { name, code, message, detail, syscall, stack, cause: deeper }
}

function levelOf(word: string | undefined): LogLevel {
  return word !== undefined && isLogLevel(word) ? word : 'info'
}
