import { type ErrorCode, SluiceError } from '@sluice/domain'

const WRONG_USAGE: ReadonlySet<ErrorCode> = new Set(['configuration_invalid', 'usage_invalid'])

/** Says on stderr what went wrong, a line for each problem, and returns the exit status that fits. */
export function printError(error: unknown): 1 | 2 {
  const message = error instanceof Error ? error.message : String(error)
  // Problems in a file begin with its place already, as editors and people want to find it.
  const lines = message.split('\n').map((line) => (/^\S+:\d+:\d+: /.test(line) ? line : `sluice: ${line}`))
  process.stderr.write(`${lines.join('\n')}\n`)
  return error instanceof SluiceError && WRONG_USAGE.has(error.code) ? 2 : 1
}
