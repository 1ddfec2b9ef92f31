import type { Configuration } from '@sluice/config'
import { listUsers } from '@sluice/identity'

/** The groups that the users file gives a user; none where it does not know the user. */
export async function groupsOf(configuration: Configuration, user: string): Promise<readonly string[]> {
  const users = await listUsers(configuration.identity.users)
  return users.find(({ name }) => name === user)?.groups ?? []
}
