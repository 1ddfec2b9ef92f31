import { postgresMasker, type ValueMasker } from '@sluice/policy'
import { WireError } from '@sluice/wire'
import { type ColumnDescription, Result } from '@sluice/wire/postgres'
import type { MaskPlan } from '../gate.js'
import type { RowBuffer } from './row-buffer.js'

/** Bytes before a row's first value: type byte, length, number of columns. */
const ROW_HEADER = 7

/** What the makers of maskers need: the key of `hash`. */
export type MaskOptions = Parameters<typeof postgresMasker>[3]

/** Rewrites the rows of one result; made once a result's layout, not once a row. */
export class RowMasker {
  readonly plan: MaskPlan
  readonly #maskers: readonly (ValueMasker | undefined)[]

  /** Throws `WireError` where plan and description do not have the same number of columns. */
  constructor(plan: MaskPlan, columns: readonly ColumnDescription[], options: MaskOptions) {
    if (plan.length !== columns.length) throw new WireError('masks and columns of a result differ in number')
    this.plan = plan
    this.#maskers = columns.map((column, i) => {
      const mask = plan[i]
      return mask === undefined ? undefined : postgresMasker(mask, column.type, column.format, options)
    })
  }

  /**
   * Writes the DataRow `[start, end)`, type byte included, with its masked values to `out`. Throws `WireError` for a row
   * that has not the columns that were described, or whose lengths do not add up.
   */
  rewrite(bytes: Buffer, start: number, end: number, out: RowBuffer): void {
    const maskers = this.#maskers
    const columns = maskers.length
    if (bytes[start] !== Result.dataRow || end - start < ROW_HEADER || bytes.readUInt16BE(start + 5) !== columns) {
      throw new WireError('row without the columns that were described')
    }
    out.begin(end - start)
    let copied = start
    let at = start + ROW_HEADER
    for (let i = 0; i < columns; i++) {
      if (end - at < 4) throw new WireError('row ends before its columns')
      const length = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
      const value = at + 4
      if (length < -1 || length > end - value) throw new WireError('value longer than its row')
      at = length < 0 ? value : value + length
      const masker = maskers[i]
      if (masker === undefined || length < 0) continue
      const masked = masker(bytes, value, at)
      out.copy(bytes, copied, value - 4)
      out.value(masked)
      copied = at
    }
    if (at !== end) throw new WireError('row with bytes past its columns')
    out.copy(bytes, copied, end)
    out.finish()
  }
}
