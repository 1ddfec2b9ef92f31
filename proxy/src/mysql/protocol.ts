import type { Protocol } from '../protocol.js'
import { authenticate } from './authenticate.js'
import { cancelUpstream } from './cancel.js'
import { greet, type MysqlHello } from './greet.js'
import { logIn, logInForGateway, type MysqlUpstream } from './log-in.js'
import { encodeLoginError } from './login-error.js'
import { createMysqlRelay } from './relay.js'
import { welcome } from './welcome.js'

/** MySQL and MariaDB, as the life of a connection sees them. */
export const mysqlProtocol: Protocol<MysqlHello, MysqlUpstream> = {
  dialect: 'mysql',
  greet,
  authenticate,
  logIn,
  logInForGateway,
  welcome,
  relay: createMysqlRelay,
  encodeLoginError,
  cancelUpstream,
}
