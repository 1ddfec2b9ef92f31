/** Sizes (`64MB`), durations (`10m`) and addresses (`db.internal:5432`) as people write them. */
import { isIPv6 } from 'node:net'
import type { Address } from './configuration.js'

// As in PostgreSQL's configuration, the multiplier for memory is 1024, not 1000.
const SIZES: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 }
const DURATIONS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Bytes of `64MB`, `64 kB` or `1024`; undefined where it is no size. */
export function parseSize(raw: unknown): number | undefined {
  if (typeof raw === 'number') return Number.isSafeInteger(raw) && raw >= 0 ? raw : undefined
  return amount(raw, SIZES)
}

/** Milliseconds of `10m`, `1.5h` or `500ms`; undefined where it is no duration. A unit is needed. */
export function parseDuration(raw: unknown): number | undefined {
  return amount(raw, DURATIONS)
}

function amount(raw: unknown, units: Readonly<Record<string, number>>): number | undefined {
  const parts = typeof raw === 'string' ? /^(\d{1,12}(?:\.\d{1,6})?) ?([a-z]{1,2})$/i.exec(raw.trim()) : null
  const unit = parts && units[parts[2]!.toLowerCase()]
  if (!parts || unit === undefined || unit === null) return undefined
  return Math.round(Number(parts[1]) * unit)
}

/**
 * `host:port`, `[::1]:6432`, or one of the two where the other has a default. A bare number is a port.
 * Undefined where it is no address.
 */
export function parseAddress(raw: unknown, defaults: { host?: string; port?: number }): Address | undefined {
  const text = typeof raw === 'number' ? String(raw) : raw
  if (typeof text !== 'string') return undefined
  const parts = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9](?:[a-z0-9._-]*[a-z0-9])?))?(?::(\d{1,5}))?$/i.exec(text)
  if (!parts) return undefined
  let host = parts[1] ?? parts[2]
  let port = parts[3] === undefined ? undefined : Number(parts[3])
  if (parts[1] !== undefined && !isIPv6(parts[1])) return undefined
  if (host !== undefined && port === undefined && /^\d+$/.test(host) && defaults.host !== undefined) {
    port = Number(host)
    host = undefined
  } else if (host === undefined) return undefined // `:6432` leaves open which interfaces are meant
  host ??= defaults.host
  port ??= defaults.port
  if (host === undefined || port === undefined || port > 65_535) return undefined
  return { host, port }
}
