import { SluiceError } from '@sluice/domain'
import { DatabaseError, serialize } from 'pg-protocol'
import type { BackendMessage, DataRowMessage } from 'pg-protocol/dist/messages.js'
import { Parser } from 'pg-protocol/dist/parser.js'
import type { Channel } from '../channel.js'

/** No answer to a question of the gateway's own is longer than this a message. */
const MESSAGE_LIMIT = 16 * 1024 * 1024

/**
 * Asks a logged-in server a question of the gateway's own and returns the rows as text, null for NULL.
 * Rejects with `upstream_refused` where the server answers with an error.
 */
export async function queryRows(channel: Channel, sql: string): Promise<(string | null)[][]> {
  channel.write(serialize.query(sql))
  const parser = new Parser()
  const rows: (string | null)[][] = []
  let failure: DatabaseError | undefined
  let ready = false
  const take = (message: BackendMessage) => {
    if (message instanceof DatabaseError) failure = message
    else if (message.name === 'dataRow') rows.push((message as DataRowMessage).fields as (string | null)[])
    else if (message.name === 'readyForQuery') ready = true
  }
  while (!ready) {
    const head = await channel.read(5)
    const length = head.readInt32BE(1)
    if (length < 4 || length > MESSAGE_LIMIT)
      throw new SluiceError('upstream_refused', 'the server sent a message of an impossible length')
    parser.parse(Buffer.concat([head, await channel.read(length - 4)]), take)
  }
  if (failure)
    throw new SluiceError('upstream_refused', `the server refused a question of the gateway's own: ${failure.message}`)
  return rows
}
