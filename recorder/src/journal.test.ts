import { generateKeyPairSync } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newSessionId } from '@sluice/domain'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openArchive } from './archive.js'
import { hashLine, sealLine } from './format.js'
import { openRecorder } from './open-recorder.js'
import { makeSeal, openSealKey } from './seal.js'
import { finished, started, statement } from './testing/sample-session.js'

let directory: string
let problems: string[]
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-recorder-'))
  problems = []
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const journal = () => join(directory, 'sessions')
const keyFile = () => join(directory, 'seal.key')
const file = (id: string) => join(journal(), `${id}.jsonl`)

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const value of values) all.push(value)
  return all
}

function open(durability: 'strict' | 'relaxed') {
  return openRecorder({
    store: { journal: journal() },
    durability,
    spoolDirectory: join(directory, 'spool'),
    sealKey: keyFile(),
    onProblem: (message) => problems.push(message),
  })
}

async function verify(id: string) {
  const archive = await openArchive({ journal: journal() }, { sealKey: keyFile() })
  return archive.verify(id)
}

/** A closed session of eight lines: start, three statements with outcomes less one, end, seal. */
async function recordSession(durability: 'strict' | 'relaxed' = 'strict', id = newSessionId()): Promise<string> {
  const recorder = await open(durability)
  const session = await recorder.begin(id, started)
  for (let n = 1; n <= 3; n++) {
    await session.append(statement(n, `SELECT ${n} -- naïve 🦀`))
    if (n < 3) session.note(finished(n))
  }
  await session.end('client left')
  await recorder.close()
  expect(problems).toEqual([])
  return id
}

describe('the journal', () => {
  test.each(['strict', 'relaxed'] as const)('keeps a session that verifies as complete, %s', async (durability) => {
    const id = await recordSession(durability)
    expect(await verify(id)).toEqual({ state: 'complete', events: 7 })
    const archive = await openArchive({ journal: journal() })
    const types: string[] = []
    for await (const { event } of archive.events(id)) types.push(event.type)
    expect(types).toEqual([
      'session-started',
      'statement',
      'finished',
      'statement',
      'finished',
      'statement',
      'session-ended',
    ])
  })

  test('has an event in its file when strict append resolves', async () => {
    const recorder = await open('strict')
    const session = await recorder.begin('s-1', started)
    await session.append(statement(1, 'SELECT 1'))
    expect((await readFile(file('s-1'), 'utf8')).split('\n')).toHaveLength(3)
    expect(await verify('s-1')).toEqual({ state: 'open', events: 2 })
    await recorder.close()
    expect(await verify('s-1')).toEqual({ state: 'complete', events: 3 })
  })

  test('does not make relaxed callers wait, and still keeps the order', async () => {
    const recorder = await open('relaxed')
    const session = await recorder.begin('s-1', started)
    for (let n = 1; n <= 1000; n++) expect(session.append(statement(n, `SELECT ${n}`))).toBeUndefined()
    await session.end('client left')
    await recorder.close()
    expect(await verify('s-1')).toEqual({ state: 'complete', events: 1002 })
  })

  test('lets nobody else read its files', async () => {
    const id = await recordSession()
    expect((await stat(file(id))).mode & 0o777).toBe(0o600)
    expect((await stat(journal())).mode & 0o777).toBe(0o700)
    expect((await stat(keyFile())).mode & 0o777).toBe(0o600)
  })

  test('refuses a seal key that others can read', async () => {
    await openSealKey(keyFile())
    await chmod(keyFile(), 0o644)
    await expect(open('strict')).rejects.toMatchObject({ code: 'configuration_invalid' })
  })

  test('rejects strict appends in time when its file cannot be written, and takes them again later', async () => {
    const recorder = await openRecorder({
      store: { journal: journal() },
      durability: 'strict',
      spoolDirectory: join(directory, 'spool'),
      sealKey: keyFile(),
      acknowledgeWithin: 300,
      onProblem: (message) => problems.push(message),
    })
    await rm(journal(), { recursive: true })
    await writeFile(journal(), 'in the way')
    await expect(recorder.begin('s-1', started)).rejects.toMatchObject({ code: 'recorder_unavailable' })
    expect(problems).toHaveLength(1)
    await rm(journal())
    await mkdir(journal())
    await recorder.close()
    // The refused session was sent and never answered, so it stays, and says that it was refused.
    expect(await verify('s-1')).toEqual({ state: 'complete', events: 2 })
    expect(await readFile(file('s-1'), 'utf8')).toContain('refused')
  })

  test('makes relaxed callers wait, and refuses in time, only when memory is full and nothing can be written', async () => {
    const recorder = await openRecorder({
      store: { journal: journal() },
      durability: 'relaxed',
      spoolDirectory: join(directory, 'spool'),
      sealKey: keyFile(),
      acknowledgeWithin: 200,
      memoryLimit: 20_000,
      onProblem: (message) => problems.push(message),
    })
    await rm(journal(), { recursive: true })
    const session = await recorder.begin('s-1', started)
    let kept = 0
    let refused: Promise<void> | undefined
    while (refused === undefined) refused = session.append(statement(++kept, 'SELECT 1'))
    await expect(refused).rejects.toMatchObject({ code: 'recorder_unavailable' })
    await mkdir(journal())
    await session.end('client left')
    await recorder.close()
    expect(await verify('s-1')).toEqual({ state: 'complete', events: kept + 1 }) // the refused one is not there
  })

  test('lists sessions newest first, open ones too, and filters them', async () => {
    const first = await recordSession('strict', newSessionId(started.at))
    const second = await recordSession('strict', newSessionId(started.at + 60_000))
    const recorder = await open('strict')
    const bo = await recorder.begin('z-open', { ...started, user: 'bo', at: started.at + 90_000 })
    await bo.append({ ...statement(1, 'DROP DATABASE shop'), decision: 'deny' } as never)
    const archive = await openArchive({ journal: journal() })
    const all = await collect(archive.sessions())
    expect(all.map((session) => session.id)).toEqual(['z-open', second, first])
    expect(all[0]).toMatchObject({ user: 'bo', statements: 1, denied: 1, sealed: false })
    expect(all[1]).toMatchObject({ user: 'ana', database: 'shop', statements: 3, denied: 0, sealed: true })
    expect(all[1]!.ended).toBeTypeOf('number')
    expect((await collect(archive.sessions({ user: 'bo' }))).map((s) => s.id)).toEqual(['z-open'])
    expect(await collect(archive.sessions({ since: started.at + 1 }))).toHaveLength(1)
    expect(await collect(archive.sessions({ database: 'other' }))).toEqual([])
    await recorder.close()
  })

  test('says that a session is unknown, and never takes a path for one', async () => {
    await recordSession()
    await expect(verify('s-none')).rejects.toMatchObject({ code: 'usage_invalid' })
    await expect(verify('../seal')).rejects.toMatchObject({ code: 'usage_invalid' })
  })
})

describe('verification', () => {
  async function tamper(change: (lines: string[], id: string) => string[] | string): Promise<unknown> {
    const id = await recordSession()
    const lines = (await readFile(file(id), 'utf8')).split('\n').slice(0, -1)
    const changed = change(lines, id)
    await writeFile(file(id), typeof changed === 'string' ? changed : changed.map((line) => `${line}\n`).join(''))
    return verify(id)
  }

  test('finds every single changed byte', async () => {
    const id = await recordSession()
    const original = await readFile(file(id))
    for (let at = 0; at < original.length; at += 1) {
      const changed = Buffer.from(original)
      changed[at]! ^= 1
      await writeFile(file(id), changed)
      const { state } = await verify(id)
      expect(state, `byte ${at}`).not.toBe('complete')
      expect(state, `byte ${at}`).not.toBe('open')
    }
  })

  test('finds a changed statement, and names the event after which the chain breaks', async () => {
    const result = await tamper((lines) => lines.map((line) => line.replace('SELECT 1 ', 'SELECT 9 ')))
    expect(result).toMatchObject({
      state: 'tampered',
      line: 3,
      events: 2,
      reason: 'the event before this one was changed',
    })
  })

  test('finds a dropped line', async () => {
    expect(await tamper((lines) => lines.toSpliced(3, 1))).toMatchObject({ state: 'tampered', line: 4 })
  })

  test('finds a dropped beginning', async () => {
    expect(await tamper((lines) => lines.slice(1))).toMatchObject({ state: 'tampered', line: 1 })
  })

  test('finds two swapped lines', async () => {
    const swap = (lines: string[]) => lines.with(2, lines[3]!).with(3, lines[2]!)
    expect(await tamper(swap)).toMatchObject({ state: 'tampered', line: 3 })
  })

  test('finds a doubled line', async () => {
    expect(await tamper((lines) => lines.toSpliced(2, 0, lines[2]!))).toMatchObject({ state: 'tampered', line: 4 })
  })

  test('finds what was appended behind the seal', async () => {
    expect(await tamper((lines) => [...lines, lines[1]!])).toMatchObject({ state: 'tampered', line: 9 })
    expect(await tamper((lines) => `${lines.join('\n')}\n{`)).toMatchObject({ state: 'tampered', line: 9 })
  })

  test('calls a session whose seal is missing incomplete', async () => {
    expect(await tamper((lines) => lines.slice(0, -1))).toMatchObject({ state: 'incomplete', events: 7 })
  })

  test('calls a torn last line incomplete, wherever it was cut', async () => {
    const id = await recordSession()
    const text = await readFile(file(id))
    const lastLine = text.lastIndexOf(10, text.length - 2) + 1
    for (let end = lastLine + 1; end < text.length; end += 7) {
      await writeFile(file(id), text.subarray(0, end))
      expect(await verify(id)).toMatchObject({ state: 'incomplete', reason: 'the last write was cut off' })
    }
  })

  test('does not accept a whole chain forged and sealed with another key', async () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    const resigned = await tamper((lines, id) => {
      const forged = lines.map((line) => line.replace('SELECT 3', 'SELECT 4')).slice(0, -1)
      const last = forged.at(-1)!.replace(/"previous":"\w+"/, `"previous":"${hashLine(Buffer.from(forged.at(-2)!))}"`)
      const seal = makeSeal(id, 7, hashLine(Buffer.from(last)), privateKey)
      return [...forged.slice(0, -1), last, sealLine(seal)]
    })
    expect(resigned).toMatchObject({ state: 'bad-seal', line: 8 })
  })

  test("does not accept another session's stream under this session's name", async () => {
    const other = await recordSession()
    const stream = await readFile(file(other), 'utf8')
    expect(await tamper(() => stream)).toMatchObject({ state: 'tampered', line: 1 })
  })

  test('lets a reader have all events before the break, and then throws', async () => {
    const id = await recordSession()
    await writeFile(file(id), (await readFile(file(id), 'utf8')).replace('SELECT 2 ', 'SELECT 8 '))
    const archive = await openArchive({ journal: journal() })
    const seen: number[] = []
    const read = async () => {
      for await (const { seq } of archive.events(id)) seen.push(seq)
    }
    await expect(read()).rejects.toMatchObject({ code: 'record_invalid' })
    expect(seen).toEqual([1, 2, 3, 4])
  })
})
