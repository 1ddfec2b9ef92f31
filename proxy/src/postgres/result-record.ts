import type { RecordedValue } from '@sluice/recorder'
import type { Gate, Pass } from '../gate.js'
import type { Layout, Portal } from './prepared-statements.js'
import { recordedColumns, recordedRow } from './recorded-values.js'
import type { RowMasker } from './row-masker.js'

/** No more bytes of rows than this are kept of one result. */
const MAX_RESULT_BYTES = 64 * 1024

/** Collects a result's columns and first rows for the record, after masking. */
export class ResultRecord {
  #pass: Pass | undefined
  #portal: Portal | undefined
  #layout: Layout | undefined
  #columns: ReturnType<typeof recordedColumns> | undefined
  #rows: RecordedValue[][] = []
  #rowsLeft = 0
  #bytesLeft = 0

  get wantsRows(): boolean {
    return this.#rowsLeft > 0
  }

  begin(pass: Pass, portal: Portal | undefined): void {
    this.#pass = pass
    this.#portal = portal
    this.#rowsLeft = pass.rowsToRecord - (portal?.recordedRows ?? 0)
    this.#bytesLeft = MAX_RESULT_BYTES
  }

  /** Without a layout the client never asked what it gets: columns have no names, and are told apart by place. */
  describe(layout: Layout | undefined, masker: RowMasker | undefined): void {
    this.#layout = layout ?? this.#portal?.prepared.layout
    this.#columns = this.#layout && recordedColumns(this.#layout.columns, masker?.plan)
  }

  /** Takes the DataRow `[start, end)`, type byte included. */
  row(bytes: Buffer, start: number, end: number): void {
    this.#bytesLeft -= end - start
    if (this.#bytesLeft < 0) {
      this.#rowsLeft = 0
      return
    }
    this.#rowsLeft--
    if (this.#portal !== undefined) this.#portal.recordedRows++
    const values = recordedRow(bytes, start, end, this.#layout?.columns, this.#portal?.resultFormats)
    this.#columns ??= values.map((_, i) => ({ name: `column ${i + 1}`, type: 'unknown' }))
    this.#rows.push(values)
  }

  /** Hands over what was collected, if a result was begun. */
  end(gate: Gate): void {
    if (this.#pass !== undefined && this.#columns !== undefined) gate.result(this.#pass, this.#columns, this.#rows)
    this.#pass = undefined
    this.#portal = undefined
    this.#layout = undefined
    this.#columns = undefined
    this.#rows = []
    this.#rowsLeft = 0
  }
}
