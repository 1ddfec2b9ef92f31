/** Reads a large result as fast as Node's sockets bring it: frames are counted, rows are not looked at. */
import type { Socket } from 'node:net'
import pg from 'pg'
import type { Route } from './route.js'
import type { Streamed } from './streamed.js'

/** A simple query: rows in text format, or a COPY out. */
export function textRequest(sql: string): Buffer {
  return message('Q', cString(sql))
}

/** Parse, Bind, Execute and Sync on unnamed statement and portal: all columns in binary format. */
export function binaryRequest(sql: string): Buffer {
  return Buffer.concat([
    message('P', Buffer.concat([cString(''), cString(sql), int16(0)])),
    message('B', Buffer.concat([cString(''), cString(''), int16(0), int16(0), int16(1), int16(1)])),
    message('E', Buffer.concat([cString(''), Buffer.alloc(4)])),
    message('S', Buffer.alloc(0)),
  ])
}

/** Logs in, then sends the request and reads up to ReadyForQuery. The time runs from the request. */
export async function streamPostgres(route: Route, request: Buffer): Promise<Streamed> {
  const { host, port, user, password, database } = route
  const client = new pg.Client({ host, port, user, password, database, ssl: false })
  client.on('error', () => {})
  await client.connect()
  const socket = (client as unknown as { connection: { stream: Socket } }).connection.stream
  socket.removeAllListeners('data') // pg's own reader, which makes objects of rows
  try {
    return await readResult(socket, request)
  } finally {
    socket.end(message('X', Buffer.alloc(0)))
  }
}

function readResult(socket: Socket, request: Buffer): Promise<Streamed> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const counter = new MessageCounter()
    socket.on('data', (chunk: Buffer) => {
      counter.feed(chunk)
      if (counter.failure !== undefined) reject(new Error(counter.failure))
      if (!counter.ready) return
      const { rows, firstRow } = counter
      resolve({ rows, firstRow, seconds: (performance.now() - started) / 1000 })
    })
    socket.on('close', () => reject(new Error('the connection was closed within the result')))
    socket.write(request)
  })
}

const [DATA_ROW, COPY_DATA, ERROR, READY] = Buffer.from('DdEZ') as unknown as [number, number, number, number]

class MessageCounter {
  rows = 0
  ready = false
  failure: string | undefined
  firstRow: Buffer = Buffer.alloc(0)
  /** A message header that is not whole yet. */
  #start: Buffer = Buffer.alloc(0)
  /** Bytes of the current message that are still to come. */
  #missing = 0

  feed(chunk: Buffer): void {
    const bytes = this.#start.length === 0 ? chunk : Buffer.concat([this.#start, chunk])
    let at = this.#missing
    while (at + 5 <= bytes.length) {
      const end = at + 1 + bytes.readInt32BE(at + 1)
      this.#count(bytes[at]!, bytes, at, end)
      at = end
    }
    this.#start = at < bytes.length ? bytes.subarray(at) : Buffer.alloc(0)
    this.#missing = Math.max(0, at - bytes.length)
  }

  #count(type: number, bytes: Buffer, at: number, end: number): void {
    if (type === DATA_ROW || type === COPY_DATA) {
      if (this.rows++ === 0) this.firstRow = Buffer.from(bytes.subarray(at, end))
    } else if (type === ERROR) {
      this.failure = bytes.toString('utf8', at + 5, end).replaceAll('\0', ' ')
    } else if (type === READY) {
      this.ready = true
    }
  }
}

function message(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5)
  header.write(type, 'latin1')
  header.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`)
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}
