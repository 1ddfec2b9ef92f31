import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'

/** `sluice demo`: a sample shop, the gateway in front of it, and a tour with a real client. */
export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('start a sample shop with the gateway in front of it, and take a tour')
    .option('--once', 'exit after the tour (the default where input is no terminal)')
    .action(async (options: { once?: true }) => {
      const stay = !options.once && process.stdin.isTTY === true
      const folder = await mkdtemp(join(tmpdir(), 'sluice-demo-'))
      const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
      try {
        const { takeTour } = await import('../demo/take-tour.js')
        await takeTour(folder, stay, undo)
      } finally {
        for (const step of undo.reverse()) await step()
      }
    })
}
