import { SluiceError } from '@sluice/domain'
import type { Logger } from '@sluice/telemetry'
import type { Command } from 'commander'
import { configurationPath } from '../configured.js'
import { print } from '../print.js'

/** `sluice serve`: the gateway, until a signal ends it. */
export function addServe(program: Command): void {
  program
    .command('serve')
    .description('run the gateway; prints one line a listener, then `ready`')
    .addHelpText(
      'after',
      `
SIGTERM and SIGINT let sessions finish (limits.drain in the configuration); a second one ends them at once.
Logs are JSON lines on stderr; SLUICE_LOG sets their level (debug, info, warn, error).

Example:
  $ sluice serve --config /etc/sluice/sluice.yaml`,
    )
    .action(async (_options: unknown, command: Command) => {
      const { checkEverything } = await import('../check-everything.js')
      const { configuration, problems, credentialProblems } = await checkEverything(configurationPath(command))
      const { formatProblem } = await import('@sluice/config')
      if (!configuration || problems.length > 0) {
        throw new SluiceError('configuration_invalid', problems.map(formatProblem).join('\n'))
      }
      const { createLogger, createMetrics } = await import('@sluice/telemetry')
      const logger = createLogger()
      for (const { message } of credentialProblems) logger.warn(message)
      dieOnDefects(logger)
      const { startGateway } = await import('@sluice/proxy')
      const gateway = await startGateway(configuration, { logger, metrics: createMetrics() })
      for (const { protocol, address, port } of gateway.listeners) {
        print(`${protocol} on ${address.includes(':') ? `[${address}]` : address}:${port}`)
      }
      print('ready')
      const signal = await untilSignal()
      logger.info({ signal }, 'shutting down: sessions may finish')
      await gateway.close()
      logger.info('shut down')
      process.exit(0)
    })
}

/** The first signal asks; the second one does not wait. */
function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(1)
        asked = true
        resolve(signal)
      })
    }
  })
}

/**
 * A defect that nobody caught ends the process: its state is not known any more. Node's own report would print source lines
 * and the error with all that hangs on it; the logger leaves out what may be secret.
 */
function dieOnDefects(logger: Logger): void {
  const die = (error: unknown) => {
    logger.fatal({ error }, 'a defect in the gateway: it ends now')
    logger.flush(() => process.exit(1))
    setTimeout(() => process.exit(1), 500)
  }
  process.on('uncaughtException', die)
  process.on('unhandledRejection', die)
}
