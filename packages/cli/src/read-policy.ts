import { readFile } from 'node:fs/promises'
import { type Configuration, formatProblem } from '@sluice/config'
import { SluiceError } from '@sluice/domain'
import { loadPolicy, type Policy } from '@sluice/policy'

/** The policy that the configuration names. Rejects with `configuration_invalid`, all problems in the message. */
export async function readPolicy(configuration: Configuration): Promise<Policy> {
  const loaded = loadPolicy(await readText(configuration.policy), configuration.policy)
  if ('policy' in loaded) return loaded.policy
  throw new SluiceError('configuration_invalid', loaded.problems.map(formatProblem).join('\n'))
}

/** A file that somebody named. Rejects with `configuration_invalid` where it cannot be read. */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`
    throw new SluiceError('configuration_invalid', `\`${path}\` ${why}`)
  }
}
