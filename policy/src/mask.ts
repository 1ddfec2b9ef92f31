/** How a column is masked, as the policy says. */
export type Mask =
  | { readonly kind: 'redact' }
  | {
      readonly kind: 'partial'
      readonly keepFirst: number
      readonly keepLast: number
      /** The word `partial`: a value that is an e-mail address keeps its domain too. */
      readonly keepDomain?: true
    }
  | { readonly kind: 'email' }
  | { readonly kind: 'hash' }
  | { readonly kind: 'null' }
  | { readonly kind: 'fixed'; readonly value: string }

/** Where a result column comes from, by the wire. */
export type ColumnOrigin =
  | { readonly kind: 'column'; readonly schema: string; readonly table: string; readonly column: string }
  | { readonly kind: 'expression' }
  | { readonly kind: 'unknown' }

/**
 * Rewrites one value, the bytes `[start, end)` of `source`; null for SQL NULL. NULL itself is never handed in.
 * The bytes are the value's content alone, without a length in front of it, and so is what comes back: MySQL's temporal
 * values in binary rows too, whose length byte the caller reads and writes. The result may be one shared buffer: it is
 * copied or sent, never written into.
 */
export type ValueMasker = (source: Buffer, start: number, end: number) => Buffer | null

/** What is kept of a value, from least (strictest) to most. Equal ranks are told apart in `strictest`. */
const KEEPS: Record<Mask['kind'], number> = { null: 0, redact: 1, fixed: 2, hash: 3, email: 4, partial: 5 }

/**
 * The stricter of two masks that apply to one column. Order: null, redact, fixed, hash, email, partial. Of two partial
 * masks only what both keep is kept; of two fixed values the first one's stays.
 */
export function strictest(a: Mask, b: Mask): Mask {
  if (a.kind === 'partial' && b.kind === 'partial') {
    const kept = {
      kind: 'partial',
      keepFirst: Math.min(a.keepFirst, b.keepFirst),
      keepLast: Math.min(a.keepLast, b.keepLast),
    } as const
    return a.keepDomain && b.keepDomain ? { ...kept, keepDomain: true } : kept
  }
  return KEEPS[b.kind] < KEEPS[a.kind] ? b : a
}
