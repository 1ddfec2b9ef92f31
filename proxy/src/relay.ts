import type { SluiceError } from '@sluice/domain'

export type Side = 'client' | 'server'

/** What a relay may do, handed in by the pipe that owns the sockets. None of these calls back into the relay. */
export interface RelayPorts {
  /** Queues bytes; those of one chunk leave in one write. The buffer must not be changed afterwards. */
  toClient(bytes: Buffer): void
  toServer(bytes: Buffer): void
  /** Stops and resumes reading from a side while the relay waits (for a decision, the record, the catalog). */
  hold(side: Side): void
  release(side: Side): void
  /** The session is over: what was queued for the client is flushed, then both sides are closed. */
  end(reason: string): void
}

/**
 * A session's data path: a state machine fed whole chunks, without I/O of its own. Chunks may be cut anywhere. The relay
 * may keep slices of a chunk; nobody writes into it. What arrives while a side is held is kept and worked off in order.
 * Nothing throws: a frame that breaks the protocol ends the session through the ports, with an error for the client.
 */
export interface Relay {
  fromClient(chunk: Buffer): void
  fromServer(chunk: Buffer): void
  /** The side closed its end; the relay decides what is still owed and calls `end`. */
  clientEnded(): void
  serverEnded(): void
  /** Nothing is in flight and no transaction is open. */
  readonly idle: boolean
  /** Ends the session with an error in the protocol's own form, at the next place where the client can read one. */
  terminate(error: SluiceError): void
}
