/** Bytes that break a protocol. The only thing that a decoder may throw. `message` names what was wrong, never the bytes. */
export class WireError extends Error {
  override readonly name = 'WireError'
}
