import { SluiceError } from '@sluice/domain'
import { ByteReader, WireError } from '@sluice/wire'
import {
  CAPABILITY,
  decodeColumnCount,
  decodeErrPacket,
  hasCapability,
  LENENC_NULL,
  readLengthEncodedString,
} from '@sluice/wire/mysql'
import type { Channel } from '../channel.js'
import { asServerFault, PacketChannel } from './packet-channel.js'

/** No answer to a question of the gateway's own has a longer row than this. */
const ROW_LIMIT = 16 * 1024 * 1024 - 2
const COM_QUERY = 0x03
const LOCAL_INFILE = 0xfb
const MAX_EOF_BYTES = 8

/**
 * Asks a logged-in server a question of the gateway's own and returns the rows as text, null for NULL. `capabilities` are
 * those in force on the connection; left out, those of `logInForGateway`. Rejects with `upstream_refused` where the server
 * answers with an error, or with a wish for a file.
 */
export async function queryRows(channel: Channel, sql: string, capabilities = 0): Promise<(string | null)[][]> {
  const packets = new PacketChannel(channel, ROW_LIMIT)
  // Query attributes come before the text: none, in one set.
  const attributes = hasCapability(capabilities, CAPABILITY.queryAttributes) ? [0, 1] : []
  packets.write(Buffer.concat([Buffer.of(COM_QUERY, ...attributes), Buffer.from(sql, 'utf8')]))
  try {
    const first = await packets.read()
    if (first[0] === 0x00) return []
    if (first[0] === LOCAL_INFILE) throw new WireError('it asks for a file of the gateway')
    throwIfError(first)
    const columns = decodeColumnCount(first)
    for (let i = 0; i < columns; i++) await packets.read()
    const deprecateEof = hasCapability(capabilities, CAPABILITY.deprecateEof)
    if (!deprecateEof) await packets.read()
    return await readRows(packets, columns, deprecateEof)
  } catch (error) {
    throw asServerFault(error)
  }
}

async function readRows(packets: PacketChannel, columns: number, deprecateEof: boolean): Promise<(string | null)[][]> {
  const rows: (string | null)[][] = []
  for (;;) {
    const packet = await packets.read()
    throwIfError(packet)
    // A row may begin with 0xfe too, for a value of 16 MB and more, which is beyond our limit under DEPRECATE_EOF.
    if (packet[0] === 0xfe && (deprecateEof || packet.length <= MAX_EOF_BYTES)) return rows
    rows.push(readRow(packet, columns))
  }
}

function readRow(packet: Buffer, columns: number): (string | null)[] {
  const reader = new ByteReader(packet)
  const row: (string | null)[] = []
  for (let i = 0; i < columns; i++) {
    if (packet[reader.offset] === LENENC_NULL) {
      reader.skip(1)
      row.push(null)
    } else {
      row.push(readLengthEncodedString(reader).toString('utf8'))
    }
  }
  reader.finish()
  return row
}

function throwIfError(packet: Buffer): void {
  if (packet[0] !== 0xff) return
  const { errno, message } = decodeErrPacket(packet)
  throw new SluiceError(
    'upstream_refused',
    `the server refused a question of the gateway's own: ${message} (${errno})`,
    {
      clientMessage: 'the database refused a question of the gateway',
      hint: 'ask the operator of the gateway',
    },
  )
}
