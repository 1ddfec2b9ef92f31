import { plainOkPayload } from '@sluice/wire/mysql'
import type { Channel } from '../channel.js'
import type { MysqlHello } from './greet.js'
import type { MysqlUpstream } from './log-in.js'

/**
 * Tells the client that it is in. MySQL has no cancel keys: clients know the connection by its number, which the greeting
 * carried, so the key is not told.
 */
export function welcome(_channel: Channel, hello: MysqlHello, _upstream: MysqlUpstream, cancelKey: Buffer): Buffer {
  hello.packets.write(plainOkPayload(hello.status))
  return cancelKey
}
