import type { Socket } from 'node:net'
import { isIP } from 'node:net'
import { createSecureContext, type TLSSocket, TLSSocket as TlsSocket, connect as tlsConnect } from 'node:tls'
import { SluiceError } from '@sluice/domain'
import { certificateHash } from './certificate-hash.js'
import type { Channel, TlsClientOptions, TlsFacts, TlsServerOptions } from './channel.js'

export interface SocketChannelLimits {
  /** Milliseconds that the whole login may take. */
  readonly milliseconds: number
  /** Bytes that the peer may send until the relay takes over. */
  readonly bytes: number
}

interface Waiter {
  readonly length: number
  readonly resolve: () => void
  readonly reject: (error: SluiceError) => void
}

/** A `Channel` over a socket, with a cap on time and bytes. `release` hands the socket over to the relay. */
export class SocketChannel implements Channel {
  readonly address: string
  tls: TlsFacts | undefined
  #socket: Socket
  #unread: Buffer = Buffer.alloc(0)
  #received = 0
  #waiter: Waiter | undefined
  #failure: SluiceError | undefined
  readonly #limits: SocketChannelLimits
  readonly #peer: 'client' | 'server'
  readonly #deadline: NodeJS.Timeout

  constructor(socket: Socket, peer: 'client' | 'server', limits: SocketChannelLimits) {
    this.#socket = socket
    this.#peer = peer
    this.#limits = limits
    this.address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
    this.#deadline = setTimeout(() => this.#fail('took too long to log in'), limits.milliseconds)
    this.#deadline.unref()
    this.#listen()
  }

  /** The peer has done its part of the login in time; what is left is not for it to do. */
  stopClock(): void {
    clearTimeout(this.#deadline)
  }

  async read(length: number): Promise<Buffer> {
    const bytes = await this.peek(length)
    this.#unread = this.#unread.subarray(length)
    return bytes
  }

  async peek(length: number): Promise<Buffer> {
    if (length > this.#limits.bytes) throw this.#fail('sent more than a login needs')
    if (this.#unread.length < length) {
      if (this.#failure) throw this.#failure
      if (this.#waiter) throw new SluiceError('internal', 'two reads at once on one channel')
      await new Promise<void>((resolve, reject) => {
        this.#waiter = { length, resolve, reject }
        this.#onReadable()
      })
    }
    return this.#unread.subarray(0, length)
  }

  write(bytes: Buffer): void {
    if (this.#failure) throw this.#failure
    this.#socket.write(bytes)
  }

  get buffered(): number {
    return this.#unread.length + this.#socket.readableLength
  }

  async startTlsAsServer(options: TlsServerOptions): Promise<void> {
    const plain = this.#unlisten()
    const secure = new TlsSocket(plain, {
      isServer: true,
      secureContext: options.context,
      requestCert: options.requestCertificate,
      rejectUnauthorized: false, // an unknown certificate proves nothing, and the client may still have a password
      ...(options.alpn ? { ALPNProtocols: [...options.alpn] } : {}),
    })
    await this.#secured(secure, 'secure')
    const own = secure.getCertificate()
    const peer = options.requestCertificate && isVerified(secure) ? secure.getPeerCertificate() : undefined
    const commonName = peer?.subject?.CN
    this.tls = {
      protocol: secure.getProtocol() ?? '',
      serverEndPoint: own && 'raw' in own && own.raw ? certificateHash(own.raw as Buffer) : undefined,
      clientCommonName: typeof commonName === 'string' ? commonName : undefined,
      alpn: secure.alpnProtocol || undefined,
    }
  }

  async startTlsAsClient(options: TlsClientOptions): Promise<void> {
    const plain = this.#unlisten()
    const secure = tlsConnect({
      socket: plain,
      ...(isIP(options.host) ? {} : { servername: options.host }),
      host: options.host,
      rejectUnauthorized: options.mode !== 'require',
      ...(options.mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
      ...(options.alpn ? { ALPNProtocols: [...options.alpn] } : {}),
      secureContext: createSecureContext(options.ca ? { ca: options.ca } : {}),
    })
    await this.#secured(secure, 'secureConnect')
    const certificate = secure.getPeerCertificate()
    this.tls = {
      protocol: secure.getProtocol() ?? '',
      serverEndPoint: certificate?.raw ? certificateHash(certificate.raw) : undefined,
      clientCommonName: undefined,
    }
  }

  /** Ends the login: the socket, paused and without listeners, and what the peer sent beyond it. */
  release(): { socket: Socket; leftover: Buffer } {
    if (this.#failure) throw this.#failure
    clearTimeout(this.#deadline)
    const leftover = this.#unread
    this.#unread = Buffer.alloc(0)
    const socket = this.#stopListening()
    return { socket, leftover }
  }

  /** Flushes what was written, then closes. */
  end(): void {
    clearTimeout(this.#deadline)
    const socket = this.#socket
    if (socket.destroyed) return
    socket.end()
    socket.resume()
    setTimeout(() => socket.destroy(), 1000).unref()
  }

  destroy(): void {
    clearTimeout(this.#deadline)
    this.#socket.destroy()
  }

  #listen(): void {
    this.#socket.on('readable', this.#onReadable)
    this.#socket.on('end', this.#onEnd)
    this.#socket.on('close', this.#onEnd)
    this.#socket.on('error', this.#onError)
  }

  #stopListening(): Socket {
    const socket = this.#socket
    socket.off('readable', this.#onReadable)
    socket.off('end', this.#onEnd)
    socket.off('close', this.#onEnd)
    socket.off('error', this.#onError)
    return socket
  }

  /** Takes the plain socket away for TLS; bytes that were read ahead (a ClientHello) go back into it. */
  #unlisten(): Socket {
    if (this.#failure) throw this.#failure
    const socket = this.#stopListening()
    socket.on('error', () => {}) // TLS reports it
    if (this.#unread.length > 0) socket.unshift(this.#unread)
    this.#unread = Buffer.alloc(0)
    return socket
  }

  async #secured(secure: TLSSocket, event: 'secure' | 'secureConnect'): Promise<void> {
    this.#socket = secure
    try {
      await new Promise<void>((resolve, reject) => {
        secure.once(event, resolve)
        secure.once('error', reject)
        secure.once('close', () => reject(new Error('connection closed during the tls handshake')))
      })
    } catch (cause) {
      throw this.#fail(`failed the tls handshake: ${(cause as Error).message}`)
    }
    secure.removeAllListeners('error')
    secure.removeAllListeners('close')
    this.#listen()
  }

  readonly #onReadable = (): void => {
    // Bytes that nobody asked for stay in the socket, so that a peer cannot make us keep them.
    if (!this.#waiter) return
    let chunk: Buffer | null
    while (this.#unread.length < this.#waiter.length && (chunk = this.#socket.read() as Buffer | null) !== null) {
      this.#received += chunk.length
      if (this.#received > this.#limits.bytes) {
        this.#fail('sent more than a login needs')
        return
      }
      this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk])
    }
    if (this.#unread.length < this.#waiter.length) return
    const waiter = this.#waiter
    this.#waiter = undefined
    waiter.resolve()
  }

  readonly #onEnd = (): void => {
    this.#onReadable() // the last bytes may have come with the end
    if (this.#waiter || this.#socket.readableLength === 0) this.#fail('closed the connection during the login')
  }

  readonly #onError = (error: Error): void => {
    this.#fail(`broke the connection: ${error.message}`)
  }

  #fail(what: string): SluiceError {
    if (!this.#failure) {
      const code = this.#peer === 'client' ? 'protocol_violation' : 'upstream_unreachable'
      const clientMessage = this.#peer === 'client' ? `the client ${what}` : 'the database cannot be reached'
      const hint = this.#peer === 'client' ? undefined : 'try again; if it stays so, ask the operator of the gateway'
      this.#failure = new SluiceError(code, `the ${this.#peer} ${what}`, {
        clientMessage,
        ...(hint ? { hint } : {}),
      })
      const waiter = this.#waiter
      this.#waiter = undefined
      waiter?.reject(this.#failure)
    }
    return this.#failure
  }
}

/** Did our client CA sign the peer's certificate? `authorized` says so only where a `tls.Server` made the socket. */
function isVerified(secure: TLSSocket): boolean {
  const handle = (secure as unknown as { _handle?: { verifyError?: () => Error | null | undefined } })._handle
  return typeof handle?.verifyError === 'function' && !handle.verifyError()
}
