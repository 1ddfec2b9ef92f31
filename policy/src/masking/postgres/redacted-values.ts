/**
 * The value that stands for a redacted one, for each type that has a harmless value of its own. A type that is not here
 * (arrays, ranges, composites, enums, domains' own types, what extensions add) becomes NULL, which is valid everywhere.
 *
 * | type                              | text                   | binary                                          |
 * | --------------------------------- | ---------------------- | ----------------------------------------------- |
 * | boolean                           | f                      | 1 byte 0                                        |
 * | int2, int4, int8, oid, xid, ...   | 0                      | 2, 4 or 8 bytes 0                               |
 * | float4, float8                    | 0                      | 4 or 8 bytes 0                                  |
 * | numeric                           | 0                      | ndigits, weight, sign, dscale: all 0            |
 * | money                             | $0.00                  | 8 bytes 0                                       |
 * | date                              | 1970-01-01             | -10957, days since 2000-01-01                   |
 * | timestamp, timestamptz            | 1970-01-01 00:00:00    | microseconds since 2000-01-01                   |
 * | time, timetz, interval            | 00:00:00               | 8, 12, 16 bytes 0                               |
 * | uuid                              | all 0                  | 16 bytes 0                                      |
 * | bytea                             | \x (empty)             | empty                                           |
 * | json, jsonb                       | "***"                  | the same, jsonb behind its version byte 1       |
 * | inet, cidr                        | 0.0.0.0                | family 2, bits 32, is_cidr, length 4, 4 bytes 0 |
 * | macaddr, macaddr8                 | 00:00:...              | 6 or 8 bytes 0                                  |
 * | pg_lsn                            | 0/0                    | 8 bytes 0                                       |
 * | varbit                            | (empty)                | bit count 0                                     |
 * | xml                               | ***                    | the same                                        |
 *
 * Source: the `*_send` and `*_recv` functions of src/backend/utils/adt, described nowhere else.
 */
export interface RedactedValue {
  readonly text: Buffer
  readonly binary: Buffer
}

const MICROSECONDS_1970 = -946_684_800_000_000n

/** Type OIDs, from pg_type.dat. */
export const OID = {
  bool: 16,
  bytea: 17,
  char: 18,
  name: 19,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  oid: 26,
  xid: 28,
  cid: 29,
  json: 114,
  xml: 142,
  cidr: 650,
  float4: 700,
  float8: 701,
  unknown: 705,
  macaddr8: 774,
  money: 790,
  macaddr: 829,
  inet: 869,
  bpchar: 1042,
  varchar: 1043,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
  interval: 1186,
  timetz: 1266,
  bit: 1560,
  varbit: 1562,
  numeric: 1700,
  uuid: 2950,
  pgLsn: 3220,
  jsonb: 3802,
  xid8: 5069,
} as const

export const REDACTED: ReadonlyMap<number, RedactedValue> = new Map([
  [OID.bool, value('f', Buffer.alloc(1))],
  [OID.int2, value('0', Buffer.alloc(2))],
  [OID.int4, value('0', Buffer.alloc(4))],
  [OID.int8, value('0', Buffer.alloc(8))],
  [OID.oid, value('0', Buffer.alloc(4))],
  [OID.xid, value('0', Buffer.alloc(4))],
  [OID.cid, value('0', Buffer.alloc(4))],
  [OID.xid8, value('0', Buffer.alloc(8))],
  [OID.float4, value('0', Buffer.alloc(4))],
  [OID.float8, value('0', Buffer.alloc(8))],
  [OID.numeric, value('0', Buffer.alloc(8))],
  [OID.money, value('$0.00', Buffer.alloc(8))],
  [OID.date, value('1970-01-01', int32(-10957))],
  [OID.timestamp, value('1970-01-01 00:00:00', int64(MICROSECONDS_1970))],
  [OID.timestamptz, value('1970-01-01 00:00:00+00', int64(MICROSECONDS_1970))],
  [OID.time, value('00:00:00', Buffer.alloc(8))],
  [OID.timetz, value('00:00:00+00', Buffer.alloc(12))],
  [OID.interval, value('00:00:00', Buffer.alloc(16))],
  [OID.uuid, value('00000000-0000-0000-0000-000000000000', Buffer.alloc(16))],
  [OID.bytea, value('\\x', Buffer.alloc(0))],
  [OID.json, value('"***"', Buffer.from('"***"'))],
  [OID.jsonb, value('"***"', Buffer.from('\x01"***"', 'latin1'))],
  [OID.inet, value('0.0.0.0', Buffer.of(2, 32, 0, 4, 0, 0, 0, 0))],
  [OID.cidr, value('0.0.0.0/32', Buffer.of(2, 32, 1, 4, 0, 0, 0, 0))],
  [OID.macaddr, value('00:00:00:00:00:00', Buffer.alloc(6))],
  [OID.macaddr8, value('00:00:00:00:00:00:00:00', Buffer.alloc(8))],
  [OID.pgLsn, value('0/0', Buffer.alloc(8))],
  [OID.varbit, value('', Buffer.alloc(4))],
  [OID.xml, value('***', Buffer.from('***'))],
])

function value(text: string, binary: Buffer): RedactedValue {
  return { text: Buffer.from(text, 'latin1'), binary }
}

function int32(number: number): Buffer {
  const out = Buffer.alloc(4)
  out.writeInt32BE(number)
  return out
}

function int64(number: bigint): Buffer {
  const out = Buffer.alloc(8)
  out.writeBigInt64BE(number)
  return out
}
