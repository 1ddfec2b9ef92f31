import type { Framer } from '@sluice/wire/postgres'
import { rowsInTag } from '@sluice/wire/postgres'
import type { Gate, Pass } from '../gate.js'
import type { Outlet } from '../outlet.js'
import type { Layout, Portal } from './prepared-statements.js'
import { ResultRecord } from './result-record.js'
import { RowBuffer } from './row-buffer.js'
import type { RowMasker } from './row-masker.js'

/** The result that the server is sending: counts it, masks and records its rows. One at a time, used again for the next. */
export class OpenResult {
  /** What the exchange at the head has begun to answer. */
  kind: 'nothing' | 'rows' | 'copy-out' | 'copy-in' = 'nothing'
  /** The rows go on unseen. */
  unseen = false
  readonly #toClient: Outlet
  readonly #masked = new RowBuffer()
  readonly #record = new ResultRecord()
  #masker: RowMasker | undefined
  #rows = 0
  #bytes = 0

  constructor(toClient: Outlet) {
    this.#toClient = toClient
  }

  /** Rows are to come; without a masker they are shown as they come. */
  beginRows(pass: Pass, layout: Layout | undefined, masker: RowMasker | undefined, portal: Portal | undefined): void {
    this.kind = 'rows'
    this.#masker = masker
    this.#describe(pass, layout, masker, portal)
    this.unseen = masker === undefined && !this.#record.wantsRows
  }

  /** Passes on a row, or CopyData, that nobody looks at: the part of it that is here. */
  passUnseen(frame: Framer): void {
    this.#rows++
    this.#bytes += frame.length
    this.#toClient.pass(frame.bytes, frame.start, frame.end)
    if (!frame.whole) frame.stream()
  }

  /** Masks and records a whole row. Throws `WireError` for one that is not as it was described. */
  row(frame: Framer): void {
    const { bytes, start, end } = frame
    this.#rows++
    if (this.#masker === undefined) {
      this.#bytes += frame.length
      this.#record.row(bytes, start, end)
      this.#toClient.pass(bytes, start, end)
      this.unseen = !this.#record.wantsRows
      return
    }
    const masked = this.#masked
    masked.expect(frame.length + frame.left + (frame.left >> 2))
    this.#masker.rewrite(bytes, start, end, masked)
    this.#bytes += masked.rowEnd - masked.rowStart
    if (this.#record.wantsRows) this.#record.row(masked.buffer, masked.rowStart, masked.rowEnd)
  }

  /** Hands the masked rows on; before anything else goes to the client. */
  flushRows(): void {
    const rows = this.#masked.take()
    if (rows !== undefined) this.#toClient.write(rows)
  }

  /** At the end of a chunk: hands on the masked rows and lets go of their buffer. */
  endChunk(): void {
    this.flushRows()
    this.#masked.drop()
  }

  /** CommandComplete. */
  finish(gate: Gate, pass: Pass, portal: Portal | undefined, tag: string): void {
    const layout = portal?.layout
    if (this.kind === 'nothing' && layout !== undefined && layout !== 'no rows') {
      this.#describe(pass, layout, portal!.masker, portal) // a result without rows
    }
    this.#record.end(gate)
    // COPY counts messages, which need not be rows.
    const fetched = (portal?.rows ?? 0) + (this.kind === 'rows' ? this.#rows : 0)
    gate.finished(pass, {
      tag,
      rows: fetched > 0 ? fetched : rowsInTag(tag),
      bytes: this.#bytes + (portal?.bytes ?? 0),
    })
    if (portal !== undefined) portal.rows = portal.bytes = portal.recordedRows = 0
    this.#close()
  }

  /** PortalSuspended: what came is kept with the portal until its end. */
  suspend(gate: Gate, portal: Portal): void {
    this.#record.end(gate)
    portal.rows += this.#rows
    portal.bytes += this.#bytes
    this.#close()
  }

  /** ErrorResponse. */
  fail(gate: Gate): void {
    this.#record.end(gate)
    this.#close()
  }

  #describe(pass: Pass, layout: Layout | undefined, masker: RowMasker | undefined, portal: Portal | undefined): void {
    this.#record.begin(pass, portal)
    if (this.#record.wantsRows) this.#record.describe(layout, masker)
  }

  #close(): void {
    this.kind = 'nothing'
    this.unseen = false
    this.#masker = undefined
    this.#rows = 0
    this.#bytes = 0
  }
}
