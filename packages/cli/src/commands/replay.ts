import { once } from 'node:events'
import { SluiceError } from '@sluice/domain'
import type { Command } from 'commander'
import { withArchive } from '../archive.js'

interface Options {
  readonly speed?: string
  readonly instant?: true
  readonly json?: true
}

/** `sluice replay`: a recorded session again, at the pace that it had. */
export function addReplay(program: Command): void {
  program
    .command('replay <session>')
    .description('show a recorded session as it went')
    .option('--speed <times>', 'so many times as fast; pauses are at most 3 s (default: 1 on a terminal)')
    .option('--instant', 'without pauses (the default where the output is no terminal)')
    .option('--json', 'for programs: one event a line, with its place in the chain')
    .addHelpText('after', '\nExample:\n  $ sluice replay 1hdw3k2c0-7q2m4x9z --speed 4')
    .action(async (session: string, options: Options, command: Command) => {
      const speed = speedOf(options)
      await withArchive(command, async (archive) => {
        const events = archive.events(session)
        if (options.json) {
          for await (const { seq, previous, hash, event } of events) {
            await write(`${JSON.stringify({ seq, ...event, previous, hash })}\n`)
          }
          return
        }
        const { replay } = await import('@sluice/recorder')
        const { isTTY, columns = 100 } = process.stdout
        await replay(events, { speed, columns, color: isTTY === true && !process.env.NO_COLOR }, write)
      })
    })
}

/** Waits where the reader is slower than the record. */
async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain')
}

function speedOf({ speed, instant }: Options): number | 'instant' {
  if (speed === undefined) return instant || !process.stdout.isTTY ? 'instant' : 1
  if (instant) throw new SluiceError('usage_invalid', 'choose one of `--speed` and `--instant`')
  const times = Number(speed)
  if (times > 0 && Number.isFinite(times)) return times
  throw new SluiceError('usage_invalid', `\`${speed}\` is not a speed: use a number such as 4 or 0.5`)
}
