import type { SessionId } from '@sluice/domain'

/** Some lines of one session, chained and final: a batch is written as it is, however often that takes. */
export interface Batch {
  readonly id: SessionId
  /** Sequence number of the first line; with the id it names the batch, so that writing it twice does no harm. */
  readonly seq: number
  /** When the session started, in milliseconds since 1970. */
  readonly started: number
  /** Whole lines, each with its line feed. */
  readonly bytes: Buffer
  /** Nothing follows: the seal is in it. */
  readonly last: boolean
}

/** Called once a batch: kept, or why not. After an error the batch may be in the store or not; it must be written again. */
export type Settled<B extends Batch = Batch> = (batch: B, error: Error | undefined) => void

/** Where streams are kept. The caller hands in a session's batches one after the other, never two at a time. */
export interface Store {
  /** False while writing is known to fail: batches wait with the caller. */
  readonly ready: boolean
  /** Since when the store is not ready, in milliseconds since 1970; undefined while it is. */
  readonly awaySince: number | undefined
  /** Called when the store becomes ready again. */
  onReady: () => void
  /** Writes all of them together where the store can. Idempotent for a batch. Never throws. */
  write<B extends Batch>(batches: readonly B[], settled: Settled<B>): void
  /** Memory fills up behind this store: settle what is on its way, with an error if need be. */
  hurry(): void
  /** Puts aside, to be caught up at the next start, what could not be written before the end. Rejects where there is no such place. */
  salvage(batches: readonly Batch[]): Promise<void>
  close(): Promise<void>
}
