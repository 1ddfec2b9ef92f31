import type { SessionId } from '@sluice/domain'
import type { SessionEvent } from './events.js'

/** Keeps sessions. One a gateway process. */
export interface Recorder {
  /** Begins a session's stream with its first event. Rejects with `recorder_unavailable` where `strict` cannot keep it. */
  begin(id: SessionId, started: SessionEvent & { type: 'session-started' }): Promise<SessionRecord>
  /** Writes out everything and closes the store. */
  close(): Promise<void>
}

/** One session's stream, open. */
export interface SessionRecord {
  readonly id: SessionId
  /**
   * Appends an event, in order. With durability `strict`, returns a promise that resolves when the store has acknowledged the
   * event and all before it, and rejects with `recorder_unavailable` where it cannot in time; with `relaxed`, undefined, save
   * when neither store nor disk keep up and memory is full: then as with `strict`.
   * A rejected event is not part of the record; the next ones are chained to the last that was kept. The one exception: an
   * event that was sent and never answered stays, followed by an `error` event with the code `recorder_unavailable`.
   */
  append(event: SessionEvent): Promise<void> | undefined
  /** Appends without asking for an answer: outcomes, which come after the fact. Kept in order with the others. */
  note(event: SessionEvent): void
  /** Appends `session-ended` and seals the stream. Never rejects. */
  end(reason: string): Promise<void>
}
