import type { ErrorFields } from '@sluice/wire/postgres'
import { describe, expect, it } from 'vitest'
import type { Pass } from '../gate.js'
import { mustWithhold } from './withheld.js'

const pass = { masking: 'all-but-plain', statement: { analysis: { ok: true, statements: [] } } } as unknown as Pass
const error = (code: string, message: string, more: Partial<ErrorFields> = {}): ErrorFields => ({
  severity: 'ERROR',
  code,
  message,
  ...more,
})

describe('the text of an error of a statement that touches masked columns', () => {
  it.each([
    ['a cast', error('22P02', 'invalid input syntax for type integer: "x@y"')],
    ['a constraint', error('23505', 'duplicate key', { detail: 'Key (ssn)=(1) already exists.' })],
    ['RAISE', error('P0001', 'x@y')],
    ['a name out of a row', error('42704', 'unrecognized configuration parameter "x@y"')],
    ['a relation out of a row', error('0A000', 'cross-database references are not implemented: "x@y"')],
    ['a schema out of a row', error('3F000', 'schema "x@y" does not exist')],
    ['a database out of a row', error('3D000', 'database "x@y" does not exist')],
    [
      'a type out of a row',
      error('42601', 'syntax error at or near "@"', { position: 2, where: 'invalid type name "x@y"' }),
    ],
    ['a statement made of a row', error('42601', 'syntax error at or near "@"', { internalQuery: 'select x@y' })],
    ['a context', error('57014', 'canceling statement', { where: 'SQL statement "select \'x@y\'"' })],
  ])('is withheld: %s', (_, fields) => {
    expect(mustWithhold(fields, pass, false)).toBe(true)
  })

  it.each([
    ['a name in the text', error('42703', 'column "emial" does not exist', { position: 8 })],
    ['an aborted transaction', error('25P02', 'current transaction is aborted')],
    ['a deadlock', error('40P01', 'deadlock detected', { where: 'while updating tuple (0,1) in relation "users"' })],
    ['a cancel', error('57014', 'canceling statement due to user request')],
    ['a privilege', error('42501', 'permission denied for table users')],
    ['a plan that drivers prepare anew', error('0A000', 'cached plan must not change result type')],
  ])('is shown: %s', (_, fields) => {
    expect(mustWithhold(fields, pass, false)).toBe(false)
  })

  it('is shown where a definition looks at no row', () => {
    const definition = (verb: string, more = {}) =>
      ({
        masking: 'all-but-plain',
        statement: {
          analysis: { ok: true, statements: [{ verb, class: 'schema', nested: [], functions: [], ...more }] },
        },
      }) as unknown as Pass
    const missing = error('42P01', 'table "x" does not exist')
    const skipped = error('00000', 'table "x" does not exist, skipping', { severity: 'NOTICE' })
    for (const verb of ['drop table', 'alter table', 'create table', 'create view', 'grant']) {
      expect(mustWithhold(missing, definition(verb), false), verb).toBe(false)
      expect(mustWithhold(skipped, definition(verb), false), verb).toBe(false)
    }
    for (const verb of ['create index', 'create table as', 'create materialized view', 'select into', 'cluster']) {
      expect(mustWithhold(missing, definition(verb), false), verb).toBe(true)
    }
    expect(mustWithhold(missing, definition('create table', { functions: [{ name: 'f' }] }), false)).toBe(true)
    expect(mustWithhold({ ...skipped, where: 'PL/pgSQL function f()' }, definition('drop table'), false)).toBe(true)
    expect(mustWithhold(error('22P02', 'x'), definition('alter table'), false)).toBe(true)
  })

  it('is withheld at the end of a transaction in which one ran', () => {
    const fields = error('23503', 'violates foreign key constraint', { detail: 'Key (ssn)=(1)' })
    expect(mustWithhold(fields, undefined, true)).toBe(true)
    expect(mustWithhold(fields, undefined, false)).toBe(false)
  })
})
