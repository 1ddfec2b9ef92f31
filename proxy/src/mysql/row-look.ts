import { mysqlMasker } from '@sluice/policy'
import type { RecordedValue } from '@sluice/recorder'
import { WireError } from '@sluice/wire'
import {
  COLUMN_TYPE,
  type ColumnDefinition,
  columnTypeName,
  type Disposition,
  MAX_PACKET_PAYLOAD,
} from '@sluice/wire/mysql'
import type { MaskPlan, WireColumn } from '../gate.js'
import { recordRow } from './recorded-values.js'
import { type RowFormat, RowMasker } from './row-masker.js'

export type MaskOptions = Parameters<typeof mysqlMasker>[3]

/** Bytes of rows that are kept for the record, a result. */
const RECORD_BYTES = 64 * 1024

/** What is done to the rows of one result on their way: masked where a plan says so, the first ones kept for the record. */
export class RowLook {
  readonly masker: RowMasker | undefined
  readonly columns: readonly ColumnDefinition[]
  readonly #format: RowFormat
  readonly #plan: MaskPlan | undefined
  #kept: RecordedValue[][] = []
  #told = false
  #rowsLeft: number
  #bytesLeft = RECORD_BYTES

  constructor(options: {
    readonly columns: readonly ColumnDefinition[]
    readonly format: RowFormat
    readonly plan: MaskPlan | undefined
    readonly rowsToRecord: number
    readonly maskOptions: MaskOptions
  }) {
    const { columns, format, plan } = options
    this.columns = columns
    this.#format = format
    this.#plan = plan?.some((mask) => mask !== undefined) ? plan : undefined
    this.#rowsLeft = options.rowsToRecord
    if (this.#plan) {
      if (this.#plan.length !== columns.length) throw new WireError('a mask plan that does not fit the columns')
      this.masker = new RowMasker(
        columns.map((column, i) => {
          const mask = this.#plan?.[i]
          return {
            type: column.type,
            masker: mask && mysqlMasker(mask, valueColumn(column), format, options.maskOptions),
          }
        }),
        format,
      )
    }
  }

  /** Whether rows must be looked at, still. */
  get wanted(): boolean {
    return this.masker !== undefined || this.#rowsLeft > 0
  }

  rowBegins(length: number): Disposition {
    if (this.masker) {
      if (length >= MAX_PACKET_PAYLOAD) throw new WireError('a row with masked columns is larger than 16 MB')
      return 'take'
    }
    if (length > this.#bytesLeft) this.#rowsLeft = 0
    return this.#rowsLeft > 0 ? 'take' : 'pass'
  }

  /** A row in full. True: it goes on as it came; false: it is with the masker. */
  row(bytes: Buffer, start: number, end: number): boolean {
    this.masker?.write(bytes, start, end)
    if (this.#rowsLeft > 0 && end - start <= this.#bytesLeft) {
      const payload = this.masker ? this.masker.lastRow : bytes.subarray(start, end)
      this.#kept.push(recordRow(payload, this.columns, this.#format))
      this.#rowsLeft--
      this.#bytesLeft -= payload.length
    }
    return this.masker === undefined
  }

  /** The rows that were kept since the last call; undefined where there is nothing new to tell. */
  takeRecorded(): RecordedValue[][] | undefined {
    const kept = this.#kept
    if (this.#told && kept.length === 0) return undefined
    this.#told = true
    this.#kept = []
    return kept
  }

  /** The columns for the record. */
  get described(): { name: string; type: string; masked?: true }[] {
    return this.columns.map((column, i) => ({
      name: column.name,
      type: columnTypeName(column.type),
      ...(this.#plan?.[i] === undefined ? {} : { masked: true as const }),
    }))
  }
}

/** What the values are, which decides what a masked one may be. */
function valueColumn(column: ColumnDefinition): ColumnDefinition {
  return column.isJson ? { ...column, type: COLUMN_TYPE.json } : column
}

/**
 * A column as the gate knows it. Without a table or a name of its own it comes from no table, as far as the wire tells;
 * without a schema neither: MySQL's SHOW gives the tables of its dictionary so, and derived tables.
 */
export function wireColumn(column: ColumnDefinition): WireColumn {
  const { name, schema, originalTable: table, originalName } = column
  if (schema === '' || table === '' || originalName === '') return { name, origin: { kind: 'none' } }
  return { name, origin: { kind: 'name', schema, table, column: originalName } }
}
