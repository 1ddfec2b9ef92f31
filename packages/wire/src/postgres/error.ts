import { ByteReader } from '../byte-reader.js'

/**
 * An error or notice as PostgreSQL words it (manual, "Error and Notice Message Fields"); fields that nobody here reads are
 * left out.
 */
export interface ErrorFields {
  /** `ERROR` ends the statement, `FATAL` the session; in a notice `WARNING`, `NOTICE`, ... */
  readonly severity: string
  /** SQLSTATE, five characters. */
  readonly code: string
  readonly message: string
  readonly detail?: string
  readonly hint?: string
  /** Where in the query's text, in characters from 1. */
  readonly position?: number
  /** What the server was doing: calls, statements inside functions, lines of COPY. Read, never written. */
  readonly where?: string
  /** The statement of the server's own making that failed. Read, never written. */
  readonly internalQuery?: string
}

/** Encodes a whole ErrorResponse, type byte and length included. NULs in the texts become spaces. */
export function encodeErrorResponse(fields: ErrorFields): Buffer {
  let body = field('S', fields.severity) + field('V', fields.severity) + field('C', fields.code)
  body += field('M', fields.message)
  if (fields.detail !== undefined) body += field('D', fields.detail)
  if (fields.hint !== undefined) body += field('H', fields.hint)
  if (fields.position !== undefined) body += field('P', String(fields.position))
  const length = 4 + Buffer.byteLength(body) + 1
  const message = Buffer.allocUnsafe(1 + length)
  message.writeUInt8(0x45, 0) // 'E'
  message.writeInt32BE(length, 1)
  message.write(body, 5)
  message.writeUInt8(0, length)
  return message
}

/**
 * Decodes the fields of an ErrorResponse or NoticeResponse; `[start, end)` is the message's content, after its length.
 * Throws `WireError`.
 */
export function decodeErrorFields(bytes: Buffer, start = 0, end = bytes.length): ErrorFields {
  const reader = new ByteReader(bytes, start, end)
  const texts = new Map<string, string>()
  for (let type = reader.uint8(); type !== 0; type = reader.uint8()) {
    texts.set(String.fromCharCode(type), reader.untilNul().toString('utf8'))
  }
  reader.finish()
  const position = Number(texts.get('P'))
  const detail = texts.get('D')
  const hint = texts.get('H')
  const where = texts.get('W')
  const internalQuery = texts.get('q')
  return {
    severity: texts.get('V') ?? texts.get('S') ?? 'ERROR',
    code: texts.get('C') ?? 'XX000',
    message: texts.get('M') ?? '',
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
    ...(position > 0 ? { position } : {}),
    ...(where === undefined ? {} : { where }),
    ...(internalQuery === undefined ? {} : { internalQuery }),
  }
}

function field(type: string, text: string): string {
  return `${type}${text.includes('\0') ? text.replaceAll('\0', ' ') : text}\0`
}
