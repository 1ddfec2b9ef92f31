import type { Mask } from './mask.js'
import { suggesting } from './nearest-word.js'

const WORDS: Record<string, Mask> = {
  redact: { kind: 'redact' },
  partial: { kind: 'partial', keepFirst: 1, keepLast: 0, keepDomain: true },
  email: { kind: 'email' },
  hash: { kind: 'hash' },
  null: { kind: 'null' },
  fixed: { kind: 'fixed', value: '***' },
}

const KEYS = ['keepFirst', 'keepLast', 'fixed']
const MOST_KEPT = 64

/**
 * Reads a mask as a policy spells it: a word, YAML's null, `{ keepFirst: n }`, `{ keepLast: n }` or both, `{ fixed: 'x' }`.
 * Returns an error's text where it is none of these.
 */
export function parseMask(value: unknown): Mask | string {
  if (value === null) return { kind: 'null' }
  if (typeof value === 'string') {
    const mask = WORDS[value]
    return mask !== undefined && Object.hasOwn(WORDS, value)
      ? mask
      : suggesting(`unknown mask \`${value}\``, value, Object.keys(WORDS))
  }
  if (typeof value !== 'object' || Array.isArray(value))
    return `a mask is a word (${Object.keys(WORDS).join(', ')}), \`{ keepLast: 4 }\` or \`{ fixed: 'x' }\``
  const given = Object.entries(value)
  for (const [key] of given) if (!KEYS.includes(key)) return suggesting(`unknown key \`${key}\` in a mask`, key, KEYS)
  const { keepFirst, keepLast, fixed } = value as { keepFirst?: unknown; keepLast?: unknown; fixed?: unknown }
  if (fixed !== undefined) {
    if (given.length > 1) return '`fixed` keeps nothing of a value; leave `keepFirst` and `keepLast` out'
    if (typeof fixed !== 'string' && typeof fixed !== 'number') return '`fixed` needs a text'
    if (String(fixed).includes('\0')) return '`fixed` must not hold a NUL character'
    return { kind: 'fixed', value: String(fixed) }
  }
  if (given.length === 0) return 'a mask needs `keepFirst`, `keepLast` or `fixed`'
  for (const count of [keepFirst, keepLast])
    if (count !== undefined && !(Number.isInteger(count) && (count as number) >= 0 && (count as number) <= MOST_KEPT))
      return `\`keepFirst\` and \`keepLast\` are whole numbers from 0 to ${MOST_KEPT}`
  return { kind: 'partial', keepFirst: (keepFirst as number) ?? 0, keepLast: (keepLast as number) ?? 0 }
}
