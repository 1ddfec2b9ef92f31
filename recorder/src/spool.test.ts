import { hash } from 'node:crypto'
import { appendFile, mkdtemp, readdir, rename, rm, utimes } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Spool } from './spool.js'
import type { Batch } from './store.js'

let directory: string
let problems: string[]
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-spool-'))
  problems = []
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const open = () => new Spool(directory, (message) => problems.push(message))

function batch(id: string, seq: number, size = 20): Batch {
  return { id, seq, started: 1_700_000_000_000, bytes: Buffer.from(`${'x'.repeat(size)}\n`), last: false }
}

async function drain(spool: Spool): Promise<Batch[]> {
  const all: Batch[] = []
  for (;;) {
    const { batches, drop } = await spool.peek()
    if (batches.length === 0) return all
    all.push(...batches)
    drop()
  }
}

/** Compares quickly what `toEqual` would compare byte by byte. */
const plain = (batches: Batch[]) => batches.map((one) => ({ ...one, bytes: hash('sha256', one.bytes) }))

/** Makes this process' files look like those of a process that is gone. */
async function crash(): Promise<void> {
  for (const name of await readdir(directory)) {
    const gone = name.replace(`${hostname()}.${process.pid}.`, `${hostname()}.999999999.`)
    await rename(join(directory, name), join(directory, gone))
  }
}

describe('the spool', () => {
  test('gives batches back as they were, in order, and leaves no file', async () => {
    const spool = open()
    const written = Array.from({ length: 300 }, (_, i) => batch(`s-${i % 3}`, i + 1, i * 40))
    await Promise.all(written.map((one) => spool.append(one)))
    expect(plain(await drain(spool))).toEqual(plain(written))
    expect(spool.empty).toBe(true)
    expect(await readdir(directory)).toEqual([])
  })

  test('gives a batch larger than a read', async () => {
    const spool = open()
    const large = batch('s-1', 1, 3_000_000)
    await spool.append(large)
    await spool.append(batch('s-1', 2))
    expect(plain(await drain(spool))).toEqual(plain([large, batch('s-1', 2)]))
  })

  test('keeps what was peeked at and not dropped', async () => {
    const spool = open()
    await spool.append(batch('s-1', 1))
    await spool.peek()
    expect(await drain(spool)).toEqual([batch('s-1', 1)])
  })

  test('takes batches while it is being drained', async () => {
    const spool = open()
    const seen: number[] = []
    const writing = (async () => {
      for (let seq = 1; seq <= 200; seq++) await spool.append(batch('s-1', seq))
    })()
    while (seen.length < 200) {
      seen.push(...(await drain(spool)).map(({ seq }) => seq))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await writing
    expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
  })

  test('takes over, in order, the files of a process that is gone', async () => {
    const before = open()
    await before.append(batch('s-1', 1))
    await before.close()
    await crash()
    const spool = open()
    await spool.append(batch('s-2', 1))
    expect(await spool.adopt()).toBe(1)
    expect((await drain(spool)).map(({ id }) => id)).toEqual(['s-1', 's-2'])
  })

  test('leaves the files of a process that lives, until they were not touched for long', async () => {
    const name = `${hostname()}.1.0123456789ab.0.spool`
    await appendFile(join(directory, name), '')
    const spool = open()
    expect(await spool.adopt()).toBe(0)
    const old = new Date(Date.now() - 600_000)
    await utimes(join(directory, name), old, old)
    expect(await spool.adopt()).toBe(1)
  })

  test('delivers what is whole of a file that a crash cut off, and keeps and reports the rest', async () => {
    const before = open()
    await before.append(batch('s-1', 1))
    await before.append(batch('s-1', 2))
    await before.close()
    const [name] = await readdir(directory)
    await appendFile(join(directory, name!), '{"id":"s-1","seq":3,"started":1,"last":false,"bytes":400}\n{"seq":3,')
    await crash()
    const spool = open()
    await spool.adopt()
    expect((await drain(spool)).map(({ seq }) => seq)).toEqual([1, 2])
    expect(problems).toHaveLength(1)
    expect(await readdir(directory)).toEqual([expect.stringMatching(/\.torn$/)])
  })
})
