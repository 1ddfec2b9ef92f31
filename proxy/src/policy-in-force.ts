import { type Configuration, type FollowedFile, followFile } from '@sluice/config'
import { SluiceError } from '@sluice/domain'
import { loadPolicy, type Policy } from '@sluice/policy'
import type { Logger, Metrics } from '@sluice/telemetry'

/** The policy in force, followed in its file. */
export function followPolicy(
  configuration: Configuration,
  log: Logger,
  metrics: Metrics,
): Promise<FollowedFile<Policy>> {
  const parse = (text: string): Policy => {
    const loaded = loadPolicy(text, configuration.policy)
    if ('policy' in loaded) return loaded.policy
    const lines = loaded.problems.map((each) => `${each.line}:${each.column} ${each.message}`)
    throw new SluiceError('configuration_invalid', `policy \`${configuration.policy}\`: ${lines.join('; ')}`)
  }
  return followFile(
    configuration.policy,
    parse,
    () => {
      metrics.reloads.increment({ file: 'policy', result: 'ok' })
      log.info('the policy changed; live sessions follow it from their next statement')
    },
    (error) => {
      metrics.reloads.increment({ file: 'policy', result: 'failed' })
      log.error({ problem: error.message }, 'the policy file is not good; the last good one stays in force')
    },
  )
}
