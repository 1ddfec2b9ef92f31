import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { newSessionId } from '@sluice/domain'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { openArchive, openRecorder, type Recorder, type SessionEvent, type StoreLocation } from '../src/index.js'
import { finished, started, statement } from '../src/testing/sample-session.js'
import { FlakyLine } from './flaky-line.js'

let directory: string
let keyPrefix: string
let admin: Redis
let line: FlakyLine
let store: StoreLocation
const recorders: Recorder[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-recorder-'))
  keyPrefix = `test:${newSessionId()}:`
  admin = new Redis(inject('redis'))
  const url = new URL(inject('redis'))
  line = await FlakyLine.to(url.hostname, Number(url.port || 6379))
  url.hostname = '127.0.0.1'
  url.port = String(line.port)
  store = { redis: url.href, keyPrefix }
})

afterEach(async () => {
  line.set('up')
  for (const recorder of recorders.splice(0)) await recorder.close()
  const keys = await admin.keys(`${keyPrefix}*`)
  if (keys.length > 0) await admin.del(...keys)
  admin.disconnect()
  await line.close()
  await rm(directory, { recursive: true, force: true })
})

const spool = () => readdir(join(directory, 'spool')).catch(() => [] as string[])
const sealKey = () => join(directory, 'seal.key')

async function open(durability: 'strict' | 'relaxed'): Promise<Recorder> {
  const recorder = await openRecorder({
    store,
    durability,
    spoolDirectory: join(directory, 'spool'),
    sealKey: sealKey(),
    onProblem: () => undefined,
    acknowledgeWithin: 400,
  })
  recorders.push(recorder)
  return recorder
}

async function verify(id: string) {
  const archive = await openArchive({ redis: inject('redis'), keyPrefix }, { sealKey: sealKey() })
  try {
    return await archive.verify(id)
  } finally {
    await archive.close()
  }
}

async function read(id: string): Promise<SessionEvent[]> {
  const archive = await openArchive({ redis: inject('redis'), keyPrefix })
  const events: SessionEvent[] = []
  for await (const { event } of archive.events(id)) events.push(event)
  await archive.close()
  return events
}

const unavailable = { code: 'recorder_unavailable' }

describe('strict', () => {
  test('has an event in the stream when append resolves', async () => {
    const session = await (await open('strict')).begin('s-1', started)
    await session.append(statement(1, 'SELECT 1'))
    expect((await read('s-1')).map((event) => event.type)).toEqual(['session-started', 'statement'])
    session.note(finished(1))
    await session.end('client left')
    expect(await verify('s-1')).toEqual({ state: 'complete', events: 4 })
  })

  test('sends what one turn of the event loop brings as one entry', async () => {
    const session = await (await open('strict')).begin('s-1', started)
    await Promise.all(Array.from({ length: 50 }, (_, i) => session.append(statement(i + 1, 'SELECT 1'))))
    expect(await admin.xlen(`${keyPrefix}session:s-1`)).toBe(2)
  })

  test('neither doubles nor loses an event whose acknowledgement was lost', async () => {
    const session = await (await open('strict')).begin('s-1', started)
    line.set('deaf')
    const lost = session.append(statement(1, 'SELECT 1'))
    await vi.waitUntil(async () => (await admin.xlen(`${keyPrefix}session:s-1`)) === 2)
    line.set('up')
    await lost
    await session.append(statement(2, 'SELECT 2'))
    await session.end('client left')
    expect(await verify('s-1')).toEqual({ state: 'complete', events: 4 })
  })

  test('refuses in time while Redis does not answer, and says so in the record', async () => {
    const session = await (await open('strict')).begin('s-1', started)
    line.set('deaf')
    const before = performance.now()
    await expect(session.append(statement(1, 'SELECT 1'))).rejects.toMatchObject(unavailable)
    expect(performance.now() - before).toBeLessThan(800)
    line.set('up')
    await vi.waitUntil(
      () =>
        session.append(statement(2, 'SELECT 2'))?.then(
          () => true,
          () => false,
        ),
      { timeout: 5_000 },
    )
    await session.end('client left')
    expect((await verify('s-1')).state).toBe('complete')
    const events = await read('s-1')
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'error', statement: 1, code: 'recorder_unavailable' }),
    )
  })

  test('refuses while Redis is away, keeps no refused statement, and goes on when it is back', async () => {
    const recorder = await open('strict')
    const session = await recorder.begin('s-1', started)
    line.set('cut')
    await sleep(100)
    await expect(session.append(statement(1, 'SELECT 1'))).rejects.toMatchObject(unavailable)
    await expect(session.append(statement(2, 'SELECT 2'))).rejects.toMatchObject(unavailable)
    await expect(recorder.begin('s-2', started)).rejects.toMatchObject(unavailable)
    line.set('up')
    await vi.waitUntil(
      () =>
        session.append(statement(3, 'SELECT 3'))?.then(
          () => true,
          () => false,
        ),
      { timeout: 5_000 },
    )
    await session.end('client left')
    expect((await verify('s-1')).state).toBe('complete')
    const statements = (await read('s-1')).flatMap((event) => (event.type === 'statement' ? [event.statement] : []))
    expect(statements).not.toContain(1)
    expect(statements).not.toContain(2)
    await expect(verify('s-2')).rejects.toMatchObject({ code: 'usage_invalid' })
  })

  test('loses no acknowledged event while its connections are killed', async () => {
    const session = await (await open('strict')).begin('s-1', started)
    const acknowledged: number[] = []
    const killer = setInterval(() => line.set('up'), 60)
    for (let n = 1; n <= 300; n++) {
      await session.append(statement(n, 'SELECT 1'))!.then(
        () => acknowledged.push(n),
        () => undefined,
      )
      if (n % 3 === 0) await sleep(2)
    }
    clearInterval(killer)
    await session.end('client left')
    await vi.waitUntil(async () => (await verify('s-1')).state === 'complete', { timeout: 5_000 })
    const kept = new Set((await read('s-1')).flatMap((event) => (event.type === 'statement' ? [event.statement] : [])))
    expect(acknowledged.length).toBeGreaterThan(0)
    expect(acknowledged.filter((n) => !kept.has(n))).toEqual([])
  })

  test('hands what is left at the end to the next start', async () => {
    const recorder = await open('strict')
    const session = await recorder.begin('s-1', started)
    line.set('cut')
    await sleep(100)
    session.note(finished(1))
    await recorder.close()
    expect(await spool()).toHaveLength(1)
    line.set('up')
    await open('strict')
    await vi.waitUntil(async () => (await spool()).length === 0, { timeout: 5_000 })
    expect(await verify('s-1')).toEqual({ state: 'complete', events: 3 })
  })
})

describe('relaxed', () => {
  test('spools while Redis is away and catches up in order, without a caller waiting', async () => {
    const recorder = await open('relaxed')
    const sessions = await Promise.all(['s-1', 's-2', 's-3'].map((id) => recorder.begin(id, started)))
    for (let n = 1; n <= 900; n++) {
      for (const session of sessions) expect(session.append(statement(n, `SELECT ${n}`))).toBeUndefined()
      if (n % 20 === 0) await sleep(4)
      if (n === 200) line.set('cut')
      if (n === 400) line.set('up')
      if (n === 600) line.set('deaf')
      if (n === 800) line.set('up')
    }
    await Promise.all(sessions.map((session) => session.end('client left')))
    await vi.waitUntil(async () => (await spool()).length === 0, { timeout: 10_000 })
    for (const id of ['s-1', 's-2', 's-3']) expect(await verify(id)).toEqual({ state: 'complete', events: 902 })
  })

  test('works from the spool alone when Redis was never there, and the next start delivers it', async () => {
    line.set('cut')
    const recorder = await open('relaxed')
    const session = await recorder.begin('s-1', started)
    for (let n = 1; n <= 100; n++) expect(session.append(statement(n, 'SELECT 1'))).toBeUndefined()
    await session.end('client left')
    await recorder.close()
    expect(await spool()).toHaveLength(1)
    line.set('up')
    await open('relaxed')
    await vi.waitUntil(async () => (await spool()).length === 0, { timeout: 5_000 })
    expect(await verify('s-1')).toEqual({ state: 'complete', events: 102 })
  })
})

describe('the archive', () => {
  async function session(id: string, at: number, user: string): Promise<void> {
    const recorder = await open('strict')
    const record = await recorder.begin(id, { ...started, at, user })
    await record.append(statement(1, 'SELECT 1'))
    await record.end('client left')
  }

  test('lists newest first and filters', async () => {
    await session('s-1', 1_000, 'ana')
    await session('s-2', 2_000, 'bo')
    const archive = await openArchive({ redis: inject('redis'), keyPrefix })
    const list = async (filter: object) => {
      const ids: string[] = []
      for await (const { id } of archive.sessions(filter)) ids.push(id)
      return ids
    }
    expect(await list({})).toEqual(['s-2', 's-1'])
    expect(await list({ user: 'ana' })).toEqual(['s-1'])
    expect(await list({ since: 1_500 })).toEqual(['s-2'])
    await archive.close()
  })

  test('finds an entry that was deleted, and one that was written by hand', async () => {
    await session('s-1', 1_000, 'ana')
    await admin.xdel(`${keyPrefix}session:s-1`, '2-0')
    expect(await verify('s-1')).toMatchObject({ state: 'tampered', line: 2 })
    await session('s-2', 1_000, 'ana')
    await admin.xadd(`${keyPrefix}session:s-2`, '*', 'other', 'field')
    expect(await verify('s-2')).toMatchObject({ state: 'tampered' })
  })
})
