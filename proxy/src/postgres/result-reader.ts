import { SluiceError } from '@sluice/domain'
import { WireError } from '@sluice/wire'
import {
  decodeCommandTag,
  decodeErrorFields,
  decodeParameterStatus,
  decodeParameterTypes,
  decodeReadyForQuery,
  Framer,
  RESULT_LIMITS,
  Result,
  TransactionStatus,
} from '@sluice/wire/postgres'
import type { MaskPlan, Pass } from '../gate.js'
import { Inlet } from '../inlet.js'
import { clientEncodingOf } from './character-set.js'
import type { Conversation, Wait } from './conversation.js'
import type { Exchange } from './exchange.js'
import { LayoutReader } from './layout-reader.js'
import { OpenResult } from './open-result.js'
import type { Layout } from './prepared-statements.js'
import { type MaskOptions, RowMasker } from './row-masker.js'
import { encodeWithheldError, encodeWithheldNotice, mustWithhold, WITHHELD } from './withheld.js'

const HEADER = 5
const NOT_RUN = 'not run: an earlier message of the same pipeline failed'

/**
 * The server's half of a session: matches its messages with the exchanges in flight, masks and records rows, and passes
 * the rest on as it came. A message that fits no exchange ends the session.
 */
export class ResultReader {
  readonly inlet = new Inlet('server', new Framer(RESULT_LIMITS))
  /** The server said that it ends the session; the client was told in its words. */
  fatal = false
  readonly #conversation: Conversation
  readonly #messageBytes: number
  readonly #maskOptions: MaskOptions
  readonly #wait: Wait
  readonly #layouts = new LayoutReader()
  readonly #result: OpenResult
  /** The query at the head has failed; only ReadyForQuery is to come. */
  #failed = false
  /** Syncs that a failed COPY may have swallowed or not: so many answers to them may still come. */
  #straySyncs = 0

  constructor(conversation: Conversation, messageBytes: number, maskOptions: MaskOptions, wait: Wait) {
    this.#conversation = conversation
    this.#messageBytes = messageBytes
    this.#maskOptions = maskOptions
    this.#wait = wait
    this.#result = new OpenResult(conversation.toClient)
  }

  /** Works off what has arrived. Throws `WireError` or `SluiceError`, and the session is over. */
  work(): void {
    const { inlet } = this
    const { frames } = inlet
    const { toClient } = this.#conversation
    while (inlet.next()) {
      if (frames.continued) toClient.pass(frames.bytes, frames.start, frames.end)
      else if (frames.type === Result.dataRow) this.#row(frames)
      else this.#message(frames)
    }
    this.#result.endChunk()
  }

  // Rows: the hot path

  #row(frame: Framer): void {
    const result = this.#result
    if (result.kind !== 'rows') this.#beginRowsOfPortal()
    if (result.unseen) result.passUnseen(frame)
    else if (this.#isWhole(frame)) result.row(frame)
  }

  /** Rows without a RowDescription before them: those of Execute. */
  #beginRowsOfPortal(): void {
    const head = this.#head()
    if (head?.kind !== 'execute' || this.#result.kind !== 'nothing') throw unexpected(Result.dataRow)
    const portal = head.portal!
    const { pass, layout } = portal
    if (layout === 'no rows') throw new WireError('rows of a statement that was described to have none')
    // Never without a layout: what was not described cannot be masked.
    if (pass.masking !== 'none' && layout === undefined) throw new WireError('rows that were not described')
    this.#result.beginRows(pass, layout, portal.masker, portal)
  }

  // Everything else

  #message(frame: Framer): void {
    const { type } = frame
    const { toClient } = this.#conversation
    this.#result.flushRows()
    if (type === Result.copyData) {
      if (this.#result.kind !== 'copy-out') throw unexpected(type)
      this.#result.passUnseen(frame)
      return
    }
    if (!this.#isWhole(frame)) return
    const { bytes, start, end } = frame
    switch (type) {
      case Result.rowDescription:
        this.#rowDescription(bytes, start, end)
        return
      case Result.commandComplete:
        this.#commandComplete(bytes, start, end)
        return
      case Result.readyForQuery:
        this.#readyForQuery(bytes, start, end)
        return
      case Result.error:
        this.#error(bytes, start, end)
        return
      case Result.bindComplete:
        this.#complete('bind', bytes, start, end)
        return
      case Result.parseComplete:
        this.#complete('parse', bytes, start, end)
        return
      case Result.closeComplete:
        this.#complete('close', bytes, start, end)
        return
      case Result.noData:
        this.#noData(bytes, start, end)
        return
      case Result.parameterDescription:
        this.#parameterDescription(bytes, start, end)
        return
      case Result.emptyQuery:
        this.#emptyQuery(bytes, start, end)
        return
      case Result.portalSuspended:
        this.#portalSuspended(bytes, start, end)
        return
      case Result.notice:
        this.#notice(bytes, start, end)
        return
      case Result.notification:
        toClient.pass(bytes, start, end)
        return
      case Result.parameterStatus:
        this.#parameterStatus(bytes, start, end)
        toClient.pass(bytes, start, end)
        return
      case Result.copyIn:
        this.#copyIn(bytes, start, end)
        return
      case Result.copyOut:
        this.#copyOut(bytes, start, end)
        return
      case Result.copyDone:
        if (this.#result.kind !== 'copy-out') throw unexpected(type)
        toClient.pass(bytes, start, end)
        return
      default:
        throw unexpected(type)
    }
  }

  #rowDescription(bytes: Buffer, start: number, end: number): void {
    const head = this.#head()
    const { toClient } = this.#conversation
    const content = start + HEADER
    if (head?.kind === 'query') {
      if (this.#result.kind !== 'nothing' || this.#failed) throw unexpected(Result.rowDescription)
      toClient.pass(bytes, start, end)
      const pass = head.pass!
      if (pass.masking === 'none' && pass.rowsToRecord === 0) {
        this.#result.beginRows(pass, undefined, undefined, undefined)
        return
      }
      const layout = this.#layouts.read(bytes, content, end, undefined)
      this.#plan(pass, layout, (masker) => this.#result.beginRows(pass, layout, masker, undefined))
      return
    }
    if (head?.kind === 'describe-statement') {
      if (head.prepared !== undefined)
        head.prepared.layout = this.#layouts.read(bytes, content, end, head.prepared.layout)
    } else if (head?.kind === 'describe-portal') {
      const { portal } = head
      if (portal !== undefined && (portal.pass.masking !== 'none' || portal.pass.rowsToRecord > 0)) {
        const layout = this.#layouts.read(bytes, content, end, portal.prepared.layout)
        this.#plan(portal.pass, layout, (masker) => {
          portal.masker = masker
          portal.layout = layout
        })
      }
    } else throw unexpected(Result.rowDescription)
    this.#settle(head)
    if (!head.hidden) toClient.pass(bytes, start, end)
  }

  /** Asks for the masks of a result; the server's side waits where the gate has to look something up. */
  #plan(pass: Pass, layout: Layout, go: (masker: RowMasker | undefined) => void): void {
    if (pass.masking === 'none') {
      go(undefined)
      return
    }
    const plan = this.#conversation.gate.maskPlan(pass, layout.origins)
    const make = (known: MaskPlan | undefined) => go(this.#maskerFor(layout, known))
    if (plan instanceof Promise) this.#wait(plan, make)
    else make(plan)
  }

  #maskerFor(layout: Layout, plan: MaskPlan | undefined): RowMasker | undefined {
    if (plan === undefined) return undefined
    if (layout.masker === undefined || !samePlan(layout.masker.plan, plan)) {
      layout.masker = new RowMasker(plan, layout.columns, this.#maskOptions)
    }
    return layout.masker
  }

  #commandComplete(bytes: Buffer, start: number, end: number): void {
    const head = this.#head()
    if (head === undefined || this.#failed || (head.kind !== 'query' && head.kind !== 'execute')) {
      throw unexpected(Result.commandComplete)
    }
    if (this.#result.kind === 'copy-in') this.#takeCopyEnd()
    const tag = decodeCommandTag(bytes, start + HEADER, end)
    this.#result.finish(this.#conversation.gate, head.pass!, head.portal, tag)
    this.#conversation.toClient.pass(bytes, start, end)
    if (head.kind === 'execute') this.#settle(head)
  }

  #emptyQuery(bytes: Buffer, start: number, end: number): void {
    const head = this.#head()
    if (this.#result.kind !== 'nothing' || this.#failed || (head?.kind !== 'query' && head?.kind !== 'execute')) {
      throw unexpected(Result.emptyQuery)
    }
    this.#result.finish(this.#conversation.gate, head.pass!, head.portal, '')
    this.#conversation.toClient.pass(bytes, start, end)
    if (head.kind === 'execute') this.#settle(head)
  }

  #portalSuspended(bytes: Buffer, start: number, end: number): void {
    const head = this.#head()
    if (head?.kind !== 'execute' || this.#result.kind !== 'rows') throw unexpected(Result.portalSuspended)
    this.#result.suspend(this.#conversation.gate, head.portal!)
    this.#conversation.toClient.pass(bytes, start, end)
    this.#settle(head)
  }

  #readyForQuery(bytes: Buffer, start: number, end: number): void {
    const status = decodeReadyForQuery(bytes, start + HEADER, end)
    const head = this.#head()
    if (head?.kind === 'query' || head?.kind === 'refused-query' || head?.kind === 'sync') {
      const refusedOnly = head.kind === 'refused-query' && !this.#failed
      if (this.#result.kind !== 'nothing' || refusedOnly) throw unexpected(Result.readyForQuery)
      this.#conversation.exchanges.shift()
      this.#failed = false
    } else if (this.#straySyncs > 0) this.#straySyncs--
    else throw unexpected(Result.readyForQuery)
    this.#conversation.transaction = status
    // Portals do not outlive their transaction.
    if (status === TransactionStatus.idle) this.#conversation.portals.forgetAll()
    if (status === TransactionStatus.idle && this.#conversation.exchanges.length === 0) {
      this.#conversation.touchedMasked = false
    }
    this.#conversation.toClient.pass(bytes, start, end)
  }

  /** ParseComplete, BindComplete, CloseComplete. */
  #complete(kind: Exchange['kind'], bytes: Buffer, start: number, end: number): void {
    const head = this.#head()
    if (head?.kind !== kind) throw unexpected(bytes[start]!)
    head.change!.settle(true)
    this.#settle(head)
    this.#conversation.toClient.pass(bytes, start, end)
  }

  #noData(bytes: Buffer, start: number, end: number): void {
    const head = this.#head()
    if (head?.kind !== 'describe-portal' && head?.kind !== 'describe-statement') throw unexpected(Result.noData)
    if (head.portal !== undefined) head.portal.layout = 'no rows'
    this.#settle(head)
    if (!head.hidden) this.#conversation.toClient.pass(bytes, start, end)
  }

  #parameterDescription(bytes: Buffer, start: number, end: number): void {
    const head = this.#head()
    if (head?.kind !== 'describe-statement') throw unexpected(Result.parameterDescription)
    if (head.prepared !== undefined) head.prepared.parameterTypes = decodeParameterTypes(bytes, start + HEADER, end)
    this.#conversation.toClient.pass(bytes, start, end)
  }

  #copyIn(bytes: Buffer, start: number, end: number): void {
    const head = this.#head()
    if (this.#result.kind !== 'nothing' || this.#failed || (head?.kind !== 'query' && head?.kind !== 'execute')) {
      throw unexpected(Result.copyIn)
    }
    this.#result.kind = 'copy-in'
    const { exchanges } = this.#conversation
    // The server takes a Sync that is on its way already for one among the COPY data, and ignores it.
    while (exchanges.at(1)?.kind === 'sync') {
      exchanges.remove(1)
      this.#straySyncs++
    }
    const next = exchanges.at(1)
    if (next === undefined) this.#conversation.copyingIn = head
    else if (next.kind !== 'copy-end')
      throw new SluiceError('protocol_violation', 'another message before the end of the COPY data')
    this.#conversation.toClient.pass(bytes, start, end)
  }

  /** The client's CopyDone, or a failure of the server's own. */
  #takeCopyEnd(): void {
    const { exchanges } = this.#conversation
    if (exchanges.at(1)?.kind !== 'copy-end') throw new WireError('the end of a COPY before the end of its data')
    exchanges.remove(1)
    this.#straySyncs = 0
  }

  #copyOut(bytes: Buffer, start: number, end: number): void {
    const head = this.#head()
    if (this.#result.kind !== 'nothing' || this.#failed || (head?.kind !== 'query' && head?.kind !== 'execute')) {
      throw unexpected(Result.copyOut)
    }
    // The gate refuses COPY of what has masked columns; if one comes all the same, nothing of it passes.
    if (head.pass!.masking === 'all-but-plain') throw new WireError('a COPY of masked columns')
    this.#result.kind = 'copy-out'
    this.#conversation.toClient.pass(bytes, start, end)
  }

  // Errors and what comes at any time

  #error(bytes: Buffer, start: number, end: number): void {
    const { gate, toClient } = this.#conversation
    const fields = decodeErrorFields(bytes, start + HEADER, end)
    const head = this.#head()
    if (fields.severity === 'FATAL' || fields.severity === 'PANIC') {
      this.fatal = true
      gate.failed(head?.pass, fields.code, fields.message)
      toClient.pass(bytes, start, end)
      return
    }
    if (head === undefined || this.#failed) throw unexpected(Result.error)
    if (head.answer !== undefined) toClient.write(head.answer)
    else {
      const withheld = mustWithhold(fields, head.pass, this.#conversation.touchedMasked)
      gate.failed(head.pass, fields.code, withheld ? WITHHELD : fields.message)
      if (withheld) toClient.write(encodeWithheldError(fields))
      else toClient.pass(bytes, start, end)
    }
    const copying = this.#result.kind === 'copy-in'
    if (copying) this.#conversation.copyingIn = undefined
    this.#result.fail(gate)
    if (head.kind === 'query' || head.kind === 'refused-query') {
      this.#failed = true
      this.#straySyncs = 0
    } else if (head.kind !== 'sync') {
      const strays = copying ? this.#straySyncs : 0
      this.#skip(head)
      this.#straySyncs = strays
    }
  }

  /** After an error in the extended protocol the server skips everything up to Sync, and so does the queue. */
  #skip(failed: Exchange): void {
    const { exchanges, gate } = this.#conversation
    if (failed.change?.key === '' && (failed.kind === 'parse' || failed.kind === 'refusal'))
      failed.change.settleAsLost()
    else failed.change?.settle(false)
    exchanges.shift()
    let told = failed.pass
    for (let next = exchanges.head; next !== undefined && next.kind !== 'sync'; next = exchanges.head) {
      next.change?.settle(false)
      if (next.pass !== undefined && next.pass !== told) gate.failed(next.pass, '25000', NOT_RUN)
      told = next.pass ?? told // a Bind and its Execute have the same
      exchanges.shift()
    }
    if (exchanges.length === 0) this.#conversation.skipping = true
  }

  #notice(bytes: Buffer, start: number, end: number): void {
    const fields = decodeErrorFields(bytes, start + HEADER, end)
    if (mustWithhold(fields, this.#head()?.pass, this.#conversation.touchedMasked)) {
      this.#conversation.toClient.write(encodeWithheldNotice(fields))
    } else this.#conversation.toClient.pass(bytes, start, end)
  }

  /** How the server reads SQL is part of what was analysed; if it changes, nothing here is proven any more. */
  #parameterStatus(bytes: Buffer, start: number, end: number): void {
    const { name, value } = decodeParameterStatus(bytes.subarray(start + HEADER, end))
    if (name === 'client_encoding') this.#conversation.setClientEncoding(clientEncodingOf(value))
    if (name === 'standard_conforming_strings' && value !== 'on') {
      throw new SluiceError('feature_unsupported', '`standard_conforming_strings` must stay on behind this gateway', {
        hint: "write escapes as E'...'",
      })
    }
  }

  // The queue

  /** The exchange that is answered now. The ends of COPY data that nobody took have no answer. */
  #head(): Exchange | undefined {
    const { exchanges } = this.#conversation
    while (exchanges.head?.kind === 'copy-end') exchanges.shift()
    return exchanges.head
  }

  #settle(_head: Exchange): void {
    this.#conversation.exchanges.shift()
    this.#straySyncs = 0
  }

  #isWhole(frame: Framer): boolean {
    if (frame.whole) return true
    if (frame.length > this.#messageBytes) {
      throw new SluiceError(
        'limit_exceeded',
        `the server sent a message of ${frame.length} bytes, longer than this gateway takes`,
        {
          hint: 'fetch less at once, or ask the operator of the gateway to raise the limit',
        },
      )
    }
    frame.hold()
    return false
  }
}

/** Masks are the policy's own objects, so that the same masks are the same objects. */
function samePlan(a: MaskPlan, b: MaskPlan): boolean {
  return a === b || (a.length === b.length && a.every((mask, i) => mask === b[i]))
}

function unexpected(type: number): WireError {
  return new WireError(`message type 0x${type.toString(16)} from the server where it answers nothing`)
}
