import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { createAnalyser } from './analyser.js'
import type { Analysis, LexicalMode, MysqlMode } from './facts.js'

const POSTGRES: LexicalMode = { dialect: 'postgres' }
const MYSQL: MysqlMode = {
  dialect: 'mysql',
  flavour: 'mysql',
  version: 90700,
  sqlMode: new Set(),
  multiStatements: true,
}

const analyser = createAnalyser()
afterAll(() => analyser.close())

function analyse(sql: string | Buffer, mode: LexicalMode = POSTGRES): Analysis | Promise<Analysis> {
  return analyser.analyse(Buffer.from(sql), mode)
}

function relations(analysis: Analysis): string[] {
  return analysis.ok ? analysis.statements.flatMap((s) => s.relations.map((use) => use.relation.name)) : ['refused']
}

describe('createAnalyser', () => {
  it('answers a known query at once, whatever its literals', async () => {
    for (const mode of [POSTGRES, MYSQL]) {
      await analyse("select a from known where b = 1 and c = 'x'", mode)
      const text = Buffer.from("select a from known where b = 22 and c = 'it''s'")
      const again = analyser.analyse(text, mode)
      expect(again).not.toBeInstanceOf(Promise)
      expect(again).toMatchObject({ ok: true })
      expect((again as { text: Buffer }).text).toBe(text)
    }
  })

  it('does not take one text for another that only looks like it without literals', async () => {
    const pairs = [
      ["select set_config('work_mem', '1', false)", "select set_config('client_encoding', 'big5', false)"],
      ['select * from "a1"', 'select * from "a2"'],
      ['select * from a1', 'select * from a2'],
      ['select U&"d!0061t" uescape \'!\'', 'select U&"d!0061t" uescape \'?\''],
      ["select E'\\'' from a --'", "select E'\\\\' from a --'"],
    ] as const
    for (const [first, second] of pairs) {
      const seen = await analyse(first)
      const other = await analyse(second)
      const fresh = createAnalyser()
      try {
        expect(other).toEqual(await fresh.analyse(Buffer.from(second), POSTGRES))
        expect(seen).toEqual(await fresh.analyse(Buffer.from(first), POSTGRES))
      } finally {
        await fresh.close()
      }
    }
  })

  it('reads one text by the sql_mode in force, not by the one before', async () => {
    const sql = "select '\\' from a where '' = '' union select 1 from b -- '"
    expect(relations(await analyse(sql, MYSQL))).toEqual([])
    const mode = { ...MYSQL, sqlMode: new Set(['NO_BACKSLASH_ESCAPES']) }
    expect(relations(await analyse(sql, mode))).toEqual(['a', 'b'])
  })

  it('refuses zero bytes and invalid utf-8', async () => {
    expect(await analyse('select 1\0; drop table t')).toMatchObject({ ok: false, cause: 'encoding' })
    expect(await analyse(Buffer.from([0x73, 0xff, 0x27]))).toMatchObject({ ok: false, cause: 'encoding' })
    expect(await analyse(Buffer.from("select '\xff' from t", 'latin1'))).toMatchObject({ ok: false, cause: 'encoding' })
  })

  it("gives a syntax error the grammar's words and the position in characters", async () => {
    expect(await analyse("select 'é', selec from from")).toEqual({
      ok: false,
      cause: 'syntax',
      reason: 'syntax error at or near "from"',
      position: 24,
    })
  })

  it('refuses what is longer than the limit, and forgets it', async () => {
    const small = createAnalyser({ maxBytes: 100 })
    expect(small.analyse(Buffer.alloc(101, 0x20), POSTGRES)).toMatchObject({ ok: false, cause: 'limit' })
    await small.close()
  })

  it('survives texts that break a parser', async () => {
    const bombs = [
      `select ${'1+'.repeat(60_000)}1`,
      `select ${'('.repeat(50_000)}`,
      `select ${'not '.repeat(50_000)}true`,
      `select ${'(select '.repeat(3000)}1${')'.repeat(3000)}`,
      `select 1 from t where ${'a = 1 or '.repeat(5000)}b`,
    ]
    for (const mode of [POSTGRES, MYSQL]) {
      await Promise.all(bombs.map((bomb) => analyse(bomb, mode)))
      expect(relations(await analyse('select a from still_there', mode))).toEqual(['still_there'])
    }
  }, 60_000)

  it('ends a text that takes too long and goes on with the next', async () => {
    const hasty = createAnalyser({ timeoutMs: 300 })
    try {
      await hasty.analyse(Buffer.from('select 1 from warm'), POSTGRES)
      const slow = hasty.analyse(Buffer.from(`select ${'1+'.repeat(400_000)}1`), POSTGRES)
      const next = hasty.analyse(Buffer.from(`select a from large where b in (${'1,'.repeat(4000)}1)`), POSTGRES)
      expect(await slow).toMatchObject({ ok: false, cause: 'limit' })
      expect(relations(await next)).toEqual(['large'])
    } finally {
      await hasty.close()
    }
  }, 30_000)

  it('reads a large INSERT', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => `(${i}, 'row ${i}', null)`).join(', ')
    for (const mode of [POSTGRES, MYSQL]) {
      expect(relations(await analyse(`insert into large values ${rows}`, mode))).toEqual(['large'])
    }
  }, 30_000)

  it('answers what is asked after closing', async () => {
    const closed = createAnalyser()
    await closed.close()
    expect(await closed.analyse(Buffer.from('select 1'), POSTGRES)).toMatchObject({ ok: false, cause: 'limit' })
  })

  it('never throws, rejects or hangs, whatever the bytes', async () => {
    const words = fc.constantFrom(
      ...'select from where ( ) , . ; * a b t 1 \' " ` $ $$ $1 -- /* */ /*! # \\ @ @@ := = insert into values update set delete with as union join on'.split(
        ' ',
      ),
      ..."create table view drop alter grant to user identified by show explain prepare execute call begin end if case when E' U&\" x' \n \0 é ?".split(
        ' ',
      ),
    )
    const text = fc.oneof(
      fc.array(words, { maxLength: 25 }).map((list) => Buffer.from(list.join(' '))),
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    )
    const mode = fc.constantFrom<LexicalMode>(POSTGRES, MYSQL, {
      ...MYSQL,
      flavour: 'mariadb',
      version: 101119,
      sqlMode: new Set(['ANSI_QUOTES']),
      multiStatements: false,
    })
    await fc.assert(
      fc.asyncProperty(text, mode, async (bytes, lexical) => {
        const analysis = await analyser.analyse(bytes, lexical)
        if (analysis.ok && lexical.dialect === 'postgres') expect(analysis.text).toBe(bytes)
        if (!analysis.ok) expect(analysis.reason).not.toBe('')
      }),
      { numRuns: 1500 },
    )
  }, 60_000)
})
