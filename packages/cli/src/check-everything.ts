import { readFile } from 'node:fs/promises'
import { type CheckedConfiguration, type Configuration, checkConfiguration, type Problem } from '@sluice/config'
import { parseUsers } from '@sluice/identity'
import { loadPolicy } from '@sluice/policy'
import { openVault } from '@sluice/vault'

export interface Checked {
  readonly configuration: Configuration | undefined
  /** With one of these the gateway does not start. */
  readonly problems: readonly Problem[]
  /** With these it does, and refuses the sessions that they concern. */
  readonly credentialProblems: readonly Problem[]
  /** Of what is good. */
  readonly counts: { readonly databases: number; readonly rules: number; readonly users: number }
}

/** Checks the configuration and everything that it names, and gathers all problems. Needs no server. */
export async function checkEverything(path: string): Promise<Checked> {
  const { configuration, problems: found, locate } = await checkConfiguration(path)
  const problems = [...found]
  const counts = { databases: 0, rules: 0, users: 0 }
  if (!configuration) return { configuration, problems, credentialProblems: [], counts }
  counts.databases = Object.keys(configuration.databases).length

  const policy = await textOf(configuration.policy)
  const loaded = policy === undefined ? undefined : loadPolicy(policy, configuration.policy)
  if (loaded && 'policy' in loaded) counts.rules = loaded.policy.rules.length
  else problems.push(...(loaded?.problems ?? []))

  const users = await textOf(configuration.identity.users)
  try {
    counts.users = users === undefined ? 0 : parseUsers(users).records.length
  } catch (error) {
    problems.push({ file: configuration.identity.users, line: 1, column: 1, message: (error as Error).message })
  }
  // Without the vault itself, which has been told, no credential can be had.
  const vaultIsThere = !found.some(({ message }) => message.startsWith('`vault'))
  const credentialProblems = vaultIsThere ? await checkCredentials(configuration, locate) : []
  return { configuration, problems, credentialProblems, counts }
}

/** What is not there has been told by `checkConfiguration`. */
function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}

async function checkCredentials(
  configuration: Configuration,
  locate: CheckedConfiguration['locate'],
): Promise<Problem[]> {
  const vault = openVault(configuration.vault)
  const problems: Problem[] = []
  for (const { name, credential } of Object.values(configuration.databases)) {
    try {
      await (await vault.lease(credential)).release()
    } catch (error) {
      problems.push(locate(['databases', name, 'credential'], `cannot be used: ${(error as Error).message}`))
    }
  }
  return problems
}
