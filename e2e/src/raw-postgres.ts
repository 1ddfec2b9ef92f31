import type { Socket } from 'node:net'
import pg from 'pg'

/** A PostgreSQL client that says exactly what a test wants said: messages in, messages out. `pg` logs it in. */
export interface RawMessage {
  /** The type byte as a character: `Z` for ReadyForQuery. */
  readonly type: string
  readonly body: Buffer
}

export class RawPostgres {
  readonly #socket: Socket
  readonly #client: pg.Client
  readonly messages: RawMessage[] = []
  closed = false
  #left = Buffer.alloc(0)
  #arrived: () => void = () => {}

  static async connect(options: pg.ClientConfig): Promise<RawPostgres> {
    const client = new pg.Client(options)
    client.on('error', () => {})
    await client.connect()
    return new RawPostgres(client)
  }

  private constructor(client: pg.Client) {
    this.#client = client
    this.#socket = (client as unknown as { connection: { stream: Socket } }).connection.stream
    // What comes is read here, and no longer by the driver.
    this.#socket.removeAllListeners('data')
    this.#socket.on('data', (chunk: Buffer) => {
      this.#left = Buffer.concat([this.#left, chunk])
      while (this.#left.length >= 5) {
        const end = 1 + this.#left.readUInt32BE(1)
        if (this.#left.length < end) break
        this.messages.push({ type: String.fromCharCode(this.#left[0]!), body: this.#left.subarray(5, end) })
        this.#left = this.#left.subarray(end)
      }
      this.#arrived()
    })
    this.#socket.on('close', () => {
      this.closed = true
      this.#arrived()
    })
  }

  send(...messages: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(messages))
  }

  /** Sends one byte after the other, each in a packet of its own as far as the system lets it. */
  async sendByteByByte(...messages: readonly Buffer[]): Promise<void> {
    this.#socket.setNoDelay(true)
    for (const byte of Buffer.concat(messages)) {
      this.#socket.write(Buffer.from([byte]))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Waits until that many ReadyForQuery have come since the last call, or the connection is closed; what came by then. */
  async ready(count = 1, milliseconds = 10_000): Promise<RawMessage[]> {
    return this.until((messages) => messages.filter(({ type }) => type === 'Z').length >= count, milliseconds)
  }

  async until(enough: (messages: readonly RawMessage[]) => boolean, milliseconds = 10_000): Promise<RawMessage[]> {
    const deadline = Date.now() + milliseconds
    while (!this.closed && !enough(this.messages)) {
      if (Date.now() > deadline) throw new Error(`only \`${typesOf(this.messages)}\` came in time`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50)
        this.#arrived = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return this.messages.splice(0)
  }

  end(): void {
    this.#socket.destroy()
    this.#client.end().catch(() => {})
  }
}

/** `1` ParseComplete, `2` BindComplete, `T` RowDescription, `D` DataRow, `C` CommandComplete, `E` ErrorResponse, `Z`. */
export function typesOf(messages: readonly RawMessage[]): string {
  return messages.map(({ type }) => type).join('')
}

/** Everything that the messages say, for a search. */
export function textOf(messages: readonly RawMessage[]): string {
  return messages.map(({ body }) => body.toString('latin1')).join('\n')
}

/** SQLSTATEs of the errors, in order. */
export function errorsOf(messages: readonly RawMessage[]): string[] {
  return messages
    .filter(({ type }) => type === 'E')
    .map(({ body }) => /(?:^|\0)C([0-9A-Z]{5})\0/.exec(body.toString('latin1'))?.[1] ?? '?')
}

export function message(type: string, ...content: readonly (string | Buffer | number)[]): Buffer {
  const body = Buffer.concat(
    content.map((part) => {
      if (typeof part === 'number') return int16(part)
      return typeof part === 'string' ? Buffer.from(`${part}\0`) : part
    }),
  )
  const header = Buffer.alloc(5)
  header.write(type, 0, 'latin1')
  header.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

export const query = (sql: string) => message('Q', sql)
export const parse = (name: string, sql: string) => message('P', name, sql, 0)
/** Without parameters; result formats: none (text) or one for all columns. */
export const bind = (portal: string, statement: string, format?: 0 | 1) =>
  format === undefined ? message('B', portal, statement, 0, 0, 0) : message('B', portal, statement, 0, 0, 1, format)
export const describeStatement = (name: string) => message('D', Buffer.from('S'), name)
export const describePortal = (name: string) => message('D', Buffer.from('P'), name)
export const execute = (portal: string, rows = 0) => message('E', portal, int32(rows))
export const closeStatement = (name: string) => message('C', Buffer.from('S'), name)
export const closePortal = (name: string) => message('C', Buffer.from('P'), name)
export const sync = message('S')
export const flush = message('H')
