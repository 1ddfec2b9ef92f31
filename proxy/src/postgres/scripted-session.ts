import { SluiceError } from '@sluice/domain'
import type { StatementFacts } from '@sluice/parsers'
import type { Mask } from '@sluice/policy'
import type { RecordedValue } from '@sluice/recorder'
import {
  decodeCommandTag,
  decodeErrorFields,
  decodeRowDescription,
  encodeErrorResponse,
  Framer,
  type LengthLimits,
} from '@sluice/wire/postgres'
import type { Gate, MaskPlan, Outcome, Pass, Refusal, Statement, Verdict, WireColumn } from '../gate.js'
import type { Relay, RelayPorts, Side } from '../relay.js'
import { createPostgresRelay } from './relay.js'

/** For tests: a relay between a client and a server whose every byte the test says, and a gate that decides by the text. */
export class ScriptedSession {
  readonly gate: ScriptedGate
  readonly relay: Relay
  readonly ended: string[] = []
  readonly held = new Set<Side>()
  readonly #toClient: Buffer[] = []
  readonly #toServer: Buffer[] = []
  readonly #cut: (bytes: Buffer) => Buffer[]

  /** `cut` says in which chunks bytes arrive. */
  constructor(cut: (bytes: Buffer) => Buffer[] = (bytes) => [bytes], clientEncoding = 'UTF8') {
    this.#cut = cut
    this.gate = new ScriptedGate()
    const ports: RelayPorts = {
      toClient: (bytes) => this.#toClient.push(bytes),
      toServer: (bytes) => this.#toServer.push(bytes),
      hold: (side) => this.held.add(side),
      release: (side) => this.held.delete(side),
      end: (reason) => this.ended.push(reason),
    }
    const version = { major: 3, minor: 0 }
    this.relay = createPostgresRelay({
      hello: { user: 'u', database: 'd', application: undefined, version, settings: new Map(), clientEncoding },
      upstream: { serverVersion: '18', parameters: new Map(), cancelKey: undefined },
      gate: this.gate,
      ports,
      limits: { messageBytes: 1 << 20 },
      maskOptions: { hashKey: Buffer.alloc(32) },
      killSession: () => undefined,
    })
  }

  /** The client sends messages; resolves when every promise that could resolve has. */
  async client(...messages: readonly Buffer[]): Promise<void> {
    for (const chunk of this.#cut(Buffer.concat(messages))) this.relay.fromClient(chunk)
    await settle()
  }

  async server(...messages: readonly Buffer[]): Promise<void> {
    for (const chunk of this.#cut(Buffer.concat(messages))) this.relay.fromServer(chunk)
    await settle()
  }

  get clientBytes(): Buffer {
    return Buffer.concat(this.#toClient)
  }

  get serverBytes(): Buffer {
    return Buffer.concat(this.#toServer)
  }

  /** What the client was told since the last call, a word or two a message. */
  told(): string[] {
    const messages = describe(this.clientBytes, tellResult)
    this.#toClient.length = 0
    return messages
  }

  /** What the server was sent since the last call. */
  sent(): string[] {
    const messages = describe(this.serverBytes, tellCommand)
    this.#toServer.length = 0
    return messages
  }
}

/** Lets promises resolve, and those that they lead to. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 12; i++) await Promise.resolve()
}

/**
 * Decides by words in the text: `forbidden` is refused, `later` is answered by a promise, `secret` touches masked columns
 * (those named `ssn`), `named` masks by origin. PREPARE, EXECUTE and DECLARE are read by a pattern.
 */
export class ScriptedGate implements Gate {
  readonly log: string[] = []
  readonly results: { columns: readonly { name: string; type: string; masked?: true }[]; rows: readonly unknown[] }[] =
    []
  readonly parameters: (readonly RecordedValue[] | undefined)[] = []
  rowsToRecord = 0
  #statements = 0

  analyse(text: Buffer): Statement | Promise<Statement> {
    const sql = text.toString()
    const statements = sql.split(';').map(factsOf)
    const statement: Statement = { original: text, analysis: { ok: true, statements, text, secrets: [] } }
    return sql.includes('later') ? Promise.resolve(statement) : statement
  }

  permit(statement: Statement): Verdict {
    return this.#decide(statement, 'permit')
  }

  admit(
    statement: Statement,
    parameters?: readonly RecordedValue[],
    executes?: readonly Statement[],
  ): Verdict | Promise<Verdict> {
    this.parameters.push(parameters)
    const verdict = this.#decide(statement, 'admit', executes)
    return statement.original.includes('later') ? Promise.resolve(verdict) : verdict
  }

  refuse(text: string, error: SluiceError): Refusal {
    this.log.push(`refuse ${text}`)
    return { kind: 'refusal', error }
  }

  maskPlan(pass: Pass, columns: readonly WireColumn[]): MaskPlan | undefined | Promise<MaskPlan | undefined> {
    const mask: Mask = { kind: 'redact' }
    const plan = columns.map((column) => (column.name === 'ssn' ? mask : undefined))
    const answer = plan.some((each) => each !== undefined) ? plan : undefined
    return pass.statement.original.includes('later') ? Promise.resolve(answer) : answer
  }

  result(
    _pass: Pass,
    columns: readonly { name: string; type: string; masked?: true }[],
    rows: readonly (readonly RecordedValue[])[],
  ): void {
    this.results.push({ columns, rows })
  }

  finished(pass: Pass, { tag, rows, bytes }: Outcome): void {
    this.log.push(`finished ${pass.number} ${tag} rows ${rows} bytes ${bytes}`)
  }

  failed(pass: Pass | undefined, code: string, message: string): void {
    this.log.push(`failed ${pass?.number ?? '-'} ${code} ${message}`)
  }

  changeDatabase(): undefined {
    return undefined
  }

  #decide(statement: Statement, how: 'permit' | 'admit', executes: readonly Statement[] = []): Verdict {
    const texts = [statement, ...executes].map((each) => each.original.toString())
    this.log.push(`${how} ${texts.join(' | ')}`)
    if (texts.some((text) => text.includes('forbidden'))) {
      const error = new SluiceError('statement_denied', 'refused by rule `r`', { detail: 'because', hint: 'ask' })
      return { kind: 'refusal', error }
    }
    const masking = texts.some((text) => text.includes('secret'))
      ? 'all-but-plain'
      : texts.some((text) => text.includes('named'))
        ? 'by-origin'
        : 'none'
    const number = how === 'admit' ? ++this.#statements : 0
    return { kind: 'pass', statement, number, masking, rowsToRecord: this.rowsToRecord } as unknown as Pass
  }
}

function factsOf(sql: string): StatementFacts {
  const [, word = '', name] = /^\s*(\w+)\s*(\w+)?/.exec(sql) ?? []
  const verb = word.toLowerCase()
  const prepared =
    verb === 'prepare' || verb === 'execute' ? { prepared: { action: verb, ...(name ? { name } : {}) } as const } : {}
  return {
    verb: verb === 'declare' ? 'declare cursor' : verb,
    class: 'read',
    relations: [],
    functions: [],
    nested: [],
    hasWhere: true,
    settings: [],
    databases: [],
    plainOutput: true,
    ...prepared,
  }
}

// Messages of a client

export function message(type: string, content: Buffer | string = ''): Buffer {
  const body = typeof content === 'string' ? Buffer.from(content) : content
  const header = Buffer.alloc(5)
  header.write(type)
  header.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}

export const query = (sql: string) => message('Q', `${sql}\0`)
export const parse = (name: string, sql: string, types: readonly number[] = []) =>
  message('P', Buffer.concat([Buffer.from(`${name}\0${sql}\0`), int16(types.length), ...types.map(int32)]))
export const describeStatement = (name: string) => message('D', `S${name}\0`)
export const describePortal = (name: string) => message('D', `P${name}\0`)
export const execute = (portal = '', limit = 0) =>
  message('E', Buffer.concat([Buffer.from(`${portal}\0`), int32(limit)]))
export const closeStatement = (name: string) => message('C', `S${name}\0`)
export const closePortal = (name: string) => message('C', `P${name}\0`)
export const sync = message('S')
export const flush = message('H')
export const terminate = message('X')

export interface BindOptions {
  readonly values?: readonly (Buffer | string | null)[]
  readonly valueFormats?: readonly number[]
  readonly resultFormats?: readonly number[]
}

export function bind(portal: string, statement: string, options: BindOptions = {}): Buffer {
  const { values = [], valueFormats = [], resultFormats = [] } = options
  return message(
    'B',
    Buffer.concat([
      Buffer.from(`${portal}\0${statement}\0`),
      int16(valueFormats.length),
      ...valueFormats.map(int16),
      int16(values.length),
      ...values.map(sized),
      int16(resultFormats.length),
      ...resultFormats.map(int16),
    ]),
  )
}

// Messages of a server

export interface Column {
  readonly name: string
  readonly table?: number
  readonly attribute?: number
  readonly type?: number
  readonly format?: number
}

export function rowDescription(...columns: readonly (Column | string)[]): Buffer {
  const parts = columns.map((column) => {
    const {
      name,
      table = 0,
      attribute = 0,
      type = 25,
      format = 0,
    } = typeof column === 'string' ? { name: column } : column
    return Buffer.concat([
      Buffer.from(`${name}\0`),
      int32(table),
      int16(attribute),
      int32(type),
      int16(-1),
      int32(-1),
      int16(format),
    ])
  })
  return message('T', Buffer.concat([int16(columns.length), ...parts]))
}

export const dataRow = (...values: readonly (Buffer | string | null)[]) =>
  message('D', Buffer.concat([int16(values.length), ...values.map(sized)]))
export const complete = (tag: string) => message('C', `${tag}\0`)
export const ready = (status: 'I' | 'T' | 'E' = 'I') => message('Z', status)
export const parsed = message('1')
export const bound = message('2')
export const closed = message('3')
export const noData = message('n')
export const suspended = message('s')
export const emptyQuery = message('I')
export const parameterDescription = (...types: readonly number[]) =>
  message('t', Buffer.concat([int16(types.length), ...types.map(int32)]))
export const parameterStatus = (name: string, value: string) => message('S', `${name}\0${value}\0`)
export const copyIn = message('G', Buffer.from([0, 0, 0]))
export const copyOut = message('H', Buffer.from([0, 0, 0]))
export const copyData = (text: string) => message('d', text)
export const copyDone = message('c')
export const serverError = (code: string, text: string, severity = 'ERROR') =>
  encodeErrorResponse({ severity, code, message: text })
export const notice = (text: string) => {
  const bytes = encodeErrorResponse({ severity: 'NOTICE', code: '00000', message: text })
  bytes.write('N')
  return bytes
}
/** The server's answer to the Describe that stands for a refused statement. */
export const noSuchStatement = serverError('26000', 'prepared statement "refused by sluice" does not exist')

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function sized(value: Buffer | string | null): Buffer {
  if (value === null) return int32(-1)
  const bytes = Buffer.from(value as string)
  return Buffer.concat([int32(bytes.length), bytes])
}

// Reading back

const ANY_LENGTH: LengthLimits = new Uint32Array(256).fill(0x3ffffffe)

function describe(bytes: Buffer, tell: (type: string, content: Buffer) => string): string[] {
  const framer = new Framer(ANY_LENGTH)
  framer.feed(bytes)
  const messages: string[] = []
  while (framer.next()) {
    if (!framer.whole) throw new Error('the bytes end within a message')
    messages.push(tell(String.fromCharCode(framer.type), bytes.subarray(framer.start + 5, framer.end)))
  }
  return messages
}

function tellResult(type: string, content: Buffer): string {
  switch (type) {
    case 'T':
      return `T ${decodeRowDescription(content, 0, content.length).map((column) => column.name)}`
    case 'D':
      return `D ${rowValues(content)}`
    case 'C':
      return `C ${decodeCommandTag(content, 0, content.length)}`
    case 'E':
    case 'N': {
      const { severity, code, message: text } = decodeErrorFields(content)
      return `${type} ${severity === 'ERROR' ? '' : `${severity} `}${code} ${text}`
    }
    case 'Z':
    case 'd':
      return `${type} ${content}`
    default:
      return type
  }
}

function rowValues(content: Buffer): (string | null)[] {
  const values: (string | null)[] = []
  for (let left = content.readInt16BE(0), at = 2; left > 0; left--) {
    const length = content.readInt32BE(at)
    at += 4
    values.push(length < 0 ? 'NULL' : content.toString('utf8', at, at + length))
    at += Math.max(length, 0)
  }
  return values
}

function tellCommand(type: string, content: Buffer): string {
  const texts = content.toString('latin1').split('\0')
  switch (type) {
    case 'P':
    case 'B':
      return `${type} ${texts[0]}<${texts[1]}`
    case 'Q':
    case 'D':
    case 'C':
    case 'E':
      return `${type} ${texts[0]}`
    case 'd':
      return `d ${content}`
    default:
      return type
  }
}
