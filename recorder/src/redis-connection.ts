import { SluiceError } from '@sluice/domain'
import { Redis } from 'ioredis'

/**
 * A connection that keeps coming back, and on which a command fails at once while it is away: what to do then is the
 * caller's decision, so nothing is queued or sent again behind its back. Errors: `configuration_invalid`.
 */
export function connectRedis(url: string): Redis {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    throw new SluiceError('configuration_invalid', 'the address of Redis is not a URL like `redis://127.0.0.1:6379`')
  }
  if (parsed.protocol !== 'redis:' && parsed.protocol !== 'rediss:') {
    throw new SluiceError(
      'configuration_invalid',
      `the address of Redis begins with \`${parsed.protocol}\`, not redis: or rediss:`,
    )
  }
  const redis = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
    disconnectTimeout: 200,
    retryStrategy: (attempt) => Math.min(50 * attempt, 1_000),
    reconnectOnError: (error) => error.message.startsWith('READONLY'), // a replica now: the new primary is behind the name
  })
  redis.on('error', () => undefined) // the owner listens too; without any listener ioredis prints
  return redis
}
