import { Secret, SluiceError } from '@sluice/domain'
import { expect, test } from 'vitest'
import { createLogger, type LogLevel } from './logger.js'

function logged(write: (logger: ReturnType<typeof createLogger>) => void, level: LogLevel = 'trace'): string {
  let text = ''
  write(createLogger({ level, destination: { write: (line) => void (text += line) } }))
  return text
}

test('a line is one JSON object with time, level and message', () => {
  const line = JSON.parse(
    logged((logger) => logger.child({ session: 's1' }).info({ database: 'shop' }, 'session started')),
  )
  expect(line).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    session: 's1',
    database: 'shop',
    msg: 'session started',
  })
})

test('a secret is not in the log, wrapped or not, in an error or a level down', () => {
  const text = logged((logger) => {
    const cause = Object.assign(new Error('refused'), { config: { password: 'hunter2' } })
    const error = new SluiceError('upstream_refused', 'the server did not take our login', { cause })
    logger.trace(
      { password: 'hunter2', lease: { password: 'hunter2', key: 'hunter2' }, value: new Secret('hunter2') },
      'x',
    )
    logger.error({ error, target: { credential: { password: 'hunter2' } } })
    logger.info(new Secret('hunter2') as object)
    logger.info('%s %j %o', new Secret('hunter2'), { a: new Secret('hunter2') }, new Secret('hunter2'))
  })
  expect(text).not.toContain('hunter2')
  expect(text).toContain('"password":"<secret>"')
})

test('an error is logged with its code and its cause', () => {
  const cause = new Error('connect ECONNREFUSED')
  const text = logged((logger) =>
    logger.warn({ error: new SluiceError('upstream_unreachable', 'no answer', { cause }) }),
  )
  expect(JSON.parse(text).error).toMatchObject({
    name: 'SluiceError',
    code: 'upstream_unreachable',
    message: 'no answer',
    cause: { message: 'connect ECONNREFUSED' },
  })
})

test('what is below the level is left out', () => {
  expect(logged((logger) => logger.debug('x'), 'info')).toBe('')
})
