/** PostgreSQL's common types (pg_type.dat) by OID: the name, and the text of a binary value where it is easily told. */

/** Reads the `length` bytes at `start`; undefined: not a value of this type. */
type Reader = (bytes: Buffer, start: number, length: number) => string | undefined

interface KnownType {
  readonly name: string
  readonly read?: Reader
}

const text: Reader = (bytes, start, length) => bytes.toString('utf8', start, start + length)

function fixed(size: number, read: (bytes: Buffer, start: number) => string): Reader {
  return (bytes, start, length) => (length === size ? read(bytes, start) : undefined)
}

/** Seconds between 1970-01-01 and 2000-01-01, where PostgreSQL's time begins. */
const EPOCH_SECONDS = 946_684_800n
const MICROSECONDS = 1_000_000n
/** Years that a JavaScript date can tell: microseconds from PostgreSQL's epoch. */
const FARTHEST = 8_000_000_000_000n * MICROSECONDS

const TYPES: ReadonlyMap<number, KnownType> = new Map<number, KnownType>([
  [16, { name: 'boolean', read: fixed(1, (bytes, at) => (bytes[at] === 0 ? 'f' : 't')) }],
  [17, { name: 'bytea', read: (bytes, at, length) => `\\x${bytes.toString('hex', at, at + length)}` }],
  [18, { name: '"char"', read: text }],
  [19, { name: 'name', read: text }],
  [20, { name: 'bigint', read: fixed(8, (bytes, at) => String(bytes.readBigInt64BE(at))) }],
  [21, { name: 'smallint', read: fixed(2, (bytes, at) => String(bytes.readInt16BE(at))) }],
  [23, { name: 'integer', read: fixed(4, (bytes, at) => String(bytes.readInt32BE(at))) }],
  [25, { name: 'text', read: text }],
  [26, { name: 'oid', read: fixed(4, (bytes, at) => String(bytes.readUInt32BE(at))) }],
  [114, { name: 'json', read: text }],
  [142, { name: 'xml', read: text }],
  [700, { name: 'real', read: fixed(4, (bytes, at) => real(bytes.readFloatBE(at))) }],
  [701, { name: 'double precision', read: fixed(8, (bytes, at) => String(bytes.readDoubleBE(at))) }],
  [790, { name: 'money' }],
  [829, { name: 'macaddr' }],
  [869, { name: 'inet' }],
  [650, { name: 'cidr' }],
  [1000, { name: 'boolean[]' }],
  [1001, { name: 'bytea[]' }],
  [1005, { name: 'smallint[]' }],
  [1007, { name: 'integer[]' }],
  [1009, { name: 'text[]' }],
  [1015, { name: 'character varying[]' }],
  [1016, { name: 'bigint[]' }],
  [1022, { name: 'double precision[]' }],
  [1042, { name: 'character', read: text }],
  [1043, { name: 'character varying', read: text }],
  [1082, { name: 'date', read: fixed(4, (bytes, at) => date(bytes.readInt32BE(at))) }],
  [1083, { name: 'time', read: fixed(8, (bytes, at) => time(bytes.readBigInt64BE(at))) }],
  [1114, { name: 'timestamp', read: fixed(8, (bytes, at) => timestamp(bytes.readBigInt64BE(at), '')) }],
  [
    1184,
    { name: 'timestamp with time zone', read: fixed(8, (bytes, at) => timestamp(bytes.readBigInt64BE(at), '+00')) },
  ],
  [1186, { name: 'interval' }],
  [1266, { name: 'time with time zone' }],
  [1700, { name: 'numeric' }],
  [2249, { name: 'record' }],
  [2278, { name: 'void', read: text }],
  [2950, { name: 'uuid', read: fixed(16, uuid) }],
  [2951, { name: 'uuid[]' }],
  [3614, { name: 'tsvector' }],
  [3802, { name: 'jsonb', read: jsonb }],
])

/** The type's name as the manual has it, or `oid 12345`. */
export function typeName(oid: number): string {
  return TYPES.get(oid)?.name ?? (oid === 0 ? 'unknown' : `oid ${oid}`)
}

/** The text of a binary value; undefined where the type is not known here. */
export function binaryText(bytes: Buffer, start: number, length: number, oid: number): string | undefined {
  return TYPES.get(oid)?.read?.(bytes, start, length)
}

/** The shortest text that reads back as the same single-precision number. */
function real(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const shortest = Number(value.toPrecision(digits))
    if (Math.fround(shortest) === value) return String(shortest)
  }
  return String(value)
}

function date(days: number): string {
  if (days === 0x7fffffff) return 'infinity'
  if (days === -0x80000000) return '-infinity'
  return timestamp(BigInt(days) * 86_400n * MICROSECONDS, '').slice(0, -9)
}

function time(microseconds: bigint): string {
  const two = (part: bigint) => String(part % 60n).padStart(2, '0')
  const seconds = microseconds / MICROSECONDS
  const hours = String(seconds / 3600n).padStart(2, '0')
  return `${hours}:${two(seconds / 60n)}:${two(seconds)}${fraction(microseconds % MICROSECONDS)}`
}

function timestamp(microseconds: bigint, zone: string): string {
  if (microseconds === 0x7fffffffffffffffn) return 'infinity'
  if (microseconds === -0x8000000000000000n) return '-infinity'
  if (microseconds > FARTHEST || microseconds < -FARTHEST) return `${microseconds} microseconds from 2000-01-01`
  const rest = ((microseconds % MICROSECONDS) + MICROSECONDS) % MICROSECONDS
  const seconds = (microseconds - rest) / MICROSECONDS + EPOCH_SECONDS
  const iso = new Date(Number(seconds) * 1000).toISOString()
  return `${iso.slice(0, -5).replace('T', ' ')}${fraction(rest)}${zone}`
}

function fraction(microseconds: bigint): string {
  return microseconds === 0n ? '' : `.${String(microseconds).padStart(6, '0').replace(/0+$/, '')}`
}

function uuid(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** One byte of version, then the text. */
function jsonb(bytes: Buffer, start: number, length: number): string | undefined {
  return length > 0 && bytes[start] === 1 ? text(bytes, start + 1, length - 1) : undefined
}
