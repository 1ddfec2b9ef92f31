import { SluiceError } from '@sluice/domain'
import type { StatementFacts } from '@sluice/parsers'
import type { RecordedValue } from '@sluice/recorder'
import {
  CAPABILITY,
  capabilities,
  encodeErrPacket,
  encodeLengthEncodedInteger,
  encodeLengthEncodedString,
  framePacket,
  HEADER_BYTES,
  physicalPackets,
} from '@sluice/wire/mysql'
import type { Gate, Masking, MaskPlan, Outcome, Pass, Refusal, Statement, Verdict, WireColumn } from '../gate.js'
import type { Relay } from '../relay.js'
import type { MysqlHello } from './greet.js'
import type { MysqlUpstream } from './log-in.js'
import { createMysqlRelay } from './relay.js'

/** For tests: a relay between an unseen client and an unseen server, whose gate decides by words in the text. */
export class ScriptedSession {
  readonly relay: Relay
  readonly gate: WordGate
  /** What a side was sent, in order. */
  readonly toClient: Buffer[] = []
  readonly toServer: Buffer[] = []
  readonly held = new Set<string>()
  readonly kills: [number, string][] = []
  ended: string | undefined

  constructor(
    options: {
      readonly capabilities?: number
      readonly clientSessionTrack?: boolean
      readonly mariadbCapabilities?: number
      readonly messageBytes?: number
    } = {},
  ) {
    this.gate = new WordGate()
    const agreed = options.capabilities ?? MODERN
    this.relay = createMysqlRelay({
      hello: {
        capabilities: agreed,
        status: 2,
        user: 'alice',
        login: 'alice@shop',
        characterSet: 'utf8mb4',
      } as MysqlHello,
      upstream: {
        flavour: 'mysql',
        version: 90704,
        sqlMode: new Set<string>(),
        capabilities: capabilities(agreed, CAPABILITY.sessionTrack),
        mariadbCapabilities: options.mariadbCapabilities ?? 0,
        clientSessionTrack: options.clientSessionTrack ?? true,
        database: 'shop',
      } as unknown as MysqlUpstream,
      gate: this.gate,
      reauthentication: {
        address: '192.0.2.1',
        tls: undefined,
        // Asks once, and is content with `right`.
        prove: async (_channel, hello) => {
          hello.packets.write(Buffer.from('prove it'))
          const answer = (await hello.packets.read()).toString()
          if (answer !== 'right') throw new SluiceError('authentication_failed', 'access denied')
          return { user: hello.user, groups: [], method: 'caching_sha2_password' }
        },
      },
      limits: { messageBytes: options.messageBytes ?? 1 << 26 },
      killSession: (id, what) => {
        this.kills.push([id, what])
        return id === 7 ? undefined : new SluiceError('usage_invalid', `unknown thread id: ${id}`)
      },
      ports: {
        toClient: (bytes) => this.toClient.push(Buffer.from(bytes)),
        toServer: (bytes) => this.toServer.push(Buffer.from(bytes)),
        hold: (side) => this.held.add(side),
        release: (side) => this.held.delete(side),
        end: (reason) => {
          this.ended = reason
        },
      },
    })
  }

  /** The client sends a command. */
  command(...payload: (number | string | Buffer)[]): this {
    this.relay.fromClient(frame(0, bytes(...payload)))
    return this
  }

  query(text: string): this {
    return this.command(3, text)
  }

  /** The server sends packets, numbered from `first`. */
  serve(first: number, ...payloads: Buffer[]): this {
    this.relay.fromServer(frame(first, ...payloads))
    return this
  }

  get clientSaw(): Buffer[] {
    return packets(Buffer.concat(this.toClient))
  }

  get serverSaw(): Buffer[] {
    return packets(Buffer.concat(this.toServer))
  }

  /** The last packet that the client was sent, if it is an ERR: `1142 text`. */
  get lastError(): string | undefined {
    const last = this.clientSaw.at(-1)
    if (last?.[HEADER_BYTES] !== 0xff) return undefined
    return `${last.readUInt16LE(5)} ${last.toString('utf8', 13)}`
  }

  async settled(): Promise<this> {
    for (let i = 0; i < 10; i++) await Promise.resolve()
    return this
  }
}

export const CLASSIC = capabilities(
  CAPABILITY.protocol41,
  CAPABILITY.secureConnection,
  CAPABILITY.multiStatements,
  CAPABILITY.multiResults,
  CAPABILITY.localFiles,
)
export const MODERN = capabilities(CLASSIC, CAPABILITY.deprecateEof, CAPABILITY.sessionTrack)

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/**
 * A gate for tests. `forbidden` in a text: refused; `later`: the answer is a promise; `masked`: the columns `email` and
 * `ssn` are masked; `unrecorded`: no rows are asked for; `unreadable`: not analysed; `canonical`: other bytes go on.
 */
export class WordGate implements Gate {
  readonly log: string[] = []
  readonly results: {
    columns: readonly { name: string; type: string; masked?: true }[]
    rows: readonly (readonly RecordedValue[])[]
  }[] = []
  #number = 0

  analyse(text: Buffer): Statement | Promise<Statement> {
    const sql = text.toString('utf8')
    if (sql.includes('unreadable')) {
      return { original: text, analysis: { ok: false, cause: 'unknown', reason: 'not for us' } }
    }
    const canonical = sql.includes('/*') ? Buffer.from(sql.replace(/\/\*.*?\*\//g, '')) : text
    const statements = sql
      .split(';')
      .filter((each) => each.trim() !== '')
      .map(factsOf)
    const statement: Statement = { original: text, analysis: { ok: true, statements, text: canonical, secrets: [] } }
    return sql.includes('analysed later') ? Promise.resolve(statement) : statement
  }

  permit(statement: Statement): Verdict {
    return this.#verdict('permit', statement, 0)
  }

  admit(
    statement: Statement,
    parameters?: readonly RecordedValue[],
    executes?: readonly Statement[],
  ): Verdict | Promise<Verdict> {
    const named = executes?.map((each) => each.original.toString()) ?? []
    const masked = named.some((text) => text.includes('masked'))
    const verdict = this.#verdict('admit', statement, ++this.#number, masked, parameters, named)
    return statement.original.includes('later') ? Promise.resolve(verdict) : verdict
  }

  refuse(text: string, error: SluiceError): Refusal {
    this.log.push(`refuse ${text}: ${error.message}`)
    return { kind: 'refusal', error }
  }

  maskPlan(pass: Pass, columns: readonly WireColumn[]): MaskPlan | undefined | Promise<MaskPlan | undefined> {
    const plan = columns.map(({ origin }) =>
      origin.kind === 'name' && (origin.column === 'email' || origin.column === 'ssn')
        ? ({ kind: origin.column === 'ssn' && pass.statement.original.includes('null') ? 'null' : 'redact' } as const)
        : undefined,
    )
    return pass.statement.original.includes('planned') ? Promise.resolve(plan) : plan
  }

  result(_pass: Pass, columns: WordGate['results'][0]['columns'], rows: readonly (readonly RecordedValue[])[]): void {
    this.results.push({ columns, rows })
  }

  finished(pass: Pass, { tag, rows, bytes: size }: Outcome): void {
    this.log.push(`finished ${pass.number}: ${tag} ${rows} rows, ${size} bytes`)
  }

  failed(pass: Pass | undefined, code: string, message: string): void {
    this.log.push(`failed ${pass?.number}: ${code} ${message}`)
  }

  changeDatabase(schema: string): SluiceError | undefined {
    this.log.push(`database ${schema}`)
    return schema === 'closed' ? new SluiceError('database_unknown', 'no database `closed`') : undefined
  }

  #verdict(
    what: string,
    statement: Statement,
    number: number,
    masked = false,
    parameters?: readonly RecordedValue[],
    named: string[] = [],
  ): Verdict {
    const text = statement.original.toString('utf8')
    const values = parameters && parameters.length > 0 ? ` with ${JSON.stringify(parameters)}` : ''
    this.log.push(`${what} ${text.slice(0, 60)}${values}${named.length > 0 ? ` runs ${named.join(' | ')}` : ''}`)
    if (text.includes('forbidden') || !statement.analysis.ok) {
      const code = statement.analysis.ok ? 'statement_denied' : 'statement_unanalysable'
      return { kind: 'refusal', error: new SluiceError(code, 'no', { detail: 'why', hint: 'what\nto do' }) }
    }
    const masking: Masking = masked || text.includes('masked') ? 'all-but-plain' : 'none'
    const pass: Mutable<Omit<Pass, never>> = {
      kind: 'pass',
      statement,
      number,
      masking,
      rowsToRecord: text.includes('unrecorded') ? 0 : 3,
    } as Pass
    return pass as Pass
  }
}

function factsOf(sql: string): StatementFacts {
  const text = sql.trim().toLowerCase()
  const [, action, name] = /^(prepare|execute)\s+(\w+)/.exec(text) ?? []
  const setting = /^set (names|sql_mode|session_track_schema)\s*=?\s*(\w+)/.exec(text)
  return {
    verb: /^\w+/.exec(text)?.[0] ?? '',
    class: text.startsWith('call') ? 'procedure' : 'read',
    relations: text.includes('other_table')
      ? [{ relation: { name: 'other_table' }, verb: 'select', class: 'read' }]
      : [],
    functions: [],
    nested: text.includes("'kill") ? [{ verb: 'kill', class: 'access' }] : [],
    hasWhere: true,
    settings: setting ? [{ name: setting[1]!, value: setting[2]!, lasting: false }] : [],
    databases: /^use\s+`?(\w+)/.exec(text)?.slice(1) ?? [],
    plainOutput: true,
    ...(text.startsWith('load data local') ? { copy: { direction: 'in', end: 'client' } as const } : {}),
    ...(action ? { prepared: { action: action as 'prepare' | 'execute', name: name! } } : {}),
  }
}

export function bytes(...parts: (number | string | Buffer)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part as string))))
}

export function frame(first: number, ...payloads: Buffer[]): Buffer {
  let sequence = first
  return Buffer.concat(
    payloads.flatMap((payload) => {
      const parts = framePacket(payload, sequence)
      sequence += physicalPackets(payload.length)
      return parts
    }),
  )
}

/** Cuts bytes into physical packets, headers included. */
export function packets(all: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < all.length; ) {
    const end = at + HEADER_BYTES + all.readUIntLE(at, 3)
    found.push(all.subarray(at, end))
    at = end
  }
  return found
}

export const u16 = (value: number) => Buffer.from([value & 0xff, value >> 8])
export const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
export const lenenc = (value: string | Buffer) => encodeLengthEncodedString(Buffer.from(value as string))

export const ok = (status = 2, affected = 0, ...rest: Buffer[]) => bytes(0, affected, 0, u16(status), u16(0), ...rest)
export const okEnd = (status = 2, ...rest: Buffer[]) => bytes(0xfe, 0, 0, u16(status), u16(0), ...rest)
export const eof = (status = 2) => bytes(0xfe, u16(0), u16(status))
export const err = (errno: number, message: string) =>
  encodeErrPacket(0, { errno, sqlState: '42000', message }).subarray(HEADER_BYTES)
export const count = (columns: number) => encodeLengthEncodedInteger(columns)

export interface Column {
  readonly name: string
  readonly type?: number
  readonly table?: string
  readonly charset?: number
}

export function definition({ name, type = 253, table = 'users', charset = 255 }: Column): Buffer {
  const original = table === '' ? '' : name
  return bytes(
    ...['def', table === '' ? '' : 'shop', table, table, name, original].map(lenenc),
    0x0c,
    u16(charset),
    u32(400),
    type,
    u16(0),
    0,
    u16(0),
  )
}

export function textRow(...values: (string | null)[]): Buffer {
  return bytes(...values.map((value) => (value === null ? 0xfb : lenenc(value))))
}

/** A binary row; the values are bytes as they stand, with a length in front where their type has one. */
export function binaryRow(...values: (Buffer | null)[]): Buffer {
  const nulls = Buffer.alloc((values.length + 9) >> 3)
  values.forEach((value, i) => {
    if (value === null) nulls[(i + 2) >> 3]! |= 1 << ((i + 2) & 7)
  })
  return bytes(0, nulls, ...values.map((value) => value ?? Buffer.alloc(0)))
}
