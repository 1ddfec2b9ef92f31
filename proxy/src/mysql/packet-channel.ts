import { SluiceError } from '@sluice/domain'
import { WireError } from '@sluice/wire'
import { framePacket, HEADER_BYTES } from '@sluice/wire/mysql'
import type { Channel } from '../channel.js'

/** No packet of a login is longer: 64 KiB of connection attributes and a little besides. */
export const LOGIN_PACKET_LIMIT = 68 * 1024

/**
 * Packets over a channel, one at a time, with their sequence ids: for the login and for the gateway's own questions.
 * A login needs no packet of more than `limit` bytes; a longer one is a `WireError` before it is read.
 */
export class PacketChannel {
  readonly #channel: Channel
  readonly #limit: number
  #next = 0

  /** `first`: the sequence id to go on with, where packets went before. */
  constructor(channel: Channel, limit: number, first = 0) {
    this.#channel = channel
    this.#limit = limit
    this.#next = first
  }

  /** The sequence id of the next packet, whoever sends it. */
  get sequence(): number {
    return this.#next
  }

  /** A new command begins: ids count from 0 again. */
  restart(): void {
    this.#next = 0
  }

  /** The next packet's payload. Rejects with `WireError` where it is out of order or too long. */
  async read(): Promise<Buffer> {
    const header = await this.#channel.read(HEADER_BYTES)
    const length = header.readUIntLE(0, 3)
    if (header[3] !== this.#next) throw new WireError(`packet ${header[3]} where ${this.#next} was due`)
    if (length > this.#limit)
      throw new WireError(`packet of ${length} bytes, longer than the ${this.#limit} allowed here`)
    this.#next = (this.#next + 1) & 0xff
    return length === 0 ? Buffer.alloc(0) : this.#channel.read(length)
  }

  write(payload: Buffer): void {
    this.#channel.write(Buffer.concat(framePacket(payload, this.#next)))
    this.#next = (this.#next + 1) & 0xff
  }
}

/** Bytes that break the protocol as the client's fault; other errors as they are. */
export function asClientFault(error: unknown): unknown {
  if (!(error instanceof WireError)) return error
  return new SluiceError('protocol_violation', `the client broke the protocol: ${error.message}`, { cause: error })
}

/** Bytes that break the protocol as the server's fault; other errors as they are. What it sent stays in the log. */
export function asServerFault(error: unknown): unknown {
  if (!(error instanceof WireError)) return error
  return new SluiceError('upstream_refused', `the server broke the protocol: ${error.message}`, {
    clientMessage: 'the database server does not speak the protocol as it should',
    hint: 'ask the operator of the gateway',
    cause: error,
  })
}
