import { decodeRowDescription } from '@sluice/wire/postgres'
import type { WireColumn } from '../gate.js'
import type { Layout } from './prepared-statements.js'

/**
 * Reads RowDescriptions, and knows again those that it has read: most statements of a session describe the same few
 * results, and one comparison is cheaper than decoding.
 */
export class LayoutReader {
  #last: Layout | undefined

  /** The content `[start, end)` of a RowDescription; `known` is where the same may stand. Throws `WireError`. */
  read(bytes: Buffer, start: number, end: number, known: Layout | undefined): Layout {
    if (known !== undefined && same(known, bytes, start, end)) return known
    if (this.#last !== undefined && same(this.#last, bytes, start, end)) return this.#last
    const columns = decodeRowDescription(bytes, start, end)
    const origins = columns.map(({ name, table, attribute }): WireColumn => {
      // Attribute 0 is a whole row, negative ones are system columns; only a table's own columns can be told from another.
      const origin = table === 0 ? NOWHERE : { kind: 'oid' as const, relation: table, attribute }
      return { name, origin }
    })
    const raw = Buffer.from(bytes.subarray(start, end))
    this.#last = { raw, columns, origins, masker: undefined }
    return this.#last
  }
}

const NOWHERE = { kind: 'none' } as const

function same(layout: Layout, bytes: Buffer, start: number, end: number): boolean {
  return layout.raw.length === end - start && bytes.compare(layout.raw, 0, layout.raw.length, start, end) === 0
}
