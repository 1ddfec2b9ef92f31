/** How a column is masked, as the policy says. */
export type Mask =
  | { readonly kind: 'redact' }
  | { readonly kind: 'partial'; readonly keepFirst: number; readonly keepLast: number }
  | { readonly kind: 'email' }
  | { readonly kind: 'hash' }
  | { readonly kind: 'null' }
  | { readonly kind: 'fixed'; readonly value: string }

/** Where a result column comes from, by the wire. */
export type ColumnOrigin =
  | { readonly kind: 'column'; readonly schema: string; readonly table: string; readonly column: string }
  | { readonly kind: 'expression' }
  | { readonly kind: 'unknown' }

/** Rewrites one value, the bytes `[start, end)` of `source`; null for SQL NULL. NULL itself is never handed in. */
export type ValueMasker = (source: Buffer, start: number, end: number) => Buffer | null
