import { SluiceError } from '@sluice/domain'
import { decodeErrorFields } from '@sluice/wire/postgres'
import { DatabaseError, serialize } from 'pg-protocol'
import type { BackendMessage, DataRowMessage } from 'pg-protocol/dist/messages.js'
import { Parser } from 'pg-protocol/dist/parser.js'
import type { Channel } from '../channel.js'

/** No answer to a question of the gateway's own is longer than this a message. */
const MESSAGE_LIMIT = 16 * 1024 * 1024
const ERROR_RESPONSE = 0x45 // 'E'
const NOTICE_RESPONSE = 0x4e // 'N'

/**
 * Asks a logged-in server a question of the gateway's own and returns the rows as text, null for NULL.
 * Rejects with `upstream_refused` where the server answers with an error or breaks the protocol.
 */
export async function queryRows(channel: Channel, sql: string): Promise<(string | null)[][]> {
  channel.write(serialize.query(sql))
  const parser = new Parser()
  const rows: (string | null)[][] = []
  let failure: string | undefined
  let ready = false
  const take = (message: BackendMessage) => {
    if (message instanceof DatabaseError) throw message // an unknown type of message
    if (message.name === 'dataRow') rows.push((message as DataRowMessage).fields as (string | null)[])
    else if (message.name === 'readyForQuery') ready = true
  }
  while (!ready) {
    const head = await channel.read(5)
    const length = head.readInt32BE(1)
    if (length < 4 || length > MESSAGE_LIMIT) throw refused('the server sent a message of an impossible length')
    const content = await channel.read(length - 4)
    try {
      // pg-protocol's parser never comes back from an error or notice without an end, so these do not reach it.
      if (head[0] === ERROR_RESPONSE) failure = decodeErrorFields(content).message
      else if (head[0] !== NOTICE_RESPONSE) parser.parse(Buffer.concat([head, content]), take)
    } catch (cause) {
      throw refused('the server sent a malformed message', cause)
    }
  }
  if (failure !== undefined) throw refused(`the server refused a question of the gateway's own: ${failure}`)
  return rows
}

function refused(message: string, cause?: unknown): SluiceError {
  return new SluiceError('upstream_refused', message, cause === undefined ? {} : { cause })
}
