import { SluiceError } from '@sluice/domain'
import { WireError } from '@sluice/wire'
import { COMMAND_LIMITS, Command, Framer } from '@sluice/wire/postgres'
import { Inlet } from '../inlet.js'
import { Commands } from './commands.js'
import type { Conversation, Wait } from './conversation.js'
import type { Change } from './name-table.js'

/** Bytes of a message that has no content. */
const EMPTY_LENGTH = 5

/** The client's half of a session: cuts its messages, and hands those that somebody must look at to `Commands`. */
export class CommandReader {
  readonly inlet = new Inlet('client', new Framer(COMMAND_LIMITS))
  /** The client said Terminate. */
  terminated = false
  readonly #conversation: Conversation
  readonly #messageBytes: number
  readonly #commands: Commands
  /** The change that must be settled before the client's next message is worked off, and that message. */
  #awaited: { readonly change: Change<unknown>; readonly again: () => void } | undefined
  /** The frame whose stretches come now goes nowhere. */
  #dropping = false

  constructor(conversation: Conversation, messageBytes: number, wait: Wait) {
    this.#conversation = conversation
    this.#messageBytes = messageBytes
    this.#commands = new Commands(conversation, wait, (change, again) => {
      this.#awaited = { change, again }
      this.inlet.held = true
    })
  }

  /** Works off what has arrived. Throws `WireError` or `SluiceError`, and the session is over. */
  work(): void {
    if (this.#awaited?.change.settled) this.#goOn(this.#awaited.again)
    const { inlet } = this
    while (!this.terminated && inlet.next()) {
      const { frames } = inlet
      if (!frames.continued) this.#begin(frames)
      else if (!this.#dropping) this.#conversation.toServer.pass(frames.bytes, frames.start, frames.end)
    }
  }

  #goOn(again: () => void): void {
    this.#awaited = undefined
    this.inlet.held = false
    if (!this.#conversation.skipping) again()
  }

  #begin(frame: Framer): void {
    const { type, bytes, start, end } = frame
    const { skipping } = this.#conversation
    if (type === Command.copyData) {
      this.#passOrDrop(frame, skipping || this.#conversation.exchanges.length === 0)
      return
    }
    if (this.#conversation.copyingIn !== undefined && !endsCopy(type)) {
      this.#passOrDrop(frame, true)
      return
    }
    if (skipping && type !== Command.sync && type !== Command.terminate) {
      this.#passOrDrop(frame, true)
      return
    }
    if (type === Command.functionCall) {
      this.#passOrDrop(frame, true)
      this.#commands.refuseFunctionCall()
      return
    }
    if (!this.#isWhole(frame)) return
    switch (type) {
      case Command.query:
        this.#commands.query(bytes, start, end)
        return
      case Command.parse:
        this.#commands.parse(bytes, start, end)
        return
      case Command.bind:
        this.#commands.bind(bytes, start, end)
        return
      case Command.describe:
        this.#commands.describe(bytes, start, end)
        return
      case Command.execute:
        this.#commands.execute(bytes, start, end)
        return
      case Command.close:
        this.#commands.close(bytes, start, end)
        return
      case Command.sync:
        mustBeEmpty(frame)
        this.#commands.sync(bytes, start, end)
        return
      case Command.flush:
        mustBeEmpty(frame)
        this.#conversation.toServer.pass(bytes, start, end)
        return
      case Command.copyDone:
      case Command.copyFail:
        this.#commands.endCopy(bytes, start, end)
        return
      case Command.terminate:
        mustBeEmpty(frame)
        this.terminated = true
        return
      default:
        throw new WireError(`unknown message type 0x${type.toString(16)}`)
    }
  }

  /** For frames that nobody needs whole. */
  #passOrDrop(frame: Framer, drop: boolean): void {
    this.#dropping = drop
    if (!drop) this.#conversation.toServer.pass(frame.bytes, frame.start, frame.end)
    if (!frame.whole) frame.stream()
  }

  #isWhole(frame: Framer): boolean {
    if (frame.whole) return true
    if (frame.length > this.#messageBytes) {
      throw new SluiceError('limit_exceeded', `a message of ${frame.length} bytes is longer than this gateway takes`, {
        hint: `send less than ${this.#messageBytes} bytes at once, or ask the operator of the gateway to raise the limit`,
      })
    }
    frame.hold()
    return false
  }
}

/** False for Flush and Sync, which the server takes for nothing among COPY data; other messages would break the COPY. */
function endsCopy(type: number): boolean {
  if (type === Command.flush || type === Command.sync) return false
  if (type === Command.copyDone || type === Command.copyFail || type === Command.terminate) return true
  throw new WireError('another message before the end of the COPY data')
}

function mustBeEmpty(frame: Framer): void {
  if (frame.length !== EMPTY_LENGTH) throw new WireError('content in a message that has none')
}
