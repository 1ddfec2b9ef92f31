import type { Archive } from '@sluice/recorder'
import type { Command } from 'commander'
import { configurationOf } from './configured.js'

/** Opens the recordings that the configuration names, for as long as `use` runs. */
export async function withArchive(
  command: Command,
  use: (archive: Archive) => Promise<void>,
  { sealed = false }: { sealed?: boolean } = {},
): Promise<void> {
  const { recorder } = await configurationOf(command)
  const { store, sealKey } = recorder
  const location = store.kind === 'redis' ? { redis: store.url.reveal() } : { journal: store.directory }
  const { openArchive } = await import('@sluice/recorder')
  const archive = await openArchive(location, sealed ? { sealKey } : {})
  try {
    await use(archive)
  } finally {
    await archive.close()
  }
}
