import { SluiceError } from '@sluice/domain'
import { encodeErrorResponse } from '@sluice/wire/postgres'
import { describe, expect, test } from 'vitest'
import {
  bind,
  bound,
  closed,
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
  settle,
  suspended,
  sync,
  terminate,
} from './scripted-session.js'

const REFUSED = 'E 42501 refused by rule `r`'
/** What goes to the server instead of a refused message. */
const PROBE = 'D Srefused by sluice'
const PROBE_QUERY = 'Q refused by sluice'

describe('simple queries', () => {
  test('an allowed query and its answer pass as they came', async () => {
    const session = new ScriptedSession()
    const answer = Buffer.concat([rowDescription('a'), dataRow('1'), complete('SELECT 1'), ready()])
    await session.client(query('select 1'))
    expect(session.serverBytes).toEqual(query('select 1'))
    await session.server(answer)
    expect(session.clientBytes).toEqual(answer)
    expect(session.gate.log).toEqual(['admit select 1', 'finished 1 SELECT 1 rows 1 bytes 12'])
    expect(session.relay.idle).toBe(true)
  })

  test('a refused query fails on the server, and the client reads why', async () => {
    const session = new ScriptedSession()
    await session.client(query('forbidden'))
    expect(session.sent()).toEqual([PROBE_QUERY])
    await session.server(noSuchStatement, ready('E'))
    expect(session.told()).toEqual([REFUSED, 'Z E'])
    await session.client(query('select 1'))
    expect(session.sent()).toEqual(['Q select 1'])
  })

  test('pipelined queries are answered in order, refusals too', async () => {
    const session = new ScriptedSession()
    await session.client(query('a'), query('forbidden'), query('b'))
    expect(session.sent()).toEqual(['Q a', PROBE_QUERY, 'Q b'])
    await session.server(complete('A'), ready(), noSuchStatement, ready(), complete('B'), ready())
    expect(session.told()).toEqual(['C A', 'Z I', REFUSED, 'Z I', 'C B', 'Z I'])
    expect(session.gate.log.slice(-2)).toEqual(['finished 1 A rows 0 bytes 0', 'finished 2 B rows 0 bytes 0'])
  })

  test('a text of several statements has several outcomes under one pass', async () => {
    const session = new ScriptedSession()
    await session.client(query('a;b'))
    await session.server(rowDescription('x'), dataRow('1'), complete('SELECT 1'), complete('UPDATE 7'), ready('T'))
    expect(session.gate.log).toEqual([
      'admit a;b',
      'finished 1 SELECT 1 rows 1 bytes 12',
      'finished 1 UPDATE 7 rows 7 bytes 0',
    ])
    expect(session.relay.idle).toBe(false)
  })

  test('an empty query is the server`s to answer', async () => {
    const session = new ScriptedSession()
    await session.client(query(''))
    await session.server(emptyQuery, ready())
    expect(session.told()).toEqual(['I', 'Z I'])
  })

  test('while the gate takes its time the client is held, and later messages stay in order', async () => {
    const session = new ScriptedSession()
    session.relay.fromClient(Buffer.concat([query('later 1'), query('2')]))
    session.relay.fromClient(query('3'))
    expect(session.held).toEqual(new Set(['client']))
    expect(session.sent()).toEqual([])
    await settle()
    expect(session.held).toEqual(new Set())
    expect(session.sent()).toEqual(['Q later 1', 'Q 2', 'Q 3'])
  })

  test('the function call protocol is refused in its place', async () => {
    const session = new ScriptedSession()
    await session.client(message('F', Buffer.alloc(12)))
    expect(session.sent()).toEqual([PROBE_QUERY])
    await session.server(noSuchStatement, ready())
    expect(session.told()).toEqual(['E 0A000 the function call protocol is not supported by this gateway', 'Z I'])
    expect(session.gate.log).toEqual(['refuse function call'])
  })

  test('the error position and the syntax error`s own code reach the client', async () => {
    const session = new ScriptedSession()
    session.gate.admit = () => ({
      kind: 'refusal',
      error: new SluiceError('statement_syntax', 'syntax error at or near "selct"', { position: 3 }),
    })
    await session.client(query('x'))
    await session.server(noSuchStatement, ready())
    expect(session.clientBytes.includes('P3\0')).toBe(true)
    expect(session.told()[0]).toBe('E 42601 syntax error at or near "selct"')
  })
})

describe('extended queries', () => {
  const run = (sql: string) => [parse('', sql), bind('', ''), describePortal(''), execute(), sync]
  const answer = [parsed, bound, rowDescription('a'), dataRow('1'), complete('SELECT 1'), ready()]

  test('an allowed statement and its answer pass as they came', async () => {
    const session = new ScriptedSession()
    await session.client(...run('select 1'))
    expect(session.serverBytes).toEqual(Buffer.concat(run('select 1')))
    await session.server(...answer)
    expect(session.clientBytes).toEqual(Buffer.concat(answer))
    expect(session.gate.log).toEqual(['permit select 1', 'admit select 1', 'finished 1 SELECT 1 rows 1 bytes 12'])
    expect(session.relay.idle).toBe(true)
  })

  test('a refused Parse fails in its place, and what follows up to Sync goes nowhere', async () => {
    const session = new ScriptedSession()
    await session.client(...run('a'), ...run('forbidden'), ...run('b'))
    expect(session.sent()).toEqual(['P <a', 'B <', 'D P', 'E ', 'S', PROBE, 'S', 'P <b', 'B <', 'D P', 'E ', 'S'])
    await session.server(...answer, noSuchStatement, ready(), ...answer)
    const told = ['1', '2', 'T a', 'D 1', 'C SELECT 1', 'Z I']
    expect(session.told()).toEqual([...told, REFUSED, 'Z I', ...told])
  })

  test('in one segment a refusal ends the segment, as an error of the server does', async () => {
    const session = new ScriptedSession()
    const all = [...run('a').slice(0, 4), ...run('forbidden').slice(0, 4), ...run('b')]
    await session.client(...all)
    expect(session.sent()).toEqual(['P <a', 'B <', 'D P', 'E ', PROBE, 'S'])
    await session.server(...answer.slice(0, 5), noSuchStatement, ready())
    expect(session.told()).toEqual(['1', '2', 'T a', 'D 1', 'C SELECT 1', REFUSED, 'Z I'])
    expect(session.gate.log.some((line) => line.endsWith(' b'))).toBe(false)
  })

  test('a refusal that the server skips, because something before it failed, is not answered', async () => {
    const session = new ScriptedSession()
    await session.client(parse('', 'a'), parse('', 'forbidden'), sync, query('b'))
    await session.server(serverError('42601', 'syntax'), ready(), complete('B'), ready())
    expect(session.told()).toEqual(['E 42601 syntax', 'Z I', 'C B', 'Z I'])
    expect(session.ended).toEqual([])
  })

  test('a refused query that the server skips is not answered either', async () => {
    const session = new ScriptedSession()
    await session.client(parse('', 'a'), query('forbidden'), sync, query('b'))
    expect(session.sent()).toEqual(['P <a', PROBE_QUERY, 'S', 'Q b'])
    await session.server(serverError('42601', 'syntax'), ready(), complete('B'), ready())
    expect(session.told()).toEqual(['E 42601 syntax', 'Z I', 'C B', 'Z I'])
  })

  test('statements that the server skips are told to have not run', async () => {
    const session = new ScriptedSession()
    await session.client(...run('a').slice(0, 4), ...run('b'))
    await session.server(parsed, bound, rowDescription('x'), serverError('22012', 'division by zero'), ready())
    expect(session.gate.log.slice(-2)).toEqual([
      'failed 1 22012 division by zero',
      'failed 2 25000 not run: an earlier message of the same pipeline failed',
    ])
    expect(session.relay.idle).toBe(true)
  })

  test('a Bind that is refused at execution fails in its place', async () => {
    const session = new ScriptedSession()
    session.gate.permit = (statement) =>
      ({ kind: 'pass', statement, number: 0, masking: 'none', rowsToRecord: 0 }) as never
    await session.client(parse('p', 'forbidden'), sync)
    await session.server(parsed, ready())
    await session.client(bind('', 'p'), execute(), sync)
    expect(session.sent()).toEqual(['P p<forbidden', 'S', PROBE, 'S'])
    await session.server(noSuchStatement, ready())
    expect(session.told()).toEqual(['1', 'Z I', REFUSED, 'Z I'])
  })

  test('what arrives after the client has learned of the error is dropped up to Sync', async () => {
    const session = new ScriptedSession()
    await session.client(parse('', 'a'), flush)
    await session.server(serverError('42601', 'syntax'))
    await session.client(bind('', ''), query('b'), execute(), sync, query('c'))
    expect(session.sent()).toEqual(['P <a', 'H', 'S', 'Q c'])
    await session.server(ready(), complete('C'), ready())
    expect(session.told()).toEqual(['E 42601 syntax', 'Z I', 'C C', 'Z I'])
  })

  test('an error at Sync itself belongs to the Sync', async () => {
    const session = new ScriptedSession()
    await session.client(...run('a'))
    await session.server(...answer.slice(0, 5), serverError('23503', 'deferred constraint'), ready())
    expect(session.told().slice(-2)).toEqual(['E 23503 deferred constraint', 'Z I'])
    expect(session.relay.idle).toBe(true)
  })

  test('a suspended portal goes on under its pass, and has one outcome', async () => {
    const session = new ScriptedSession()
    await session.client(parse('', 'a'), bind('c', ''), execute('c', 1), flush)
    await session.server(parsed, bound, dataRow('1'), suspended)
    await session.client(execute('c', 1), sync)
    await session.server(dataRow('2'), complete('SELECT 1'), ready())
    expect(session.told()).toEqual(['1', '2', 'D 1', 's', 'D 2', 'C SELECT 1', 'Z I'])
    expect(session.gate.log.filter((line) => !line.startsWith('permit'))).toEqual([
      'admit a',
      'finished 1 SELECT 1 rows 2 bytes 24',
    ])
  })

  test('a suspended portal whose last part is empty keeps its count', async () => {
    const session = new ScriptedSession()
    await session.client(parse('', 'a'), bind('c', ''), execute('c', 1), execute('c', 1), sync)
    await session.server(parsed, bound, dataRow('1'), suspended, complete('SELECT 0'), ready())
    expect(session.gate.log.at(-1)).toBe('finished 1 SELECT 0 rows 1 bytes 12')
  })

  test('portals end with the transaction', async () => {
    const session = new ScriptedSession()
    await session.client(parse('', 'a'), bind('c', ''), sync)
    await session.server(parsed, bound, ready('I'))
    session.sent()
    await session.client(execute('c'), sync)
    expect(session.sent()).toEqual([PROBE, 'S'])
    await session.server(noSuchStatement, ready())
    expect(session.told().slice(-2)).toEqual(['E 34000 portal "c" does not exist', 'Z I'])
  })

  test('closing is answered in order', async () => {
    const session = new ScriptedSession()
    await session.client(parse('p', 'a'), closeStatement('p'), sync)
    await session.server(parsed, closed, ready())
    session.sent()
    await session.client(bind('', 'p'), sync)
    expect(session.sent()).toEqual([PROBE, 'S'])
    await session.server(noSuchStatement, ready())
    expect(session.told().slice(-2)).toEqual(['E 26000 prepared statement "p" does not exist', 'Z I'])
  })

  test('the name that refusals use cannot be taken', async () => {
    const session = new ScriptedSession()
    await session.client(parse('refused by sluice', 'a'), sync, query('prepare p as a'))
    await session.server(noSuchStatement, ready(), complete('PREPARE'), ready())
    expect(session.told()[0]).toBe("E 42501 the name `refused by sluice` is the gateway's own")
  })
})

describe('names of prepared statements', () => {
  const admitted = (session: ScriptedSession) => session.gate.log.filter((line) => line.startsWith('admit'))

  test('after a Parse that failed, the name still means what it meant', async () => {
    const session = new ScriptedSession()
    await session.client(parse('p', 'a'), sync, parse('p', 'b'), sync)
    await session.server(parsed, ready())
    session.relay.fromClient(Buffer.concat([bind('', 'p'), execute(), sync]))
    expect(session.held).toEqual(new Set(['client']))
    await session.server(serverError('42P05', 'prepared statement "p" already exists'), ready())
    expect(session.held).toEqual(new Set())
    expect(admitted(session)).toEqual(['admit a'])
    expect(session.sent()).toEqual(['P p<a', 'S', 'P p<b', 'S', 'B <p', 'E ', 'S'])
  })

  test('within one segment the latest Parse counts at once', async () => {
    const session = new ScriptedSession()
    await session.client(parse('', 'a'), bind('', ''), parse('', 'b'), bind('', ''), sync)
    expect(admitted(session)).toEqual(['admit a', 'admit b'])
  })

  test('a failed Parse of the unnamed statement leaves none', async () => {
    const session = new ScriptedSession()
    await session.client(parse('', 'a'), sync, parse('', 'b'), sync)
    await session.server(parsed, ready(), serverError('42601', 'syntax'), ready())
    session.sent()
    await session.client(bind('', ''), sync)
    expect(session.sent()).toEqual([PROBE, 'S'])
    expect(admitted(session)).toEqual([])
  })

  test('a Parse of the unnamed statement that was skipped leaves the old one', async () => {
    const session = new ScriptedSession()
    await session.client(parse('', 'a'), sync, parse('x', 'b'), parse('', 'c'), sync)
    await session.server(parsed, ready(), serverError('42601', 'syntax'), ready())
    await session.client(bind('', ''), sync)
    expect(admitted(session)).toEqual(['admit a'])
  })

  test('names longer than 63 bytes are one where the server takes them for one', async () => {
    const session = new ScriptedSession()
    const long = 'x'.repeat(63)
    await session.client(parse(`${long}1`, 'a'), bind('', `${long}2`), sync)
    expect(admitted(session)).toEqual(['admit a'])
  })

  test('EXECUTE is decided with everything that may stand behind the name', async () => {
    const session = new ScriptedSession()
    await session.client(
      query('prepare p as a'),
      query('prepare p as b; execute p'),
      parse('p', 'c'),
      sync,
      query('execute p'),
    )
    expect(admitted(session).at(-1)).toBe('admit execute p | c | prepare p as a | prepare p as b; execute p')
  })

  test('EXECUTE of a name that the gate refuses is refused', async () => {
    const session = new ScriptedSession()
    session.gate.permit = (statement) =>
      ({ kind: 'pass', statement, number: 0, masking: 'none', rowsToRecord: 0 }) as never
    await session.client(parse('p', 'forbidden'), sync, query('execute p'))
    expect(session.sent().slice(-1)).toEqual([PROBE_QUERY])
  })

  test('EXECUTE of an unknown name fails as on the server', async () => {
    const session = new ScriptedSession()
    await session.client(query('execute nope'))
    await session.server(noSuchStatement, ready())
    expect(session.told()[0]).toBe('E 26000 prepared statement "nope" does not exist')
    expect(admitted(session)).toEqual([])
  })

  test('a name that SQL prepared can be bound, decided with all that it may mean', async () => {
    const session = new ScriptedSession()
    await session.client(query('prepare p as a'))
    await session.server(complete('PREPARE'), ready())
    await session.client(bind('', 'p'), execute(), sync)
    expect(admitted(session).at(-1)).toBe('admit prepare p as a | prepare p as a')
  })

  test('a portal whose name a cursor may have taken is not executed under the old pass', async () => {
    const session = new ScriptedSession()
    await session.client(query('begin'), parse('', 'a'), bind('c', ''), sync)
    await session.server(complete('BEGIN'), ready('T'), parsed, bound, ready('T'))
    await session.client(query('close c; declare c cursor for select ssn from secret'))
    await session.server(complete('CLOSE'), complete('DECLARE CURSOR'), ready('T'))
    session.sent()
    await session.client(execute('c'), sync)
    expect(session.sent()).toEqual([PROBE, 'S'])
  })
})

describe('masking', () => {
  const columns = rowDescription('id', { name: 'ssn', table: 10, attribute: 2 })

  test('masked columns are rewritten, the others and NULL stay', async () => {
    const session = new ScriptedSession()
    await session.client(query('secret'))
    await session.server(columns, dataRow('1', '123-45'), dataRow('2', null), complete('SELECT 2'), ready())
    const told = session.told()
    expect(told.slice(0, 1)).toEqual(['T id,ssn'])
    expect(told[1]).toMatch(/^D 1,[^0-9]*$/)
    expect(told.slice(2)).toEqual(['D 2,NULL', 'C SELECT 2', 'Z I'])
  })

  test('while the masks are looked up the rows wait', async () => {
    const session = new ScriptedSession()
    await session.client(query('later secret'))
    session.relay.fromServer(Buffer.concat([columns, dataRow('1', '123-45')]))
    expect(session.held).toEqual(new Set(['server']))
    expect(session.told()).toEqual(['T id,ssn'])
    await session.server(complete('SELECT 1'), ready())
    expect(session.held).toEqual(new Set())
    expect(session.told()[0]).toMatch(/^D 1,[^0-9]*$/)
  })

  test('binary rows stay valid', async () => {
    const session = new ScriptedSession()
    await session.client(parse('', 'secret'), bind('', '', { resultFormats: [1] }), describePortal(''), execute(), sync)
    const number = Buffer.from([0, 0, 1, 44])
    await session.server(
      parsed,
      bound,
      rowDescription({ name: 'id', type: 23, format: 1 }, { name: 'ssn', type: 23, format: 1 }),
      dataRow(number, number),
      complete('SELECT 1'),
      ready(),
    )
    expect(session.clientBytes.includes(dataRow(number, number))).toBe(false)
    expect(session.clientBytes.includes(dataRow(number, Buffer.alloc(4)))).toBe(true)
  })

  test('where the client asks for no description the relay does, and keeps the answer to itself', async () => {
    const session = new ScriptedSession()
    await session.client(parse('p', 'secret'), describeStatement('p'), sync)
    await session.server(parsed, parameterDescription(), columns, ready())
    session.told()
    session.sent()
    await session.client(bind('', 'p'), execute(), sync)
    expect(session.sent()).toEqual(['B <p', 'D P', 'E ', 'S'])
    await session.server(bound, columns, dataRow('1', '123-45'), complete('SELECT 1'), ready())
    const told = session.told()
    expect(told[0]).toBe('2')
    expect(told[1]).toMatch(/^D 1,[^0-9]*$/)
    expect(told.length).toBe(4)
  })

  test('an Execute without rows needs none', async () => {
    const session = new ScriptedSession()
    await session.client(parse('', 'update secret'), bind('', ''), execute(), sync)
    await session.server(parsed, bound, noData, complete('UPDATE 3'), ready())
    expect(session.told()).toEqual(['1', '2', 'C UPDATE 3', 'Z I'])
  })

  test('a suspended portal is masked to its end', async () => {
    const session = new ScriptedSession()
    await session.client(parse('', 'secret'), bind('c', ''), execute('c', 1), sync)
    await session.server(parsed, bound, columns, dataRow('1', '123'), suspended, ready('T'))
    await session.client(execute('c', 1), sync)
    await session.server(dataRow('2', '456'), complete('SELECT 1'), ready('T'))
    expect(session.clientBytes.includes('123')).toBe(false)
    expect(session.clientBytes.includes('456')).toBe(false)
    expect(session.ended).toEqual([])
  })

  const hostile: [string, Buffer[]][] = [
    ['rows without a description', [dataRow('1', '123-45')]],
    ['a row with a column less', [columns, dataRow('123-45')]],
    ['a row with a column more', [columns, dataRow('1', '2', '123-45')]],
    [
      'a row that ends within a value',
      [columns, message('D', Buffer.from([0, 2, 0, 0, 0, 1, 49, 0, 0, 0, 9, 49, 50, 51]))],
    ],
    ['a COPY', [copyOut, copyData('1\t123-45')]],
    ['a COPY in both directions', [message('W', Buffer.from([0, 0, 0]))]],
  ]
  test.each(hostile)('%s ends the session instead of showing a value', async (_what, messages) => {
    const session = new ScriptedSession()
    await session.client(query('secret'))
    await session.server(...messages)
    expect(session.ended.length).toBe(1)
    expect(session.told().at(-1)).toMatch(/^E FATAL 08P01/)
    expect(session.clientBytes.includes('123')).toBe(false)
  })

  test('errors and notices that could show a value come without their text', async () => {
    const session = new ScriptedSession()
    await session.client(query('secret'), query('secret'), query('secret'), query('plain'))
    const failure = serverError('22P02', 'invalid input syntax for type integer: "123-45"')
    await session.server(
      notice('123-45'),
      failure,
      ready(),
      encodeErrorResponse({ severity: 'ERROR', code: '42P01', message: 'no such table', position: 15 }),
      ready(),
      serverError('42704', 'unrecognized configuration parameter "123-45"'),
      ready(),
      failure,
      ready(),
    )
    const withheld = 'the text of this message is withheld by the gateway'
    expect(session.told()).toEqual([
      `N NOTICE 00000 ${withheld}`,
      `E 22P02 ${withheld}`,
      'Z I',
      'E 42P01 no such table',
      'Z I',
      `E 42704 ${withheld}`,
      'Z I',
      'E 22P02 invalid input syntax for type integer: "123-45"',
      'Z I',
    ])
    expect(session.gate.log.filter((line) => line.includes('123-45')).length).toBe(1)
  })

  test('what is checked at the end of a transaction is withheld as what ran in it', async () => {
    const session = new ScriptedSession()
    await session.client(parse('', 'secret'), bind('', ''), execute(), sync)
    await session.server(
      parsed,
      bound,
      noData,
      complete('UPDATE 1'),
      serverError('23503', 'Key (ssn)=(123-45)'),
      ready(),
    )
    expect(session.clientBytes.includes('123-45')).toBe(false)
    await session.client(sync)
    await session.server(serverError('23503', 'another'), ready())
    expect(session.told().slice(-2)).toEqual(['E 23503 another', 'Z I'])
  })
})

describe('recording', () => {
  test('the first rows are handed over masked, as text, with their columns', async () => {
    const session = new ScriptedSession()
    session.gate.rowsToRecord = 2
    await session.client(query('secret'))
    const rows = ['1', '2', '3'].map((id) => dataRow(id, '123-45'))
    await session.server(rowDescription({ name: 'id', type: 23 }, 'ssn'), ...rows, complete('SELECT 3'), ready())
    const [result] = session.gate.results
    expect(result?.columns).toEqual([
      { name: 'id', type: 'integer' },
      { name: 'ssn', type: 'text', masked: true },
    ])
    expect(result?.rows.length).toBe(2)
    expect(JSON.stringify(result)).not.toContain('123-45')
    expect(session.gate.log.at(-1)).toMatch(/^finished 1 SELECT 3 rows 3/)
  })

  test('parameters are recorded as text where their type is known', async () => {
    const session = new ScriptedSession()
    await session.client(parse('', 'a', [23, 0, 25]))
    const binary = Buffer.from([0, 0, 1, 0])
    await session.client(bind('', '', { values: [binary, binary, null, 'x'], valueFormats: [1, 1, 1, 0] }), sync)
    expect(session.gate.parameters).toEqual([['256', { bytes: 4 }, null, 'x']])
  })

  test('rows of a statement that was never described have no names', async () => {
    const session = new ScriptedSession()
    session.gate.rowsToRecord = 5
    await session.client(parse('', 'a'), bind('', ''), execute(), sync)
    await session.server(parsed, bound, dataRow('1', null), complete('SELECT 1'), ready())
    expect(session.gate.results).toEqual([
      {
        columns: [
          { name: 'column 1', type: 'unknown' },
          { name: 'column 2', type: 'unknown' },
        ],
        rows: [['1', null]],
      },
    ])
  })
})

describe('COPY', () => {
  test('out passes as a stream', async () => {
    const session = new ScriptedSession()
    await session.client(query('copy t to stdout'))
    const answer = [copyOut, copyData('1\n'), copyData('2\n'), copyDone, complete('COPY 2'), ready()]
    await session.server(...answer)
    expect(session.clientBytes).toEqual(Buffer.concat(answer))
    expect(session.gate.log.at(-1)).toBe('finished 1 COPY 2 rows 2 bytes 14')
  })

  test('in passes as a stream, after which the session goes on', async () => {
    const session = new ScriptedSession()
    await session.client(query('copy t from stdin'))
    await session.server(copyIn)
    await session.client(copyData('1\n'), copyDone, query('b'))
    await session.server(complete('COPY 1'), ready(), complete('B'), ready())
    expect(session.told()).toEqual(['G', 'C COPY 1', 'Z I', 'C B', 'Z I'])
    expect(session.relay.idle).toBe(true)
  })

  test('in the extended protocol swallows the Sync that was sent with it', async () => {
    const session = new ScriptedSession()
    await session.client(parse('', 'copy t from stdin'), bind('', ''), execute(), sync)
    await session.server(parsed, bound, copyIn)
    await session.client(copyData('1\n'), copyDone, sync)
    await session.server(complete('COPY 1'), ready())
    await session.client(query('b'))
    await session.server(complete('B'), ready())
    expect(session.told().slice(-4)).toEqual(['C COPY 1', 'Z I', 'C B', 'Z I'])
    expect(session.relay.idle).toBe(true)
  })

  test('in that fails before the Sync was read has two ends', async () => {
    const session = new ScriptedSession()
    await session.client(parse('', 'copy t from stdin'), bind('', ''), execute(), sync)
    await session.server(parsed, bound, copyIn)
    await session.client(copyData('1\n'), copyDone, sync)
    await session.server(serverError('P0001', 'trigger says no'), ready(), ready())
    await session.client(query('b'))
    await session.server(complete('B'), ready())
    expect(session.told().slice(-5)).toEqual(['E P0001 trigger says no', 'Z I', 'Z I', 'C B', 'Z I'])
    expect(session.ended).toEqual([])
  })

  test('in that fails lets the rest of the data go nowhere', async () => {
    const session = new ScriptedSession()
    await session.client(query('copy t from stdin'))
    await session.server(copyIn)
    await session.client(copyData('x\n'))
    await session.server(serverError('22P02', 'bad'), ready())
    session.sent()
    await session.client(copyData('y\n'), copyDone, query('b'))
    expect(session.sent()).toEqual(['Q b'])
    await session.server(complete('B'), ready())
    expect(session.relay.idle).toBe(true)
  })
})

describe('the end of a session', () => {
  test('Terminate is passed on and ends it', async () => {
    const session = new ScriptedSession()
    await session.client(terminate)
    expect(session.sent()).toEqual(['X'])
    expect(session.ended).toEqual(['the client ended the session'])
  })

  test('what was asked before Terminate is still answered', async () => {
    const session = new ScriptedSession()
    await session.client(query('a'), terminate)
    expect(session.sent()).toEqual(['Q a', 'X'])
    expect(session.ended).toEqual([])
    await session.server(complete('A'), ready())
    expect(session.told()).toEqual(['C A', 'Z I'])
    expect(session.ended).toEqual(['the client ended the session'])
  })

  test('the server`s last words reach the client', async () => {
    const session = new ScriptedSession()
    await session.server(serverError('57P01', 'terminating connection', 'FATAL'))
    session.relay.serverEnded()
    expect(session.told()).toEqual(['E FATAL 57P01 terminating connection'])
    expect(session.ended).toEqual(['the server ended the session'])
  })

  test('a server that goes without a word is an error for the client', async () => {
    const session = new ScriptedSession()
    await session.client(query('a'))
    session.relay.serverEnded()
    expect(session.told()).toEqual(['E FATAL 08006 the server closed the connection unexpectedly'])
    expect(session.ended.length).toBe(1)
  })

  test('an idle session is terminated at once', () => {
    const session = new ScriptedSession()
    session.relay.terminate(new SluiceError('shutting_down', 'the gateway is shutting down'))
    expect(session.told()).toEqual(['E FATAL 57P01 the gateway is shutting down'])
    expect(session.sent()).toEqual(['X'])
    expect(session.ended.length).toBe(1)
  })

  test('a session that was idle for too long is told so in the server`s code', () => {
    const session = new ScriptedSession()
    session.relay.terminate(new SluiceError('limit_exceeded', 'idle for too long'))
    expect(session.told()).toEqual(['E FATAL 57P05 idle for too long'])
  })

  test('a busy session is terminated after its answer, and takes nothing more', async () => {
    const session = new ScriptedSession()
    await session.client(query('a'))
    session.relay.terminate(new SluiceError('shutting_down', 'bye'))
    await session.client(query('b'))
    expect(session.ended).toEqual([])
    await session.server(complete('A'), ready())
    expect(session.told()).toEqual(['C A', 'Z I', 'E FATAL 57P01 bye'])
    expect(session.sent()).toEqual(['Q a', 'H', 'X'])
  })

  test('a second terminate does not wait', async () => {
    const session = new ScriptedSession()
    await session.client(query('a'))
    session.relay.terminate(new SluiceError('shutting_down', 'bye'))
    session.relay.terminate(new SluiceError('shutting_down', 'now'))
    expect(session.told()).toEqual(['E FATAL 57P01 now'])
  })

  const badSettings: [string, string, string][] = [
    ['standard_conforming_strings', 'off', '`standard_conforming_strings` must stay on behind this gateway'],
    ['client_encoding', 'SJIS', 'client encoding `SJIS` is not allowed by this gateway'],
  ]
  test.each(badSettings)('%s becoming %s ends it', async (name, value, text) => {
    const session = new ScriptedSession()
    await session.server(parameterStatus(name, value))
    expect(session.told()).toEqual([`E FATAL 0A000 ${text}`])
    expect(session.ended.length).toBe(1)
  })

  test('settings that do not matter pass at any time', async () => {
    const session = new ScriptedSession()
    await session.server(parameterStatus('TimeZone', 'UTC'), message('A', Buffer.from('\0\0\0\x01chan\0payload\0')))
    expect(session.told()).toEqual(['S', 'A'])
  })

  test('in other encodings than UTF-8 a text above ASCII is refused', async () => {
    const session = new ScriptedSession(undefined, 'LATIN1')
    await session.client(query('select 1'), query('select é'))
    expect(session.sent()).toEqual(['Q select 1', PROBE_QUERY])
  })

  const bad: [string, Buffer][] = [
    ['an unknown type', message('y')],
    ['a length below 4', Buffer.from([0x51, 0, 0, 0, 3])],
    ['an endless length', Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff])],
    ['a query without its NUL', message('Q', 'a')],
    ['a query of two strings', message('Q', 'a\0b\0')],
    ['a Sync with content', message('S', 'x')],
    ['a Bind that ends early', message('B', 'p\0s\0')],
    ['a password after login', message('p', 'x\0')],
  ]
  test.each(bad)('%s from the client ends it with a protocol violation', async (_what, bytes) => {
    const session = new ScriptedSession()
    await session.client(bytes)
    expect(session.told().at(-1)).toMatch(/^E FATAL 08P01/)
    expect(session.ended.length).toBe(1)
  })

  test('a message above the limit ends it with that reason, before it is all here', async () => {
    const session = new ScriptedSession()
    const header = Buffer.from([0x51, 0x10, 0, 0, 0])
    await session.client(Buffer.concat([header, Buffer.from('select')]))
    expect(session.told().at(-1)).toMatch(/^E FATAL 54000 a message of 268435457 bytes/)
  })

  const unasked: [string, Buffer][] = [
    ['ReadyForQuery', ready()],
    ['a row', dataRow('1')],
    ['ParseComplete', parsed],
    ['CommandComplete', complete('X')],
    ['an error', serverError('42601', 'x')],
    ['CopyData', copyData('x')],
    ['an authentication request', message('R', Buffer.alloc(4))],
  ]
  test.each(unasked)('%s that nothing asked for ends it', async (_what, bytes) => {
    const session = new ScriptedSession()
    await session.server(bytes)
    expect(session.told().at(-1)).toMatch(/^E FATAL 08P01/)
  })

  const answered: [string, Buffer, Buffer][] = [
    ['a description', parse('', 'forbidden'), parameterDescription()],
    ['a result', query('forbidden'), rowDescription('a')],
    ['an outcome', query('forbidden'), complete('SELECT 1')],
    ['no error', query('forbidden'), ready()],
  ]
  test.each(answered)('%s where a refused statement must fail ends it', async (_what, command, bytes) => {
    const session = new ScriptedSession()
    await session.client(command)
    await session.server(bytes)
    expect(session.told().at(-1)).toMatch(/^E FATAL 08P01/)
  })
})
