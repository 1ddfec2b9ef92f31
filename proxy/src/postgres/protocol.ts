import type { Protocol } from '../protocol.js'
import { authenticate } from './authenticate.js'
import { cancelUpstream } from './cancel.js'
import { greet, type PostgresHello } from './greet.js'
import { logIn, logInForGateway, type PostgresUpstream } from './log-in.js'
import { encodeLoginError } from './login-error.js'
import { createPostgresRelay } from './relay.js'
import { welcome } from './welcome.js'

/** PostgreSQL, as the life of a connection sees it. */
export const postgresProtocol: Protocol<PostgresHello, PostgresUpstream> = {
  dialect: 'postgres',
  greet,
  authenticate,
  logIn,
  logInForGateway,
  welcome,
  relay: createPostgresRelay,
  encodeLoginError,
  cancelUpstream,
}
