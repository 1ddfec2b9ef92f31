import type { Socket } from 'node:net'
import type { SluiceError } from '@sluice/domain'
import type { Relay, RelayPorts, Side } from './relay.js'

/** Below this many bytes one copy is cheaper than a vectored write. */
const COPY_BELOW = 16 * 1024
/** How long a client may take to read its last words. */
const CLIENT_LINGER_MS = 5_000
/** How long a server may take to hang up. */
const SERVER_LINGER_MS = 500

export interface PipeOptions {
  readonly client: Socket
  readonly server: Socket
  /** What arrived during the login and belongs to the relay. */
  readonly clientLeftover: Buffer
  readonly serverLeftover: Buffer
  /** Makes the relay over these ports; called once, before any byte is fed. */
  readonly relay: (ports: RelayPorts) => Relay
  /** Bytes that may wait for a peer that is slow to read; then nothing more is read for it. */
  readonly queueBytes: number
  /** A relay threw, which is a defect of ours: told here, and the session is closed. */
  readonly onDefect: (error: unknown) => void
}

/**
 * Owns a session's two sockets and feeds a relay. A peer that stops reading stops the reading from the other one, and
 * only that one: memory stays flat. `done` resolves with the reason when both sockets are closed; it never rejects.
 */
export class Pipe {
  readonly done: Promise<string>
  readonly #client: Half
  readonly #server: Half
  readonly #relay: Relay
  readonly #onDefect: (error: unknown) => void
  #feeding = false
  #ended: string | undefined
  #closed!: (reason: string) => void

  constructor(options: PipeOptions) {
    this.done = new Promise((resolve) => {
      this.#closed = resolve
    })
    this.#client = new Half(options.client, options.queueBytes)
    this.#server = new Half(options.server, options.queueBytes)
    this.#relay = options.relay({
      toClient: (bytes) => this.#queue(this.#client, bytes),
      toServer: (bytes) => this.#queue(this.#server, bytes),
      hold: (side) => this.#half(side).setHeld(true),
      release: (side) => this.#half(side).setHeld(false),
      end: (reason) => this.#end(reason),
    })
    this.#onDefect = options.onDefect
    const fromClient = (chunk: Buffer) => this.#relay.fromClient(chunk)
    const fromServer = (chunk: Buffer) => this.#relay.fromServer(chunk)
    this.#wire(this.#client, this.#server, fromClient)
    this.#wire(this.#server, this.#client, fromServer)
    this.#client.onEnd = () => this.#feed(() => this.#relay.clientEnded(), undefined)
    this.#server.onEnd = () => this.#feed(() => this.#relay.serverEnded(), undefined)
    process.nextTick(() => {
      if (options.serverLeftover.length > 0) this.#feed(fromServer, options.serverLeftover)
      if (options.clientLeftover.length > 0) this.#feed(fromClient, options.clientLeftover)
      this.#client.start()
      this.#server.start()
    })
  }

  get idle(): boolean {
    return this.#relay.idle
  }

  /** Ends the session with an error for the client, in the protocol's form and at a place where it can be read. */
  terminate(error: SluiceError): void {
    this.#feed(() => this.#relay.terminate(error), undefined)
  }

  /** Closes both sockets at once. */
  destroy(reason: string): void {
    this.#ended ??= reason
    this.#client.socket.destroy()
    this.#server.socket.destroy()
  }

  #half(side: Side): Half {
    return side === 'client' ? this.#client : this.#server
  }

  #wire(from: Half, to: Half, feed: (chunk: Buffer) => void): void {
    const { socket } = from
    to.onDrained = () => from.setClogged(false)
    to.onClogged = () => from.setClogged(true)
    socket.on('data', (chunk: Buffer) => this.#feed(feed, chunk))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      from.ended()
      this.#end('connection closed')
      if (this.#client.socket.destroyed && this.#server.socket.destroyed) this.#closed(this.#ended ?? 'closed')
    })
  }

  #feed<T>(work: (input: T) => void, input: T): void {
    if (this.#ended !== undefined) return
    this.#feeding = true
    try {
      work(input)
    } catch (error) {
      this.#onDefect(error)
      this.destroy('internal error')
    }
    this.#feeding = false
    this.#client.flush()
    this.#server.flush()
  }

  #queue(half: Half, bytes: Buffer): void {
    half.queue(bytes)
    if (!this.#feeding) half.flush()
  }

  #end(reason: string): void {
    if (this.#ended !== undefined) return
    this.#ended = reason
    this.#client.close(CLIENT_LINGER_MS)
    this.#server.close(SERVER_LINGER_MS)
  }
}

/** One of the two sockets: what waits to be written, and why reading is paused. */
class Half {
  readonly socket: Socket
  onDrained: () => void = () => {}
  onClogged: () => void = () => {}
  onEnd: () => void = () => {}
  #waiting: Buffer[] = []
  #bytes = 0
  #held = false
  #clogged = false
  #over = false
  readonly #queueBytes: number

  constructor(socket: Socket, queueBytes: number) {
    this.socket = socket
    this.#queueBytes = Math.max(queueBytes, socket.writableHighWaterMark) // below it there is no drain to wait for
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 60_000)
    socket.on('drain', () => this.onDrained())
    socket.on('end', () => this.ended())
  }

  /** Begins to read; a socket that died during the hand-over reports its end again. */
  start(): void {
    if (this.socket.destroyed) this.socket.emit('close')
    else this.#read()
  }

  ended(): void {
    if (this.#over) return
    this.#over = true
    this.onEnd()
  }

  queue(bytes: Buffer): void {
    this.#waiting.push(bytes)
    this.#bytes += bytes.length
  }

  flush(): void {
    const waiting = this.#waiting
    if (waiting.length === 0) return
    const bytes = this.#bytes
    this.#waiting = []
    this.#bytes = 0
    const { socket } = this
    if (!socket.writable) return
    if (waiting.length === 1) socket.write(waiting[0]!)
    else if (bytes <= COPY_BELOW) socket.write(Buffer.concat(waiting, bytes))
    else {
      socket.cork()
      for (const part of waiting) socket.write(part)
      socket.uncork()
    }
    if (socket.writableLength > this.#queueBytes) this.onClogged()
  }

  setHeld(held: boolean): void {
    this.#held = held
    this.#read()
  }

  setClogged(clogged: boolean): void {
    this.#clogged = clogged
    this.#read()
  }

  close(linger: number): void {
    this.flush()
    const { socket } = this
    if (socket.destroyed) return
    socket.removeAllListeners('data')
    socket.resume() // what still comes is read and thrown away, so that our end is not reset before the peer has read it
    socket.end()
    setTimeout(() => socket.destroy(), linger).unref()
    socket.once('end', () => socket.destroySoon())
  }

  #read(): void {
    if (this.#held || this.#clogged) this.socket.pause()
    else this.socket.resume()
  }
}
