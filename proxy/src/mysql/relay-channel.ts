import { SluiceError } from '@sluice/domain'
import type { Channel, TlsFacts } from '../channel.js'

/** Bytes that a client may send to prove itself again. */
const MAX_BYTES = 64 * 1024

/**
 * A `Channel` over a session that is relayed already, for COM_CHANGE_USER: the login's own steps read what the client
 * sends until they are through. The relay pushes the bytes in, and takes back what was not read.
 */
export class RelayChannel implements Channel {
  readonly address: string
  readonly tls: TlsFacts | undefined
  readonly #write: (bytes: Buffer) => void
  #unread: Buffer = Buffer.alloc(0)
  #received = 0
  #closed: SluiceError | undefined
  #wake: (() => void) | undefined

  constructor(peer: { readonly address: string; readonly tls: TlsFacts | undefined }, write: (bytes: Buffer) => void) {
    this.address = peer.address
    this.tls = peer.tls
    this.#write = write
  }

  push(bytes: Buffer): void {
    this.#received += bytes.length
    if (this.#received > MAX_BYTES)
      this.close(new SluiceError('limit_exceeded', 'the client sent more than a login needs'))
    else this.#unread = Buffer.concat([this.#unread, bytes])
    this.#wake?.()
  }

  /** Whoever reads is told that there is no more. */
  close(error: SluiceError): void {
    this.#closed ??= error
    this.#wake?.()
  }

  /** What was not read. */
  take(): Buffer {
    const rest = this.#unread
    this.#unread = Buffer.alloc(0)
    return rest
  }

  async read(length: number): Promise<Buffer> {
    const bytes = await this.peek(length)
    this.#unread = this.#unread.subarray(length)
    return bytes
  }

  async peek(length: number): Promise<Buffer> {
    if (length > MAX_BYTES) throw new SluiceError('limit_exceeded', 'the client sent more than a login needs')
    while (this.#unread.length < length) {
      if (this.#closed) throw this.#closed
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#unread.subarray(0, length)
  }

  write(bytes: Buffer): void {
    if (this.#closed) throw this.#closed
    this.#write(bytes)
  }

  get buffered(): number {
    return this.#unread.length
  }

  startTlsAsServer(): Promise<void> {
    return Promise.reject(new SluiceError('internal', 'tls cannot be started in a session'))
  }

  startTlsAsClient(): Promise<void> {
    return this.startTlsAsServer()
  }
}
