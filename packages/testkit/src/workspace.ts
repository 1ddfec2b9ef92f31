import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { atExit } from './at-exit.js'

/** The built `sluice` command. */
export const SLUICE = fileURLToPath(new URL('../../cli/dist/main.js', import.meta.url))

/** A private temporary folder that is removed when this process exits. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `sluice-${name}-`))
  atExit(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
