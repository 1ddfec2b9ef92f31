import { followFile, type SluiceError } from '@sluice/domain'
import { createUserDirectory, type UserDirectory } from './user-directory.js'
import { parseUsers } from './users-file.js'

/**
 * The users of a file, followed: a change takes effect within a second; a broken file is handed to `onProblem` and the last
 * good users stay. Rejects with `configuration_invalid` where the file is not good from the start.
 */
export async function openUserDirectory(
  path: string,
  onProblem: (problem: SluiceError) => void,
  onChange: () => void = () => {},
): Promise<UserDirectory & { close(): void }> {
  const file = await followFile(
    path,
    parseUsers,
    (users) => {
      directory.replace(users.records)
      onChange()
    },
    onProblem,
  )
  const directory = createUserDirectory(file.current.records, file.current.decoyKey)
  return { ...directory, close: () => file.close() }
}
