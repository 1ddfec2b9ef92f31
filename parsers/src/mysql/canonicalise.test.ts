import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MysqlMode } from '../facts.js'
import { UnanalysableError } from '../unanalysable-error.js'
import { canonicalise, mapRanges } from './canonicalise.js'

const MYSQL: MysqlMode = {
  dialect: 'mysql',
  flavour: 'mysql',
  version: 90700,
  sqlMode: new Set(),
  multiStatements: false,
}
const MARIADB: MysqlMode = { ...MYSQL, flavour: 'mariadb', version: 101119 }

function canonical(sql: string, mode: Partial<MysqlMode> = {}): string {
  return canonicalise(Buffer.from(sql), { ...MYSQL, ...mode }).text.toString()
}

function refusal(sql: string, mode: Partial<MysqlMode> = {}): string {
  try {
    canonical(sql, mode)
  } catch (error) {
    if (error instanceof UnanalysableError) return error.result.cause
    throw error
  }
  return 'none'
}

describe('canonicalise', () => {
  it('returns a text that needs no change as the same Buffer', () => {
    for (const sql of ["select 'a--b # /* c */' from t", 'select 1', 'select `#` from `/*`', 'select a-b']) {
      const text = Buffer.from(sql)
      expect(canonicalise(text, MYSQL).text, sql).toBe(text)
    }
  })

  it.each([
    ['select /* x */ 1', 'select   1'],
    ['select/**/1', 'select 1'],
    ['-- a dump of x\n', '/**/'],
    ['/* nothing */ # at all', '/**/'],
    ['select 1 # x\n+1', 'select 1  \n+1'],
    ['select 1 -- x\n+1', 'select 1  \n+1'],
    ['select 1 --\n+1', 'select 1  \n+1'],
    ['select 1 --', 'select 1  '],
    ['select /* a\nb\n */ 1', 'select  \n\n 1'],
    ['select /* /* */ 1', 'select   1'],
  ])('drops the comment of %j and keeps its line breaks', (sql, expected) => {
    expect(canonical(sql)).toBe(expected)
  })

  it.each([
    ['select 5--1', 'select 5- -1'],
    ['select 5---1', 'select 5- - -1'],
    ['select --a', 'select - -a'],
    ["select '--1'", "select '--1'"],
  ])('parts the dashes of %j, which are no comment', (sql, expected) => {
    expect(canonical(sql)).toBe(expected)
  })

  it.each<[string, Partial<MysqlMode>, boolean]>([
    ['/*! secret */', MYSQL, true],
    ['/*!50000 secret */', MYSQL, true],
    ['/*!50000secret */', MYSQL, true],
    ['/*!90700 secret */', MYSQL, true],
    ['/*!90701 secret */', MYSQL, false],
    ['/*!090700 secret */', MYSQL, true],
    ['/*!100000 secret */', MYSQL, false],
    ['/*M! secret */', MYSQL, false],
    ['/*M!50000 secret */', MYSQL, false],
    ['/*! secret */', MARIADB, true],
    ['/*M! secret */', MARIADB, true],
    ['/*M!101119 secret */', MARIADB, true],
    ['/*M!101120 secret */', MARIADB, false],
    ['/*!50699 secret */', MARIADB, true],
    ['/*!50700 secret */', MARIADB, false],
    ['/*!80000 secret */', MARIADB, false],
    ['/*!99999 secret */', MARIADB, false],
    ['/*!100000 secret */', MARIADB, true],
    ['/*M!80000 secret */', MARIADB, true],
  ])('reads %j as the server does', (sql, mode, runs) => {
    expect(canonical(sql, mode).includes('secret')).toBe(runs)
    expect(canonical(sql, mode)).not.toMatch(/\/\*(?!\*\/$)/)
  })

  it('does not end an executable comment inside quotes', () => {
    expect(canonical("/*! select '*/' */")).toBe("  select '*/'  ")
  })

  it.each([
    ['select /* x', 'syntax'],
    ['select /*! x', 'syntax'],
    ["select /*! ' */", 'syntax'],
    ["select 'x -- ", 'syntax'],
    ['select /*! 1 /* 2 */ */', 'unknown'],
    ['select /*!99999 1 /* 2 */ */', 'unknown'],
    ['select /*! 1 -- 2\n */', 'unknown'],
    ['select /*!5000000 1 */', 'unknown'],
    ['select 1 \0 -- x', 'syntax'],
  ])('refuses %j', (sql, cause) => {
    expect(refusal(sql)).toBe(cause)
  })

  it('takes five digits for a version before MySQL 8 and refuses what it would read in two ways', () => {
    expect(canonical('/*!50000 x */', { version: 50744 })).toContain('x')
    expect(refusal('/*!500001 x */', { version: 50744 })).toBe('unknown')
  })

  it('quotes by the sql_mode in force', () => {
    const sql = "select '\\' # '"
    expect(canonical(sql)).toBe(sql)
    expect(canonical(sql, { sqlMode: new Set(['NO_BACKSLASH_ESCAPES']) })).toBe("select '\\'  ")
    const quoted = 'select "\\" # "'
    expect(canonical(quoted)).toBe(quoted)
    expect(canonical(quoted, { sqlMode: new Set(['ANSI_QUOTES']) })).toBe('select "\\"  ')
  })

  it('keeps optimizer hints where they are hints, and only there', () => {
    expect(canonical('select /*+ no_merge(t) */ 1')).toBe('select /*+ no_merge(t) */ 1')
    expect(canonical('select 1 /*+ no_merge(t) */')).toBe('select 1  ')
    expect(canonical('select /* x */ /*+ no_merge(t) */ 1')).toBe('select     1')
    expect(refusal("select /*+ ' */ 1")).toBe('unknown')
  })

  it('drops one zero byte at the end', () => {
    expect(canonical('select 1\0')).toBe('select 1')
  })

  it('says where bytes stood in the original', () => {
    const sql = "/* note */ set /*! password */ = /*!50000 'x' */ -- y"
    const { text, segments } = canonicalise(Buffer.from(sql), MYSQL)
    const at = text.indexOf("'x'")
    const [range] = mapRanges([{ start: at, end: at + 3 }], segments!)
    expect(sql.slice(range!.start, range!.end)).toBe("'x'")
  })

  it('changes nothing the second time, and never throws anything of its own', () => {
    const piece = fc.constantFrom(
      '/*',
      '*/',
      '/*!',
      '50000',
      '--',
      '-- ',
      '#',
      '\n',
      "'",
      '"',
      '`',
      '\\',
      'a',
      '1',
      ' ',
      '+',
      'M!',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.boolean(), (pieces, mariadb) => {
        const mode = mariadb ? MARIADB : MYSQL
        let first: Buffer
        try {
          first = canonicalise(Buffer.from(pieces.join('')), mode).text
        } catch (error) {
          expect(error).toBeInstanceOf(UnanalysableError)
          return
        }
        expect(canonicalise(first, mode).text.toString()).toBe(first.toString())
      }),
      { numRuns: 3000 },
    )
  })
})
