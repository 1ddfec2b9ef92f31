/** The sibling of `postgres-stream.ts` for MySQL and MariaDB: packets are counted, rows are not looked at. */
import type { Socket } from 'node:net'
import { createConnection } from 'mysql2'
import type { Route } from './route.js'
import type { Streamed } from './streamed.js'

/** Logs in, then sends the query and reads its only result in the text protocol. The time runs from the query. */
export async function streamMysql(route: Route, sql: string): Promise<Streamed> {
  const { host, port, user, password, database } = route
  const connection = createConnection({ host, port, user, password, database, flags: ['-DEPRECATE_EOF'] })
  connection.on('error', () => {})
  await new Promise<void>((resolve, reject) => connection.connect((error) => (error ? reject(error) : resolve())))
  const { stream: socket } = connection as unknown as { stream: Socket }
  socket.removeAllListeners('data') // mysql2's own reader, which makes objects of rows
  try {
    return await readResult(socket, sql)
  } finally {
    socket.end(packet(Buffer.from([0x01])))
  }
}

function readResult(socket: Socket, sql: string): Promise<Streamed> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const counter = new PacketCounter()
    socket.on('data', (chunk: Buffer) => {
      counter.feed(chunk)
      if (counter.failure !== undefined) reject(new Error(counter.failure))
      if (!counter.ready) return
      const { rows, firstRow } = counter
      resolve({ rows, firstRow, seconds: (performance.now() - started) / 1000 })
    })
    socket.on('close', () => reject(new Error('the connection was closed within the result')))
    socket.write(packet(Buffer.concat([Buffer.from([0x03]), Buffer.from(sql)])))
  })
}

class PacketCounter {
  rows = 0
  ready = false
  failure: string | undefined
  firstRow: Buffer = Buffer.alloc(0)
  /** EOF packets seen: one ends the columns, the next one the rows. */
  #ends = 0
  #start: Buffer = Buffer.alloc(0)
  #missing = 0

  feed(chunk: Buffer): void {
    const bytes = this.#start.length === 0 ? chunk : Buffer.concat([this.#start, chunk])
    let at = this.#missing
    while (at + 5 <= bytes.length) {
      const end = at + 4 + bytes.readUIntLE(at, 3)
      this.#count(bytes[at + 4]!, bytes, at, end)
      at = end
    }
    this.#start = at < bytes.length ? bytes.subarray(at) : Buffer.alloc(0)
    this.#missing = Math.max(0, at - bytes.length)
  }

  #count(first: number, bytes: Buffer, at: number, end: number): void {
    if (first === 0xff) {
      this.failure = bytes.toString('utf8', at + 7, end)
    } else if (first === 0xfe && end - at < 13) {
      this.ready = ++this.#ends === 2
    } else if (this.#ends === 1 && this.rows++ === 0) {
      this.firstRow = Buffer.from(bytes.subarray(at, end))
    }
  }
}

/** A command, the first packet of its exchange. */
function packet(body: Buffer): Buffer {
  const header = Buffer.alloc(4)
  header.writeUIntLE(body.length, 0, 3)
  return Buffer.concat([header, body])
}
