/**
 * How long a message may be, by its type byte: the length field's highest value, 0 for types that do not exist. Checked
 * before anything else is done with a frame. The numbers are PostgreSQL's own (src/include/libpq/libpq.h).
 */
export type LengthLimits = Uint32Array

/** PQ_LARGE_MESSAGE_LIMIT: what carries SQL, parameters or data. */
const LARGE = 0x3ffffffe

/** PQ_SMALL_MESSAGE_LIMIT: everything else that a client sends. */
const SMALL = 10_000

/** Longest name of a statement or portal that the server tells apart, in bytes (NAMEDATALEN - 1). */
export const MAX_NAME_BYTES = 63

/** Messages of a logged-in client. */
export const COMMAND_LIMITS: LengthLimits = lengthLimits({ QPBFd: LARGE, DECHfSXc: SMALL })

/** Messages of the server after login. The server bounds only what it reads, so the large limit holds for most of its own. */
export const RESULT_LIMITS: LengthLimits = lengthLimits({ TDCENASdtGHWV: LARGE, '123Insc': 4, Z: 5 })

function lengthLimits(byTypes: Readonly<Record<string, number>>): LengthLimits {
  const limits = new Uint32Array(256)
  for (const [types, limit] of Object.entries(byTypes)) {
    for (const type of types) limits[type.charCodeAt(0)] = limit
  }
  return limits
}
