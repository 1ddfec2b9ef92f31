import { SluiceError } from '@sluice/domain'
import type { Channel, TlsClientOptions, TlsFacts, TlsServerOptions } from './channel.js'

export interface MemoryChannelOptions {
  readonly address?: string
  /** Bytes that arrive at once; without it everything that is there has arrived. Splits what the peer sends. */
  readonly chunk?: number
  /** What TLS will have told when it is started; undefined: starting it fails. */
  readonly tls?: TlsFacts
}

/** One end of a connection in memory, for tests: a `Channel` whose peer is another one. `pair` makes both. */
export class MemoryChannel implements Channel {
  readonly address: string
  tls: TlsFacts | undefined
  /** Names of what happened besides bytes: `tls server`, `tls client`. */
  readonly log: string[] = []
  /** Everything that was written here. */
  written: Buffer = Buffer.alloc(0)
  readonly #options: MemoryChannelOptions
  #peer: MemoryChannel | undefined
  #coming: Buffer = Buffer.alloc(0)
  #arrived: Buffer = Buffer.alloc(0)
  #ended = false
  #wake: (() => void) | undefined

  constructor(options: MemoryChannelOptions = {}) {
    this.#options = options
    this.address = options.address ?? '192.0.2.1'
  }

  static pair(here: MemoryChannelOptions = {}, there: MemoryChannelOptions = {}): [MemoryChannel, MemoryChannel] {
    const [a, b] = [new MemoryChannel(here), new MemoryChannel(there)]
    a.#peer = b
    b.#peer = a
    return [a, b]
  }

  async read(length: number): Promise<Buffer> {
    const bytes = await this.peek(length)
    this.#arrived = this.#arrived.subarray(length)
    return bytes
  }

  async peek(length: number): Promise<Buffer> {
    while (this.#arrived.length < length) {
      const chunk = this.#options.chunk ?? this.#coming.length
      if (this.#coming.length > 0) {
        this.#arrived = Buffer.concat([this.#arrived, this.#coming.subarray(0, chunk)])
        this.#coming = this.#coming.subarray(chunk)
      } else if (this.#ended) {
        throw new SluiceError('protocol_violation', 'the peer closed the connection')
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
    return this.#arrived.subarray(0, length)
  }

  write(bytes: Buffer): void {
    this.written = Buffer.concat([this.written, bytes])
    this.#peer?.receive(bytes)
  }

  get buffered(): number {
    return this.#arrived.length + this.#coming.length
  }

  /** Bytes from the peer. */
  receive(bytes: Buffer): void {
    this.#coming = Buffer.concat([this.#coming, bytes])
    this.#wake?.()
  }

  /** The peer sends no more. */
  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  /** Closes the peer's reading side: nothing more will be written here. */
  close(): void {
    this.#peer?.end()
  }

  async startTlsAsServer(options: TlsServerOptions): Promise<void> {
    this.#startTls(`tls server ${(options.alpn ?? []).join(',')}`)
  }

  async startTlsAsClient(options: TlsClientOptions): Promise<void> {
    this.#startTls(`tls client ${options.mode}`)
  }

  #startTls(entry: string): void {
    if (!this.#options.tls) throw new SluiceError('protocol_violation', 'the tls handshake failed')
    this.log.push(entry.trim())
    this.tls = this.#options.tls
  }
}
