import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bind,
  bound,
  closed,
  closePortal,
  closeStatement,
  complete,
  copyData,
  copyDone,
  copyIn,
  copyOut,
  dataRow,
  describePortal,
  describeStatement,
  emptyQuery,
  execute,
  flush,
  message,
  noData,
  noSuchStatement,
  notice,
  parameterDescription,
  parameterStatus,
  parse,
  parsed,
  query,
  ready,
  rowDescription,
  ScriptedSession,
  serverError,
  suspended,
  sync,
  terminate,
} from './scripted-session.js'

const SSN = '123-45-6789'

type Step = readonly ['client' | 'server', ...Buffer[]]

const columns = rowDescription('id', { name: 'ssn', table: 7, attribute: 2 })
const rows = [dataRow('1', SSN), dataRow('2', null), dataRow('', SSN)]

const SCENARIOS: Record<string, readonly Step[]> = {
  'simple queries, masked and not': [
    ['client', query('select 1'), query('secret'), query('forbidden')],
    ['server', rowDescription('a'), dataRow('x'), complete('SELECT 1'), ready()],
    ['server', notice('n'), columns, ...rows, complete('SELECT 3'), ready('T'), noSuchStatement, ready('E')],
  ],
  'a pipeline with refusals and decisions that take time': [
    ['client', parse('p', 'later secret'), describeStatement('p'), bind('', 'p'), describePortal(''), execute(), sync],
    ['client', parse('', 'later forbidden'), bind('', ''), execute(), sync, parse('q', 'b'), bind('c', 'q'), flush],
    ['server', parsed, parameterDescription(25), columns, bound, columns, ...rows, complete('SELECT 3'), ready()],
    ['server', noSuchStatement, ready(), parsed, bound],
    ['client', execute('c', 1), closePortal('c'), closeStatement('q'), sync],
    ['server', dataRow('z'), suspended, closed, closed, ready()],
  ],
  'a statement executed again without a description': [
    ['client', parse('p', 'secret'), describeStatement('p'), sync],
    ['server', parsed, parameterDescription(), columns, ready()],
    ['client', bind('', 'p', { values: ['x', null] }), execute(), sync],
    ['server', bound, columns, ...rows, complete('SELECT 3'), ready()],
  ],
  'COPY both ways': [
    ['client', query('copy t to stdout'), query('copy t from stdin')],
    ['server', copyOut, copyData('a\n'), copyData(''), copyDone, complete('COPY 2'), ready(), copyIn],
    ['client', copyData('some longer line of data\n'), copyData('b\n'), copyDone, query('last'), terminate],
    ['server', complete('COPY 2'), ready(), emptyQuery, ready()],
  ],
  'errors, and what is skipped after them': [
    ['client', parse('', 'a'), bind('', ''), execute(), parse('', 'forbidden'), sync, query('b'), bind('', ''), sync],
    ['server', parsed, serverError('22012', 'division by zero'), ready(), parameterStatus('TimeZone', 'UTC')],
    ['server', complete('B'), ready(), bound, ready()],
  ],
}

async function play(steps: readonly Step[], cut?: (bytes: Buffer) => Buffer[]) {
  const session = new ScriptedSession(cut)
  session.gate.rowsToRecord = 2
  for (const [side, ...messages] of steps) await session[side](...messages)
  const { gate, clientBytes, serverBytes, ended } = session
  return {
    client: clientBytes.toString('latin1'),
    server: serverBytes.toString('latin1'),
    log: gate.log,
    results: gate.results,
    ended,
  }
}

describe.each(Object.entries(SCENARIOS))('%s', (_name, steps) => {
  const longest = Math.max(...steps.map(([, ...messages]) => Buffer.concat(messages).length))

  test('come out the same wherever the bytes are cut in two', async () => {
    const whole = await play(steps)
    expect(whole.client).not.toContain(SSN)
    for (let at = 1; at < longest; at++) {
      expect(await play(steps, (bytes) => [bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole)
    }
  })

  test('come out the same byte by byte', async () => {
    expect(await play(steps, (bytes) => Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)))).toEqual(
      await play(steps),
    )
  })
})

const clientMessages = fc.constantFrom<Buffer>(
  query('secret'),
  query('later secret'),
  query('forbidden'),
  query('close c; declare c cursor for secret'),
  query('prepare p as secret'),
  query('execute p'),
  parse('', 'secret'),
  parse('p', 'secret later'),
  parse('p', 'secret 2'),
  parse('', 'forbidden'),
  bind('', ''),
  bind('c', 'p'),
  bind('', 'p', { resultFormats: [1] }),
  describePortal(''),
  describePortal('c'),
  describeStatement('p'),
  execute(),
  execute('c', 1),
  closeStatement('p'),
  closePortal('c'),
  sync,
  flush,
  copyData('x'),
  copyDone,
  message('F', Buffer.alloc(9)),
)

const serverMessages = fc.constantFrom<Buffer>(
  columns,
  rowDescription('ssn'),
  dataRow('1', SSN),
  dataRow(SSN),
  complete('SELECT 1'),
  ready(),
  ready('T'),
  ready('E'),
  parsed,
  bound,
  closed,
  noData,
  suspended,
  emptyQuery,
  parameterDescription(25),
  noSuchStatement,
  serverError('22P02', 'bad'),
  serverError('42601', 'syntax'),
  notice('n'),
  copyIn,
  copyOut,
  copyDone,
  copyData(SSN),
)

const turn = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.constant('client' as const), clientMessages) },
  { weight: 8, arbitrary: fc.tuple(fc.constant('server' as const), serverMessages) },
)

describe('whatever comes', () => {
  // Every statement of this client touches masked columns, so the value may reach it by no order of messages at all.
  test('messages in any order never show a masked value, and end the session once at most', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { maxLength: 40 }), fc.integer({ min: 1, max: 50 }), async (turns, size) => {
        const session = new ScriptedSession((bytes) => chunksOf(bytes, size))
        session.gate.rowsToRecord = 3
        for (const [side, bytes] of turns) await session[side](bytes)
        session.relay.clientEnded()
        session.relay.serverEnded()
        expect(session.clientBytes.includes(SSN)).toBe(false)
        expect(JSON.stringify(session.gate.results)).not.toContain(SSN)
        expect(session.ended.length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 3000 },
    )
  })

  /** Answers each message that reached the server as the server would, with errors here and there. */
  test('a server that answers in order is never taken for one that breaks the protocol', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(clientMessages, { maxLength: 6 }), { maxLength: 8 }),
        fc.array(fc.nat(9), { minLength: 1, maxLength: 20 }),
        async (batches, luck) => {
          const session = new ScriptedSession()
          const server = new ToyServer(luck)
          let seen = 0
          const exchange = async (...messages: Buffer[]) => {
            await session.client(...messages)
            for (;;) {
              const bytes = session.serverBytes.subarray(seen)
              if (bytes.length === 0) break
              seen += bytes.length
              await session.server(server.answer(bytes))
            }
          }
          for (const batch of batches) await exchange(...batch)
          await exchange(sync)
          expect(session.ended).toEqual([])
          expect(session.held.size).toBe(0)
          expect(session.clientBytes.includes(SSN)).toBe(false)
          expect(session.relay.idle).toBe(true)
        },
      ),
      { numRuns: 1500 },
    )
  })

  test('arbitrary bytes never make it throw', async () => {
    const side = fc.constantFrom('client' as const, 'server' as const)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(side, fc.uint8Array({ maxLength: 30 }))), async (chunks) => {
        const session = new ScriptedSession()
        await session.client(query('secret'), parse('', 'secret'), bind('', ''))
        for (const [from, bytes] of chunks) await session[from](Buffer.from(bytes))
        expect(session.ended.length).toBeLessThanOrEqual(1)
      }),
    )
  })
})

function chunksOf(bytes: Buffer, size: number): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
  return chunks
}

/** Keeps to the protocol as PostgreSQL does, errors and skipping included, without knowing any SQL. */
class ToyServer {
  readonly #luck: readonly number[]
  #draws = 0
  #skipping = false
  readonly #statements = new Set<string>()
  readonly #portals = new Set<string>()

  constructor(luck: readonly number[]) {
    this.#luck = luck
  }

  answer(bytes: Buffer): Buffer {
    const answers: Buffer[] = []
    for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
      const type = String.fromCharCode(bytes[at]!)
      const content = bytes.subarray(at + 5, at + 1 + bytes.readInt32BE(at + 1))
      if (type === 'S') this.#skipping = false
      if (!this.#skipping) answers.push(...this.#one(type, content))
    }
    return Buffer.concat(answers)
  }

  #one(type: string, content: Buffer): Buffer[] {
    const [first = '', second = ''] = content.toString('latin1').split('\0')
    switch (type) {
      case 'S':
        this.#portals.clear()
        return [ready()]
      case 'Q':
        if (first === 'refused by sluice') return [serverError('42601', 'syntax'), ready()]
        return this.#unlucky()
          ? [serverError('42601', 'syntax'), ready()]
          : [columns, ...rows, complete('SELECT 3'), ready()]
      case 'P':
        if (first === '') this.#statements.delete('')
        if (this.#statements.has(first) || this.#unlucky()) return this.#fail()
        this.#statements.add(first)
        return [parsed]
      case 'B':
        if (!this.#statements.has(second) || (first !== '' && this.#portals.has(first)) || this.#unlucky())
          return this.#fail()
        this.#portals.add(first)
        return [bound]
      case 'D':
        if (!(first[0] === 'S' ? this.#statements : this.#portals).has(first.slice(1))) return this.#fail('26000')
        return first[0] === 'S' ? [parameterDescription(25), columns] : [columns]
      case 'E':
        if (!this.#portals.has(first)) return this.#fail()
        return this.#unlucky()
          ? [rows[0]!, ...this.#fail()]
          : [...rows, this.#unlucky() ? suspended : complete('SELECT 3')]
      case 'C':
        ;(first[0] === 'S' ? this.#statements : this.#portals).delete(first.slice(1))
        return [closed]
      default:
        return []
    }
  }

  #unlucky(): boolean {
    return this.#luck[this.#draws++ % this.#luck.length] === 0
  }

  #fail(code = '42P99'): Buffer[] {
    this.#skipping = true
    return [serverError(code, 'no')]
  }
}
