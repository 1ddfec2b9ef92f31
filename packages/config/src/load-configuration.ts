import { SluiceError } from '@sluice/domain'
import { checkConfiguration } from './check-configuration.js'
import type { Configuration } from './configuration.js'
import { formatProblem } from './problem.js'

/**
 * Reads sluice.yaml. Rejects with `configuration_invalid`, all problems in the message, one a line. The files that it names
 * are not looked at, since commands create some of them; `checkConfiguration` does that.
 */
export async function loadConfiguration(path: string): Promise<Configuration> {
  const { configuration, problems } = await checkConfiguration(path, { files: false })
  if (configuration === undefined || problems.length > 0) {
    throw new SluiceError('configuration_invalid', problems.map(formatProblem).join('\n'))
  }
  return configuration
}
