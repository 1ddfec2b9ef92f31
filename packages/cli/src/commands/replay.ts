import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { SluiceError } from '@sluice/domain'
import type { Command } from 'commander'
import { withArchive } from '../archive.js'
import { createTranscript } from '../transcript.js'

/** Nobody wants to watch a session that slept for an hour sleep for an hour. */
const LONGEST_PAUSE = 3_000

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
    .option('--json', 'for programs: one event a line, as it is stored')
    .addHelpText('after', '\nExample:\n  $ sluice replay 1hdw3k2c0-7q2m4x9z --speed 4')
    .action(async (session: string, options: Options, command: Command) => {
      const speed = speedOf(options)
      const render = createTranscript()
      await withArchive(command, async (archive) => {
        let last: number | undefined
        for await (const { seq, previous, hash, event } of archive.events(session)) {
          const wait = last === undefined ? 0 : Math.min((event.at - last) / speed, LONGEST_PAUSE)
          if (wait >= 1) await pause(wait)
          last = event.at
          const text = options.json ? `${JSON.stringify({ seq, ...event, previous, hash })}\n` : render(event)
          if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain')
        }
      })
    })
}

function speedOf({ speed, instant, json }: Options): number {
  if (speed === undefined) return instant || json || !process.stdout.isTTY ? Number.POSITIVE_INFINITY : 1
  if (instant) throw new SluiceError('usage_invalid', 'choose one of `--speed` and `--instant`')
  const times = Number(speed)
  if (times > 0 && Number.isFinite(times)) return times
  throw new SluiceError('usage_invalid', `\`${speed}\` is not a speed: use a number such as 4 or 0.5`)
}
