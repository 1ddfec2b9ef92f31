/** Files of ours that hold secrets or verifiers: who may read them, and how they are replaced as a whole. */
import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { SluiceError } from './error.js'

const LOCK_WAIT = 5_000
const LOCK_STALE = 15_000

/** Why a file with these permission bits is not private, or undefined where it is. Windows has no such bits. */
export function notPrivate(path: string, mode: number): string | undefined {
  if (process.platform === 'win32' || (mode & 0o077) === 0) return undefined
  const bits = (mode & 0o777).toString(8).padStart(4, '0')
  return `\`${path}\` can be read or changed by others (mode ${bits}): run \`chmod 600 ${path}\``
}

/** The text of a file, or undefined where there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Changes a file in one step, readable by its owner alone: `change` gets the text (undefined: no file yet) and returns the
 * new one. Readers see the old file or the new one, and of two changes at once none is lost.
 */
export async function updatePrivateFile(
  path: string,
  change: (text: string | undefined) => string | Promise<string>,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const unlock = await lock(`${path}.lock`)
  try {
    const text = await readIfThere(path)
    // Through a symbolic link the file behind it is replaced, not the link.
    const target = text === undefined ? path : await realpath(path)
    await replace(target, await change(text))
  } finally {
    await unlock()
  }
}

async function replace(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`)
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

async function lock(path: string): Promise<() => Promise<void>> {
  const deadline = Date.now() + LOCK_WAIT
  for (;;) {
    try {
      await (await open(path, 'wx', 0o600)).close()
      return () => rm(path, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const age = await stat(path).then(
      (found) => Date.now() - found.mtimeMs,
      () => 0,
    )
    if (age > LOCK_STALE) await rm(path, { force: true })
    else if (Date.now() > deadline) {
      throw new SluiceError('internal', `\`${path}\` is held by another process: try again, or remove it`)
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
