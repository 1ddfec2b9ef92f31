import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A MySQL client that says exactly what a test wants said: packets in, packets out, over a plain connection. */
export const COM = {
  query: 0x03,
  initDb: 0x02,
  fieldList: 0x04,
  ping: 0x0e,
  changeUser: 0x11,
  binlogDump: 0x12,
  registerSlave: 0x15,
  prepare: 0x16,
  execute: 0x17,
  sendLongData: 0x18,
  closeStatement: 0x19,
  fetch: 0x1c,
  binlogDumpGtid: 0x1e,
  resetConnection: 0x1f,
} as const

const LONG_PASSWORD = 0x1
const CONNECT_WITH_DB = 0x8
const PROTOCOL_41 = 0x200
const TRANSACTIONS = 0x2000
const SECURE_CONNECTION = 0x8000
const MULTI_RESULTS = 0x20000
const PLUGIN_AUTH = 0x80000
const SESSION_TRACK = 0x800000
const MOST = 0xffffff

export interface RawLogin {
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  readonly plugin?: 'mysql_native_password' | 'caching_sha2_password'
  readonly sessionTrack?: boolean
}

export interface ErrorPacket {
  readonly errno: number
  readonly message: string
}

export class RawMysql {
  readonly socket: Socket
  /** What the server sent between the login and its OK, by its first bytes: `fast`, `full`, `switch`. */
  readonly loginSteps: string[] = []
  #received = Buffer.alloc(0)
  #arrived: () => void = () => {}
  #closed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#arrived()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#closed = true
      this.#arrived()
    })
  }

  /** Connects and reads the greeting. */
  static async connect(port: number): Promise<{ client: RawMysql; nonce: Buffer }> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    const client = new RawMysql(socket)
    const greeting = await client.read()
    const afterVersion = greeting.indexOf(0, 1) + 1
    const nonce = Buffer.concat([
      greeting.subarray(afterVersion + 4, afterVersion + 12),
      greeting.subarray(afterVersion + 31, afterVersion + 43),
    ])
    return { client, nonce }
  }

  /** Logs in; rejects with the server's error. */
  static async login(login: RawLogin): Promise<RawMysql> {
    const { client, nonce } = await RawMysql.connect(login.port)
    const plugin = login.plugin ?? 'mysql_native_password'
    const answer = plugin === 'mysql_native_password' ? native(login.password, nonce) : sha2(login.password, nonce)
    const flags =
      LONG_PASSWORD | CONNECT_WITH_DB | PROTOCOL_41 | TRANSACTIONS | SECURE_CONNECTION | MULTI_RESULTS | PLUGIN_AUTH
    const head = Buffer.alloc(32)
    head.writeUInt32LE((flags | (login.sessionTrack ? SESSION_TRACK : 0)) >>> 0, 0)
    head.writeUInt32LE(MOST + 1, 4)
    head[8] = 45 // utf8mb4_general_ci
    client.write(
      Buffer.concat([
        head,
        Buffer.from(`${login.user}\0`),
        Buffer.of(answer.length),
        answer,
        Buffer.from(`${login.database}\0${plugin}\0`),
      ]),
      1,
    )
    for (;;) {
      const packet = await client.read()
      if (packet[0] === 0x00) return client
      if (packet[0] === 0xff) throw Object.assign(new Error('the login was refused'), errorOf(packet))
      client.loginSteps.push(packet[0] === 0xfe ? 'switch' : packet[1] === 3 ? 'fast' : 'full')
      if (packet[0] === 0xfe || packet[1] !== 3) return client
    }
  }

  /** Writes one packet. */
  write(payload: Buffer, sequence = 0): void {
    const header = Buffer.alloc(4)
    header.writeUIntLE(payload.length, 0, 3)
    header[3] = sequence
    this.socket.write(Buffer.concat([header, payload]))
  }

  /** Sends a command. */
  command(code: number, payload: Buffer | string = ''): void {
    this.write(Buffer.concat([Buffer.of(code), Buffer.from(payload)]))
  }

  /** The next packet's payload; rejects where the connection ends before it. */
  async read(): Promise<Buffer> {
    while (this.#received.length < 4 || this.#received.length < 4 + this.#received.readUIntLE(0, 3)) {
      if (this.#closed) throw new Error('the connection was closed')
      await new Promise<void>((resolve) => {
        this.#arrived = resolve
      })
    }
    const end = 4 + this.#received.readUIntLE(0, 3)
    const payload = this.#received.subarray(4, end)
    this.#received = this.#received.subarray(end)
    return payload
  }

  /** Reads up to and with the next EOF packet, or an error. */
  async readToEof(): Promise<Buffer[]> {
    const packets: Buffer[] = []
    for (;;) {
      const packet = await this.read()
      packets.push(packet)
      if (packet[0] === 0xff || (packet[0] === 0xfe && packet.length < 9)) return packets
    }
  }

  /** Sends a command that is answered with one packet, and gives that. */
  async ask(code: number, payload: Buffer | string = ''): Promise<Buffer> {
    this.command(code, payload)
    return this.read()
  }

  /** The error that a command is answered with. */
  async refusal(code: number, payload: Buffer | string = ''): Promise<ErrorPacket> {
    const packet = await this.ask(code, payload)
    if (packet[0] !== 0xff) throw new Error(`no error but a packet that begins with ${packet.toString('hex', 0, 16)}`)
    return errorOf(packet)
  }

  close(): void {
    this.socket.destroy()
  }
}

export function errorOf(packet: Buffer): ErrorPacket {
  return { errno: packet.readUInt16LE(1), message: packet.toString('utf8', packet[3] === 0x23 ? 9 : 3) }
}

/** Whether a packet is OK. */
export function isOk(packet: Buffer): boolean {
  return packet[0] === 0x00
}

/** A COM_STMT_EXECUTE without parameters. Flag 1 opens a read-only cursor. */
export function executeWithCursor(statement: Buffer): Buffer {
  return Buffer.concat([statement, Buffer.of(1, 1, 0, 0, 0)])
}

export function fetchRows(statement: Buffer, rows: number): Buffer {
  const count = Buffer.alloc(4)
  count.writeUInt32LE(rows)
  return Buffer.concat([statement, count])
}

function native(password: string, nonce: Buffer): Buffer {
  const once = digest('sha1', password)
  return xor(once, digest('sha1', nonce, digest('sha1', once)))
}

function sha2(password: string, nonce: Buffer): Buffer {
  const once = digest('sha256', password)
  return xor(once, digest('sha256', digest('sha256', once), nonce))
}

function digest(algorithm: string, ...parts: (string | Buffer)[]): Buffer {
  const hash = createHash(algorithm)
  for (const part of parts) hash.update(part)
  return hash.digest()
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, i) => byte ^ b[i]!))
}
