export { FORMAT_VERSION, type RecordedValue, type SessionEvent } from './events.js'
export type { Recorder, SessionRecord } from './recorder.js'
