import { CommanderError } from 'commander'
import { printError } from './print-error.js'
import { createProgram } from './program.js'

/** Runs one command. Resolves to the exit status: 0 done, 1 refused or failed, 2 wrong usage or configuration. */
export async function run(argv: readonly string[]): Promise<number> {
  // A reader that has seen enough (`| head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  try {
    await createProgram().parseAsync(argv)
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (!(error instanceof CommanderError)) return printError(error)
    const asked = error.code === 'commander.helpDisplayed' || error.code === 'commander.version'
    return asked ? 0 : 2
  }
}
