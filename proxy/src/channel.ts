import type { SecureContext } from 'node:tls'

/** What TLS told us of the peer. */
export interface TlsFacts {
  readonly protocol: string
  /** Hash of the certificate that the server end presented, for `tls-server-end-point` (RFC 5929). */
  readonly serverEndPoint: Buffer | undefined
  /** Common name of a client certificate that our client CA signed. */
  readonly clientCommonName: string | undefined
  /** The application protocol that both ends agreed on; undefined: none was negotiated. */
  readonly alpn?: string | undefined
}

export interface TlsServerOptions {
  readonly context: SecureContext
  readonly requestCertificate: boolean
  readonly alpn?: readonly string[]
}

export interface TlsClientOptions {
  readonly host: string
  /** `require` checks nothing, `verify-ca` the chain, `verify-full` chain and host name. */
  readonly mode: 'require' | 'verify-ca' | 'verify-full'
  readonly ca?: Buffer
  readonly alpn?: readonly string[]
}

/**
 * Bytes to and from one peer while a connection is made: what greets, authenticates and logs in reads and writes here.
 * A socket stands behind it in the gateway, arrays in tests. Once logged in, the relay takes the socket over.
 * Every method rejects or throws `SluiceError` when the peer is gone or the handshake took too long or too many bytes.
 */
export interface Channel {
  /** The peer's address, without port. */
  readonly address: string
  readonly tls: TlsFacts | undefined
  /** The next `length` bytes; the channel's cap on bytes before login bounds it. */
  read(length: number): Promise<Buffer>
  /** Like `read`, and the bytes stay. */
  peek(length: number): Promise<Buffer>
  write(bytes: Buffer): void
  /** Bytes that arrived and were not read: must be 0 before TLS starts, or somebody injected them. */
  readonly buffered: number
  startTlsAsServer(options: TlsServerOptions): Promise<void>
  startTlsAsClient(options: TlsClientOptions): Promise<void>
}
