import { OID } from './redacted-values.js'

/** Encodes the text of a `fixed` mask as a value of a type; undefined where the type does not take it. */
export function fixedValue(value: string, typeOid: number, format: 0 | 1): Buffer | undefined {
  switch (typeOid) {
    case OID.int2:
      return integer(value, 2, format)
    case OID.int4:
      return integer(value, 4, format)
    case OID.int8:
      return integer(value, 8, format)
    case OID.float4:
      return float(value, 4, format)
    case OID.float8:
      return float(value, 8, format)
    case OID.numeric:
      return numeric(value, format)
    case OID.bool:
      if (value !== 'true' && value !== 'false') return undefined
      return format === 0 ? Buffer.from(value.charAt(0)) : Buffer.of(value === 'true' ? 1 : 0)
    case OID.date:
      return date(value, format)
    case OID.uuid:
      if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) return undefined
      return format === 0 ? Buffer.from(value.toLowerCase()) : Buffer.from(value.replaceAll('-', ''), 'hex')
    case OID.bytea:
      return format === 0 ? Buffer.from(`\\x${Buffer.from(value).toString('hex')}`) : Buffer.from(value)
    case OID.json:
      return Buffer.from(JSON.stringify(value))
    case OID.jsonb:
      return Buffer.from(`${format === 0 ? '' : '\x01'}${JSON.stringify(value)}`)
    case OID.xml: // control characters are not XML, markup might not be
      return /^[^<&\p{C}]*$/u.test(value) && !value.includes(']]>') ? Buffer.from(value) : undefined
    default:
      return undefined
  }
}

function integer(value: string, bytes: 2 | 4 | 8, format: 0 | 1): Buffer | undefined {
  if (!/^-?\d{1,19}$/.test(value)) return undefined
  const number = BigInt(value)
  if (BigInt.asIntN(bytes * 8, number) !== number) return undefined
  if (format === 0) return Buffer.from(number.toString())
  const out = Buffer.alloc(8)
  out.writeBigInt64BE(number)
  return out.subarray(8 - bytes)
}

function float(value: string, bytes: 4 | 8, format: 0 | 1): Buffer | undefined {
  if (!/^-?\d{1,15}(\.\d{1,15})?$/.test(value)) return undefined
  if (format === 0) return Buffer.from(value)
  const out = Buffer.alloc(bytes)
  if (bytes === 4) out.writeFloatBE(Number(value))
  else out.writeDoubleBE(Number(value))
  return out
}

const BASE_DIGITS = 4
const NEGATIVE = 0x4000

/** ndigits, weight, sign, dscale, then digits to the base 10000; `weight` is the power of the first (numeric_send). */
function numeric(value: string, format: 0 | 1): Buffer | undefined {
  const found = /^(-?)(\d{1,100})(?:\.(\d{1,100}))?$/.exec(value)
  if (found === null) return undefined
  if (format === 0) return Buffer.from(value)
  const [, sign, whole = '', fraction = ''] = found
  const left = whole.padStart(Math.ceil(whole.length / BASE_DIGITS) * BASE_DIGITS, '0')
  const right = fraction.padEnd(Math.ceil(fraction.length / BASE_DIGITS) * BASE_DIGITS, '0')
  const digits = (`${left}${right}`.match(/\d{4}/g) ?? []).map(Number)
  let weight = left.length / BASE_DIGITS - 1
  while (digits[0] === 0) {
    digits.shift()
    weight--
  }
  while (digits.at(-1) === 0) digits.pop()
  const out = Buffer.alloc(8 + digits.length * 2)
  out.writeInt16BE(digits.length, 0)
  out.writeInt16BE(digits.length === 0 ? 0 : weight, 2)
  out.writeUInt16BE(sign === '-' && digits.length > 0 ? NEGATIVE : 0, 4)
  out.writeInt16BE(fraction.length, 6)
  digits.forEach((digit, i) => {
    out.writeInt16BE(digit, 8 + i * 2)
  })
  return out
}

const DAY = 86_400_000
const DAYS_2000 = Date.UTC(2000, 0, 1) / DAY

function date(value: string, format: 0 | 1): Buffer | undefined {
  const found = /^(\d{4})-(\d{2})-(\d{2})$/.exec(value)
  if (found === null || value < '0100') return undefined
  const time = Date.UTC(Number(found[1]), Number(found[2]) - 1, Number(found[3]))
  if (new Date(time).toISOString().slice(0, 10) !== value) return undefined
  if (format === 0) return Buffer.from(value)
  const out = Buffer.alloc(4)
  out.writeInt32BE(time / DAY - DAYS_2000)
  return out
}
