import type { Configuration } from '@sluice/config'
import type { Command } from 'commander'

/** The file named by `--config`, else by SLUICE_CONFIG, else `sluice.yaml` in the working directory. */
export function configurationPath(command: Command): string {
  return command.optsWithGlobals<{ config?: string }>().config ?? process.env.SLUICE_CONFIG ?? 'sluice.yaml'
}

/** The configuration that a command works with. Rejects with `configuration_invalid`. */
export async function configurationOf(command: Command): Promise<Configuration> {
  const { loadConfiguration } = await import('@sluice/config')
  return loadConfiguration(configurationPath(command))
}
