import { Secret, SluiceError } from '@sluice/domain'
import { COMMAND, decodeChangeUser, framePacket, plainOkPayload } from '@sluice/wire/mysql'
import type { Pass } from '../gate.js'
import type { RelayOptions } from '../protocol.js'
import { type CharacterSet, characterSetOf } from './character-set.js'
import type { Line } from './exchange.js'
import type { MysqlHello } from './greet.js'
import type { LexicalState } from './lexical-state.js'
import type { MysqlUpstream } from './log-in.js'
import { LOGIN_PACKET_LIMIT, PacketChannel } from './packet-channel.js'
import type { PreparedStatements } from './prepared-statements.js'
import type { Hooks, Statements } from './statements.js'

/**
 * COM_CHANGE_USER: the same user proves itself again, and gets a session as new. The server's session is reset, not
 * changed, because the server knows another user. Manual: "COM_CHANGE_USER".
 */
export class UserChange {
  readonly #parts: ConstructorParameters<typeof UserChange>[0]

  constructor(parts: {
    readonly options: RelayOptions<MysqlHello, MysqlUpstream>
    readonly line: Line
    readonly lexical: LexicalState
    readonly prepared: PreparedStatements
    readonly statements: Statements
    /** COM_QUERY commands of the gateway's own that make the server's session one that can be followed. */
    readonly preparation: (setNames: string) => readonly Buffer[]
  }) {
    this.#parts = parts
  }

  /** `payload`: the command, its first byte included. Throws `WireError`. */
  begin(payload: Buffer): void {
    const { options, line } = this.#parts
    const { hello, reauthentication } = options
    const change = decodeChangeUser(payload.subarray(1), hello.capabilities)
    const characterSet = change.characterSet === undefined ? hello.characterSet : characterSetOf(change.characterSet)
    if (!reauthentication || (change.user !== hello.user && change.user !== hello.login)) {
      this.#refuse('the user of a session cannot be changed', 'open a new connection to log in as somebody else')
      return
    }
    if (!characterSet) {
      this.#refuse('this character set is not supported', 'use utf8mb4, utf8mb3, latin1 or ascii')
      return
    }
    // The answer to the first challenge is not for the nonce of now, if clients switched plugins: they are asked anew.
    const authPlugin = change.authPlugin === 'caching_sha2_password' ? '' : (change.authPlugin ?? '')
    const { authResponse } = change
    line.converse(
      (channel, sequence) => {
        const packets = new PacketChannel(channel, LOGIN_PACKET_LIMIT, sequence)
        return reauthentication
          .prove(channel, { ...hello, authPlugin, authResponse: new Secret(authResponse), packets })
          .finally(() => line.continueWith(packets.sequence))
      },
      (identity) => {
        if (identity.user !== hello.user) throw new SluiceError('internal', 'another user was proved than asked for')
        // The client knows the database by the name that it logged in to.
        const asBefore = change.database === hello.database
        this.#beginAnew(characterSet, asBefore ? options.upstream.database : change.database)
      },
    )
  }

  #refuse(what: string, hint: string): void {
    const error = new SluiceError('feature_unsupported', `COM_CHANGE_USER: ${what}`, { hint })
    const { options, statements } = this.#parts
    statements.answerRefusal(options.gate.refuse('COM_CHANGE_USER', error).error)
  }

  #beginAnew(characterSet: CharacterSet, database: string): void {
    const setNames = `set names ${characterSet === 'utf8mb3' ? 'utf8' : characterSet}`
    const { options, line, lexical, prepared, statements } = this.#parts
    const followUps = this.#parts.preparation(setNames)
    const success = plainOkPayload(options.hello.status)
    const reset = (pass: Pass | undefined, after: readonly Buffer[], hooks: Hooks) => {
      prepared.clear()
      line.send(framePacket(Buffer.of(COMMAND.resetConnection), 0), {
        pass,
        expected: 'single',
        binary: false,
        hidden: true,
        followUps: [...followUps, ...after],
        success,
        ...hooks,
      })
    }
    if (database === '' || database === lexical.schema) {
      reset(undefined, [], {})
      return
    }
    const initDb = Buffer.concat([Buffer.of(COMMAND.initDb), Buffer.from(database)])
    statements.standIn(`use \`${database.replaceAll('`', '``')}\``, (pass, hooks) => reset(pass, [initDb], hooks))
  }
}
