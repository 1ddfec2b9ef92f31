/** A file whose content takes effect while the program runs: the policy and the users. */
import { readFile, stat } from 'node:fs/promises'
import { SluiceError } from './error.js'

const POLL = 250
/** A file that changed is read when it has been still for one such pause, so that half of it is not taken for all. */
const SETTLE = 100
/** Not even a file that is written all the time waits longer. */
const SETTLE_AT_MOST = 500
/** Two writes so close may carry the same time; content younger than this is read again. */
const CLOCK_GRAIN = 2_000

export interface FollowedFile<T> {
  /** What the last good content said. */
  readonly current: T
  close(): void
}

/**
 * Reads and parses a file, and again within a second of every change, all or nothing: what cannot be read or parsed is handed
 * to `onProblem`, once, and the last good value stays. Follows the path, not the inode: renames and swapped symbolic links
 * (editors, Kubernetes) are changes like any other. Rejects where the first content is not good.
 */
export async function followFile<T>(
  path: string,
  parse: (text: string) => T,
  onChange: (value: T) => void,
  onProblem: (problem: SluiceError) => void,
): Promise<FollowedFile<T>> {
  let seen = await look(path)
  let text = await content(path)
  let current = parsed(text)
  let problem: string | undefined
  let unsettledSince: number | undefined
  let timer: NodeJS.Timeout | undefined
  let closed = false

  function parsed(from: string): T {
    try {
      return parse(from)
    } catch (error) {
      throw error instanceof SluiceError ? error : unreadable(path, error)
    }
  }

  function report(error: SluiceError): void {
    if (problem === error.message) return
    problem = error.message
    onProblem(error)
  }

  async function poll(): Promise<number> {
    const now = await look(path)
    const changed = now.mark !== seen.mark
    seen = now
    if (changed) {
      unsettledSince ??= Date.now()
      if (Date.now() - unsettledSince < SETTLE_AT_MOST) return SETTLE
    }
    const due =
      unsettledSince !== undefined || Math.abs(Date.now() - now.modified) < CLOCK_GRAIN || problem !== undefined
    if (!due) return POLL
    unsettledSince = undefined
    const fresh = await content(path)
    if (closed) return POLL
    if (fresh === text && problem === undefined) return POLL
    const value = fresh === text ? current : parsed(fresh)
    if (fresh !== text) {
      onChange(value)
      text = fresh
      current = value
    }
    problem = undefined
    return POLL
  }

  function schedule(delay: number): void {
    timer = setTimeout(async () => {
      let next = POLL
      try {
        next = await poll()
      } catch (error) {
        unsettledSince = undefined
        if (!closed) report(error instanceof SluiceError ? error : unreadable(path, error))
      }
      if (!closed) schedule(next)
    }, delay)
    timer.unref()
  }

  schedule(POLL)
  return {
    get current() {
      return current
    },
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}

async function look(path: string): Promise<{ mark: string; modified: number }> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return { mark: `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`, modified: Number(mtimeNs / 1_000_000n) }
  } catch (error) {
    return { mark: `${(error as NodeJS.ErrnoException).code}`, modified: 0 }
  }
}

async function content(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): SluiceError {
  const { code } = error as NodeJS.ErrnoException
  const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? (error as Error).message})`
  return new SluiceError('configuration_invalid', `\`${path}\` ${why}`, { cause: error })
}
