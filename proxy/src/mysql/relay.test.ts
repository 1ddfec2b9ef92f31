import { SluiceError } from '@sluice/domain'
import { type ColumnDefinition, encodeErrPacket, encodeLengthEncodedInteger } from '@sluice/wire/mysql'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { wireColumn } from './row-look.js'
import {
  binaryRow,
  bytes,
  CLASSIC,
  count,
  definition,
  eof,
  err,
  frame,
  lenenc,
  MODERN,
  ok,
  okEnd,
  packets,
  ScriptedSession,
  textRow,
  u16,
  u32,
} from './scripted-session.js'

const email = { name: 'email' }
const id = { name: 'id', type: 3, charset: 63 }
const MORE = 0x0008
const CURSOR = 0x0040
const STATE_CHANGED = 0x4000

/** The packets of a result, as the agreed capabilities have it. */
const resultOf = (modern: boolean, columns: Buffer[], rows: Buffer[], status = 2) => [
  count(columns.length),
  ...columns,
  ...(modern ? [] : [eof(status)]),
  ...rows,
  modern ? okEnd(status) : eof(status),
]

describe.each([
  ['with CLIENT_DEPRECATE_EOF', MODERN, true],
  ['without CLIENT_DEPRECATE_EOF', CLASSIC, false],
])('a result %s', (_title, capabilities, modern) => {
  const result = resultOf(modern, [definition(id), definition(email)], [textRow('1', 'bob@x.de'), textRow('2', null)])

  it('goes to the client as it came, and is recorded', () => {
    const session = new ScriptedSession({ capabilities })
    session.query('select id, email from users').serve(1, ...result)
    expect(Buffer.concat(session.toServer)).toEqual(frame(0, bytes(3, 'select id, email from users')))
    expect(Buffer.concat(session.toClient)).toEqual(frame(1, ...result))
    expect(session.gate.results).toEqual([
      {
        columns: [
          { name: 'id', type: 'long' },
          { name: 'email', type: 'varstring' },
        ],
        rows: [
          ['1', 'bob@x.de'],
          ['2', null],
        ],
      },
    ])
    expect(session.gate.log).toEqual(['admit select id, email from users', 'finished 1: OK 2 rows, 14 bytes'])
    expect(session.relay.idle).toBe(true)
  })

  it('has its masked columns rewritten, NULL stays NULL', () => {
    const session = new ScriptedSession({ capabilities })
    session.query('select masked').serve(1, ...result)
    const masked = resultOf(modern, [definition(id), definition(email)], [textRow('1', '***'), textRow('2', null)])
    expect(Buffer.concat(session.toClient)).toEqual(frame(1, ...masked))
    expect(session.gate.results[0]).toEqual({
      columns: [
        { name: 'id', type: 'long' },
        { name: 'email', type: 'varstring', masked: true },
      ],
      rows: [
        ['1', '***'],
        ['2', null],
      ],
    })
  })

  it('waits for a plan that is a promise, and holds the server meanwhile', async () => {
    const session = new ScriptedSession({ capabilities })
    session.query('select masked planned').serve(1, ...result)
    expect(session.held.has('server')).toBe(true)
    expect(Buffer.concat(session.toClient).includes('bob')).toBe(false)
    await session.settled()
    expect(session.held.size).toBe(0)
    expect(Buffer.concat(session.toClient)).toEqual(
      frame(1, ...resultOf(modern, [definition(id), definition(email)], [textRow('1', '***'), textRow('2', null)])),
    )
  })

  it('is followed by the next one of the same text', () => {
    const session = new ScriptedSession({ capabilities })
    const two = [
      ...resultOf(modern, [definition(email)], [textRow('bob@x.de')], 2 | MORE),
      ok(2 | MORE, 5),
      ...resultOf(modern, [definition(id)], [textRow('7')]),
    ]
    session.query('select masked; update x; select id').serve(1, ...two)
    expect(session.clientSaw.length).toBe(two.length)
    expect(session.gate.log.slice(1)).toEqual([
      'finished 1: OK 1 rows, 9 bytes',
      'finished 1: OK 5 rows, 0 bytes',
      'finished 1: OK 1 rows, 2 bytes',
    ])
    expect(Buffer.concat(session.toClient).includes('bob')).toBe(false)
  })

  it('may end with an error in the place of a row', () => {
    const session = new ScriptedSession({ capabilities })
    session.query('select masked').serve(1, ...result.slice(0, -1), err(1317, 'interrupted'))
    expect(session.gate.log.at(-1)).toBe('failed 1: 1317 interrupted')
    expect(session.relay.idle).toBe(true)
    expect(session.ended).toBeUndefined()
  })

  it('is the same for the client wherever the chunks are cut', () => {
    const prepared = bytes(0, u32(1), u16(2), u16(1), 0, u16(0))
    const definitions = (columns: Buffer[]) => [...columns, ...(modern ? [] : [eof()])]
    const columns = [definition(id), definition(email)]
    const steps: [side: 'client' | 'server', chunk: Buffer][] = [
      ['client', frame(0, bytes(3, 'select masked'))],
      [
        'server',
        frame(1, ...resultOf(modern, columns, [textRow('1', 'bob@x.de'), textRow(null, 'al@x.de')], 2 | MORE)),
      ],
      ['server', frame(modern ? 7 : 8, ...resultOf(modern, columns, []))],
      ['client', Buffer.concat([frame(0, bytes(3, 'select forbidden')), frame(0, bytes(3, 'select 2 /* no */'))])],
      ['server', frame(1, ok())],
      ['client', frame(0, bytes(0x16, 'select masked where id = ?'))],
      ['server', frame(1, prepared, ...definitions([definition(id)]), ...definitions(columns))],
      [
        'client',
        Buffer.concat([
          frame(0, bytes(0x18, u32(1), u16(0), 'long')),
          frame(0, bytes(0x17, u32(1), 0, u32(1), 0, 1, 253, 0)),
        ]),
      ],
      [
        'server',
        frame(1, ...resultOf(modern, columns, [binaryRow(u32(1), lenenc('bob@x.de')), binaryRow(u32(2), null)])),
      ],
      ['client', frame(0, bytes(0x19, u32(1)))],
    ]
    const run = (cutStep: number, cut: number) => {
      const session = new ScriptedSession({ capabilities })
      steps.forEach(([side, chunk], i) => {
        const parts = i === cutStep ? [chunk.subarray(0, cut), chunk.subarray(cut)] : [chunk]
        for (const part of parts) side === 'client' ? session.relay.fromClient(part) : session.relay.fromServer(part)
      })
      return { session, client: Buffer.concat(session.toClient), server: Buffer.concat(session.toServer) }
    }
    const whole = run(-1, 0)
    expect(whole.session.ended).toBeUndefined()
    expect(whole.client.includes('bob')).toBe(false)
    expect(packets(whole.server).length).toBe(6)
    for (let step = 0; step < steps.length; step++) {
      for (let cut = 0; cut <= steps[step]![1].length; cut++) {
        const { session, client, server } = run(step, cut)
        expect([step, cut, session.ended]).toEqual([step, cut, undefined])
        expect(client.equals(whole.client)).toBe(true)
        expect([step, cut, server.equals(whole.server)]).toEqual([step, cut, true])
        expect(session.gate.log).toEqual(whole.session.gate.log)
        expect(session.gate.results).toEqual(whole.session.gate.results)
      }
    }
  })
})

describe('a statement', () => {
  it('that is refused is answered with an ERR packet, and the session goes on', () => {
    const session = new ScriptedSession()
    session.query('select forbidden')
    expect(session.clientSaw).toHaveLength(1)
    expect(session.clientSaw[0]![3]).toBe(1)
    expect(session.lastError).toBe('1142 no; why; what to do')
    expect(session.toServer).toEqual([])
    session.query('select 1').serve(1, ok())
    expect(session.clientSaw).toHaveLength(2)
    expect(session.ended).toBeUndefined()
  })

  it('that cannot be analysed never goes upstream', () => {
    const session = new ScriptedSession()
    session.query('unreadable').command(0x16, 'unreadable')
    expect(session.toServer).toEqual([])
    expect(session.clientSaw).toHaveLength(2)
  })

  it('goes upstream in the text that was analysed', () => {
    const session = new ScriptedSession()
    session.query('select /* secret */ 1')
    expect(Buffer.concat(session.toServer)).toEqual(frame(0, bytes(3, 'select  1')))
  })

  it('may end with one NUL', () => {
    const session = new ScriptedSession()
    session.query('select 1\0')
    expect(Buffer.concat(session.toServer)).toEqual(frame(0, bytes(3, 'select 1')))
    expect(session.gate.log).toEqual(['admit select 1'])
  })

  it('that waits for its decision holds what the client sends after it', async () => {
    const session = new ScriptedSession()
    session.query('select later').query('select 2')
    expect(session.toServer).toEqual([])
    expect(session.held.has('client')).toBe(true)
    expect(session.relay.idle).toBe(false)
    await session.settled()
    expect(session.serverSaw).toHaveLength(1)
    session.serve(1, ok())
    expect(session.serverSaw).toHaveLength(2)
    expect(session.held.size).toBe(0)
    session.serve(1, ok())
    expect(session.clientSaw).toHaveLength(2)
  })

  it('that waits for its analysis, and is refused then, is answered in order', async () => {
    const session = new ScriptedSession()
    session.query('analysed later, forbidden').query('select 1')
    await session.settled()
    session.serve(1, ok())
    expect(session.clientSaw.map((packet) => packet[4])).toEqual([0xff, 0])
  })

  it('sent before the last answer is complete goes upstream after it', () => {
    const session = new ScriptedSession()
    session.query('select 1').query('select forbidden').query('select 3')
    expect(session.serverSaw).toHaveLength(1)
    session.serve(1, ...resultOf(true, [definition(id)], [textRow('1')]))
    expect(session.serverSaw).toHaveLength(2)
    expect(session.lastError).toMatch(/^1142/)
    session.serve(1, ok())
    expect(session.clientSaw).toHaveLength(6)
  })

  it('with query attributes is read behind them, and they go with it', () => {
    const session = new ScriptedSession({ capabilities: (MODERN | (1 << 27)) >>> 0 })
    const head = bytes(3, 1, 1, 0, 1, 0xfe, 0, lenenc('trace'), lenenc('abc'))
    session.command(head, 'select /*x*/1')
    expect(session.gate.log).toEqual(['admit select /*x*/1'])
    expect(Buffer.concat(session.toServer)).toEqual(frame(0, bytes(head, 'select 1')))
    session.serve(1, ok()).command(3, 1, 1, 0)
    expect(session.lastError).toMatch(/^1835/)
  })
})

describe('a column', () => {
  it('has an origin only with a schema, a table and a name of its own', () => {
    const of = (schema: string, originalTable: string, originalName: string) =>
      wireColumn({ name: 'n', schema, originalTable, originalName } as ColumnDefinition).origin
    expect(of('shop', 'users', 'email')).toEqual({ kind: 'name', schema: 'shop', table: 'users', column: 'email' })
    for (const lacking of [of('', 'tables', 'Tables_in_shop'), of('shop', '', 'email'), of('shop', 'users', '')]) {
      expect(lacking).toEqual({ kind: 'none' })
    }
  })
})

describe('a statement that touches masked columns', () => {
  it('has the text of its error withheld where it could show a value', () => {
    const session = new ScriptedSession()
    const error = (sqlState: string) =>
      encodeErrPacket(0, { errno: 1292, sqlState, message: "incorrect value: 'bob@x.de'" }).subarray(4)
    session.query('select masked').serve(1, error('22007'))
    expect(session.lastError).toMatch(/^1292 the text of this message is withheld/)
    expect(session.gate.log.at(-1)).toMatch(/withheld/)
    session.query('select masked').serve(1, error('42000'))
    expect(session.lastError).toBe("1292 incorrect value: 'bob@x.de'")
    session.query('select 1').serve(1, error('22007'))
    expect(session.lastError).toBe("1292 incorrect value: 'bob@x.de'")
  })

  it('does not show its warnings', () => {
    const session = new ScriptedSession()
    session.query('select masked').serve(1, ok()).query('show warnings')
    expect(session.lastError).toMatch(/^1142 warnings of a statement/)
    session.query('select 1').serve(1, ok()).query('show count(*) warnings')
    expect(session.serverSaw).toHaveLength(2)
    session.query('select other_table').serve(1, ok()).query('show warnings')
    expect(session.serverSaw).toHaveLength(4)
  })
})

describe('a prepared statement', () => {
  const prepareOk = (columns: number, parameters: number) => bytes(0, u32(9), u16(columns), u16(parameters), 0, u16(0))

  it('is decided again at each execution, with its parameters, also when its types were bound before', () => {
    const session = new ScriptedSession()
    session.command(0x16, 'select email where a = ? and b = ?')
    session.serve(1, prepareOk(1, 2), definition(id), definition(id), definition(email))
    const head = bytes(0x17, u32(9), 0, u32(1))
    session
      .command(head, 0, 1, 3, 0, 253, 0, u32(0xffffffff), lenenc('x'))
      .serve(1, ...resultOf(true, [definition(email)], []))
    session.command(head, 2, 0, u32(5)).serve(1, ...resultOf(true, [definition(email)], []))
    expect(session.gate.log.filter((line) => !line.startsWith('finished'))).toEqual([
      'permit select email where a = ? and b = ?',
      'admit select email where a = ? and b = ? with ["-1","x"]',
      'admit select email where a = ? and b = ? with ["5",null]',
    ])
  })

  it('that was not permitted cannot be executed', () => {
    const session = new ScriptedSession()
    session.command(0x16, 'select forbidden').command(0x17, u32(9), 0, u32(1))
    expect(session.toServer).toEqual([])
    expect(session.lastError).toBe('1243 unknown prepared statement 9')
  })

  it("is not MariaDB's last one any more once another failed to prepare", () => {
    const session = new ScriptedSession()
    session.command(0x16, 'select 1').serve(1, prepareOk(0, 0))
    session.command(0x17, u32(0xffffffff), 0, u32(1)).serve(1, ok())
    expect(session.serverSaw).toHaveLength(2)
    session.command(0x16, 'select forbidden').command(0x17, u32(0xffffffff), 0, u32(1))
    expect(session.serverSaw).toHaveLength(2)
    expect(session.lastError).toMatch(/^1243/)
  })

  it('has its binary rows masked: lengths change, NULL stays NULL, a masked value may become NULL', () => {
    const session = new ScriptedSession()
    const columns = [
      definition(id),
      definition(email),
      definition({ name: 'ssn', type: 8, charset: 63 }),
      definition({ name: 'at', type: 12 }),
    ]
    const at = bytes(4, u16(2024), 1, 2)
    session.command(0x16, 'select masked null').serve(1, prepareOk(4, 0), ...columns)
    session.command(0x17, u32(9), 0, u32(1))
    const rows = [binaryRow(u32(1), lenenc('bob@example.com'), Buffer.alloc(8, 1), at), binaryRow(null, null, null, at)]
    session.serve(1, ...resultOf(true, columns, rows))
    expect(session.clientSaw.slice(-3, -1).map((packet) => packet.subarray(4))).toEqual([
      binaryRow(u32(1), lenenc('***'), null, at),
      binaryRow(null, null, null, at),
    ])
    expect(session.gate.results.at(-1)?.rows).toEqual([
      ['1', '***', null, '2024-01-02 00:00:00'],
      [null, null, null, '2024-01-02 00:00:00'],
    ])
  })

  it('keeps the masks of its execution for the rows that are fetched later', () => {
    for (const modern of [true, false]) {
      const session = new ScriptedSession({ capabilities: modern ? MODERN : CLASSIC })
      const tail = modern ? [] : [eof()]
      session.command(0x16, 'select masked').serve(1, prepareOk(1, 0), definition(email), ...tail)
      session.command(0x1c, u32(9), u32(1))
      expect(session.lastError).toMatch(/^1421/)
      session.command(0x17, u32(9), 1, u32(1))
      session.serve(1, count(1), definition(email), modern ? okEnd(2 | CURSOR) : eof(2 | CURSOR))
      expect(session.relay.idle).toBe(true)
      for (let i = 0; i < 3; i++) {
        session.command(0x1c, u32(9), u32(1))
        session.serve(1, binaryRow(lenenc('bob@x.de')), modern ? okEnd(2 | CURSOR) : eof(2 | CURSOR))
      }
      expect(Buffer.concat(session.toClient).includes('bob')).toBe(false)
      expect(session.clientSaw.filter((packet) => packet.subarray(4).equals(binaryRow(lenenc('***'))))).toHaveLength(3)
      session.command(0x1a, u32(9)).serve(1, ok()).command(0x1c, u32(9), u32(1))
      expect(session.lastError).toMatch(/^1421/)
    }
  })

  it('takes long data in a stream, and records its size', () => {
    const session = new ScriptedSession()
    session.command(0x16, 'insert ?, ?').serve(1, prepareOk(0, 2), definition(id), definition(id))
    session.command(0x18, u32(9), u16(1), 'abcd').command(0x18, u32(9), u16(1), 'efg')
    session.command(0x18, u32(8), u16(0), 'nobody')
    session.command(0x17, u32(9), 0, u32(1), 0, 1, 3, 0, 252, 0, u32(4)).serve(1, ok(2, 1))
    expect(session.serverSaw.map((packet) => packet[4])).toEqual([0x16, 0x18, 0x18, 0x17])
    expect(session.gate.log[1]).toBe('admit insert ?, ? with ["4",{"bytes":7}]')
  })

  it('is closed without an answer, and is unknown then', () => {
    const session = new ScriptedSession()
    session.command(0x16, 'select 1').serve(1, prepareOk(0, 0))
    session.command(0x19, u32(9)).command(0x19, u32(9)).command(0x17, u32(9), 0, u32(1))
    expect(session.serverSaw).toHaveLength(2)
    expect(session.lastError).toMatch(/^1243/)
  })

  it('by name must have all that the name ever stood for allowed, and masked as the strictest asks', () => {
    const session = new ScriptedSession()
    session.query("prepare s from 'select masked'").serve(1, ok())
    session.query("prepare S from 'select 1'").serve(1, err(1064, 'no'))
    session.query('execute s').serve(1, ...resultOf(true, [definition(email)], [textRow('bob@x.de')]))
    expect(session.gate.log.at(-2)).toBe(
      "admit execute s runs prepare s from 'select masked' | prepare S from 'select 1'",
    )
    expect(Buffer.concat(session.toClient).includes('bob')).toBe(false)
    session.query('execute other')
    expect(session.lastError).toMatch(/^1243 no prepared statement `other`/)
    session.query('call p()').serve(1, ok()).query('execute s')
    expect(session.lastError).toMatch(/^1243/)
  })
})

describe('the schema in force', () => {
  it('is authorised before the server hears of it, and again where the server refuses', () => {
    const session = new ScriptedSession()
    session.command(2, 'other').serve(1, ok())
    session.command(2, 'closed')
    expect(session.lastError).toBe('1044 no database `closed`')
    expect(session.serverSaw).toHaveLength(1)
    session.query('use missing').serve(1, err(1049, 'unknown database'))
    expect(session.gate.log.filter((line) => line.startsWith('database'))).toEqual([
      'database other',
      'database closed',
      'database missing',
      'database other',
    ])
  })

  it('ends the session where the server reports one that is not authorised', () => {
    const session = new ScriptedSession()
    const change = bytes(0, lenenc(bytes(1, lenenc(lenenc('closed')))))
    session.query('select 1').serve(1, ok(2 | STATE_CHANGED, 0, change))
    expect(session.lastError).toBe('1044 no database `closed`')
    expect(session.ended).toBe('no database `closed`')
  })

  it('cannot change in the middle of a text', () => {
    const session = new ScriptedSession()
    session.query('use other; select 1')
    expect(session.toServer).toEqual([])
    expect(session.lastError).toMatch(/^1235 `use` cannot be mixed with other statements/)
  })
})

describe('session state', () => {
  const sqlMode = (value: string) => bytes(0, lenenc(bytes(0, lenenc(bytes(lenenc('sql_mode'), lenenc(value))))))

  it('is followed, and shown to a client that asked for it', () => {
    const session = new ScriptedSession()
    session.query('set sql_mode = x').serve(1, ok(2 | STATE_CHANGED, 0, sqlMode('ANSI_QUOTES,NO_BACKSLASH_ESCAPES')))
    expect(session.clientSaw[0]!.subarray(4)).toEqual(
      ok(2 | STATE_CHANGED, 0, sqlMode('ANSI_QUOTES,NO_BACKSLASH_ESCAPES')),
    )
  })

  it('is taken out for a client that did not', () => {
    const session = new ScriptedSession({ clientSessionTrack: false })
    session.query('set sql_mode = x').serve(1, ok(2 | STATE_CHANGED, 3, sqlMode('ANSI_QUOTES')))
    expect(session.clientSaw).toEqual([frame(1, ok(2, 3))])
    session.query('update x').serve(1, ok(2 | STATE_CHANGED, 3, bytes(lenenc('Rows: 1'), sqlMode('').subarray(1))))
    expect(session.clientSaw[1]).toEqual(frame(1, ok(2, 3, lenenc('Rows: 1'))))
  })

  it.each([
    ['set names gbk', '1235 the client character set `gbk`'],
    ['set session_track_schema = 0', '1235 `session_track_schema` cannot be changed'],
    ['set sql_mode = x; select 1', '1235 `set sql_mode` cannot be mixed with other statements'],
    ["prepare s from 'kill 7'", '1235 `use` and `kill` cannot be prepared'],
    ['select 1; kill 7', '1235 `kill` cannot be mixed with other statements'],
  ])('refuses %s', (text, message) => {
    const session = new ScriptedSession()
    session.query(text)
    expect(session.toServer).toEqual([])
    expect(session.lastError).toContain(message)
    expect(session.gate.log[0]).toMatch(/^refuse/)
  })

  it('that changes how a text is read makes prepared statements unusable', () => {
    const session = new ScriptedSession()
    session.command(0x16, 'select 1').serve(1, bytes(0, u32(9), u16(0), u16(0), 0, u16(0)))
    session.query("prepare s from 'select 1'").serve(1, ok())
    session.query('set sql_mode = x').serve(1, ok(2 | STATE_CHANGED, 0, sqlMode('STRICT_ALL_TABLES')))
    session.command(0x17, u32(9), 0, u32(1)).serve(1, ok()).query('execute s').serve(1, ok())
    session.query('set sql_mode = x').serve(1, ok(2 | STATE_CHANGED, 0, sqlMode('ANSI_QUOTES')))
    expect(session.serverSaw).toHaveLength(6)
    session.command(0x17, u32(9), 0, u32(1))
    expect(session.lastError).toMatch(/^1615/)
    session.query('execute s')
    expect(session.lastError).toMatch(/^1243/)
  })

  it('is asked for again after COM_RESET_CONNECTION, before the client hears of it', () => {
    const session = new ScriptedSession({ clientSessionTrack: false })
    session.command(0x16, 'select 1').serve(1, bytes(0, u32(9), u16(0), u16(0), 0, u16(0)))
    session.command(0x1f).serve(1, ok())
    expect(session.clientSaw).toHaveLength(1)
    expect(session.serverSaw.at(-1)!.toString('utf8', 5)).toContain('session_track_system_variables')
    session.serve(1, ok(2 | STATE_CHANGED, 0, sqlMode('ANSI_QUOTES')))
    expect(session.clientSaw.at(-1)).toEqual(frame(1, ok()))
    expect(session.relay.idle).toBe(true)
    session.command(0x17, u32(9), 0, u32(1))
    expect(session.lastError).toMatch(/^1243/)
  })
})

describe('commands', () => {
  it.each([
    ['COM_BINLOG_DUMP', 0x12],
    ['COM_REGISTER_SLAVE', 0x15],
    ['COM_BINLOG_DUMP_GTID', 0x1e],
    ['COM_TABLE_DUMP', 0x13],
    ['COM_CLONE', 0x20],
    ['COM_SHUTDOWN', 0x08],
    ['COM_DEBUG', 0x0d],
    ['COM_REFRESH', 0x07],
    ['COM_MULTI', 0xfe],
    ['COM_STMT_BULK_EXECUTE', 0xfa],
    ['command 0x77', 0x77],
  ])('%s is refused, and the session goes on', (name, code) => {
    const session = new ScriptedSession()
    session.command(code, 'whatever it is')
    expect(session.lastError).toBe(`1047 \`${name}\` is not supported through the gateway`)
    expect(session.toServer).toEqual([])
    session.command(0x0e).serve(1, ok())
    expect(session.clientSaw).toHaveLength(2)
  })

  it('an empty packet is no command', () => {
    const session = new ScriptedSession()
    session.relay.fromClient(frame(0, Buffer.alloc(0)))
    expect(session.lastError).toMatch(/^1047/)
    expect(session.toServer).toEqual([])
  })

  it('KILL names a session by the number that its client knows, and never goes upstream', () => {
    const session = new ScriptedSession()
    session.query('kill query 7').query('KILL 7').command(0x0c, u32(7)).query('kill 8').query('kill user x')
    expect(session.kills).toEqual([
      [7, 'query'],
      [7, 'connection'],
      [7, 'connection'],
      [8, 'connection'],
    ])
    expect(session.toServer).toEqual([])
    expect(session.clientSaw.map((packet) => packet[4])).toEqual([0, 0, 0, 0xff, 0xff])
  })

  it('COM_FIELD_LIST and COM_PROCESS_INFO are decided as the statements that they stand for', () => {
    const session = new ScriptedSession()
    session.command(4, 'users\0%').serve(1, definition(email), okEnd())
    session.command(0x0a).serve(1, ...resultOf(true, [definition(id)], []))
    session.command(4, 'forbidden\0')
    expect(session.gate.log.filter((line) => line.startsWith('admit'))).toEqual([
      'admit show columns from `users`',
      'admit show processlist',
      'admit show columns from `forbidden`',
    ])
    expect(session.serverSaw).toHaveLength(2)
  })

  it('COM_STATISTICS, COM_PING and COM_SET_OPTION go through', () => {
    const session = new ScriptedSession()
    session.command(9).serve(1, Buffer.from('Uptime: 1'))
    session.command(0x0e).serve(1, ok())
    session.command(0x1b, u16(1)).serve(1, eof())
    session.command(0x1b, u16(0)).serve(1, okEnd())
    expect(session.clientSaw).toHaveLength(4)
    expect(session.relay.idle).toBe(true)
    session.command(0x1b, u16(7))
    expect(session.lastError).toMatch(/^1835/)
  })

  it('COM_QUIT ends the session', () => {
    const session = new ScriptedSession()
    session.command(1)
    expect(session.ended).toBe('the client quit')
    expect(session.serverSaw).toHaveLength(1)
  })
})

describe('COM_CHANGE_USER', () => {
  const changeUser = (user: string, database = '') => bytes(0x11, `${user}\0`, 1, 'x', `${database}\0`, u16(45))
  const answer = frame(2, Buffer.from('right'))

  it('proves the same user again, resets the session of the server, and follows it anew', async () => {
    const all = Buffer.concat([frame(0, changeUser('alice', 'other')), answer, frame(0, bytes(3, 'select 1'))])
    for (let cut = 0; cut <= all.length; cut++) {
      const session = new ScriptedSession({ clientSessionTrack: false })
      session.command(0x16, 'select 1').serve(1, bytes(0, u32(9), u16(0), u16(0), 0, u16(0)))
      session.relay.fromClient(all.subarray(0, cut))
      await session.settled()
      session.relay.fromClient(all.subarray(cut))
      await session.settled()
      expect(session.serverSaw).toHaveLength(2)
      for (let i = 0; i < 4; i++) {
        expect(session.clientSaw).toHaveLength(2)
        session.serve(1, ok())
      }
      expect(session.serverSaw.map((packet) => packet.toString('latin1', 4, 20).replace(/[^ \w]/g, '.'))).toEqual([
        '.select 1',
        '.',
        '.set session ses',
        '.set names utf8m',
        '.other',
        '.select 1',
      ])
      expect(session.clientSaw.slice(1)).toEqual([frame(1, Buffer.from('prove it')), frame(3, ok())])
      session.serve(1, ok()).command(0x17, u32(9), 0, u32(1))
      expect(session.lastError).toMatch(/^1243/)
      expect(session.gate.log.filter((line) => line.startsWith('database'))).toEqual(['database other'])
    }
  })

  it('ends the session where the user does not prove itself', async () => {
    const session = new ScriptedSession()
    session.command(changeUser('alice@shop')).relay.fromClient(frame(2, Buffer.from('wrong')))
    await session.settled()
    expect(session.clientSaw.at(-1)![3]).toBe(3)
    expect(session.lastError).toBe('1045 access denied')
    expect(session.ended).toBe('access denied')
    expect(session.toServer).toEqual([])
  })

  it('is refused for another user, another character set and a closed database, and the session goes on', async () => {
    const session = new ScriptedSession()
    session.command(changeUser('bob'))
    expect(session.lastError).toMatch(/^1235 COM_CHANGE_USER: the user of a session cannot be changed/)
    session.command(bytes(0x11, 'alice\0', 1, 'x', '\0', u16(28)))
    expect(session.lastError).toMatch(/^1235 COM_CHANGE_USER: this character set/)
    session.command(changeUser('alice', 'closed')).relay.fromClient(answer)
    await session.settled()
    expect(session.lastError).toMatch(/^1044/)
    session.query('select 1').serve(1, ok())
    expect(session.serverSaw).toHaveLength(1)
    expect(session.ended).toBeUndefined()
  })

  it('ends with the client, and with what is no login', async () => {
    const gone = new ScriptedSession()
    gone.command(changeUser('alice')).relay.clientEnded()
    await gone.settled()
    expect(gone.ended).toBe('the client closed the connection')
    const flood = new ScriptedSession()
    flood.command(changeUser('alice')).relay.fromClient(Buffer.alloc(100_000))
    await flood.settled()
    expect(flood.ended).toBeDefined()
    expect(flood.toServer).toEqual([])
  })
})

describe('LOAD DATA LOCAL', () => {
  const ask = bytes(0xfb, 'x.csv')

  it('streams the file where the statement asked for it', () => {
    const session = new ScriptedSession()
    session.query("load data local infile 'x.csv' into table t").serve(1, ask)
    session.relay.fromClient(frame(2, Buffer.from('1,a\n'), Buffer.from('2,b\n'), Buffer.alloc(0)))
    expect(session.serverSaw).toHaveLength(4)
    session.serve(5, ok(2, 2))
    expect(session.gate.log.at(-1)).toBe('finished 1: OK 2 rows, 0 bytes')
    session.query('select 1').serve(1, ok())
    expect(session.ended).toBeUndefined()
  })

  it('ends the session where the server asks on its own', () => {
    const session = new ScriptedSession()
    session.query('select 1').serve(1, ask)
    expect(session.ended).toMatch(/asks for a file/)
    expect(Buffer.concat(session.toClient).includes('x.csv')).toBe(false)
  })
})

describe('large packets', () => {
  it('of rows are streamed, of commands taken whole', () => {
    const session = new ScriptedSession()
    const text = `select '${'x'.repeat(17_000_000)}'`
    session.query(text)
    expect(Buffer.concat(session.toServer).equals(frame(0, bytes(3, text)))).toBe(true)
    const row = bytes(encodeLengthEncodedInteger(17_000_000), Buffer.alloc(17_000_000, 120))
    const answer = frame(2, count(1), definition(email), row, okEnd())
    for (let at = 0; at < answer.length; at += 65_536) session.relay.fromServer(answer.subarray(at, at + 65_536))
    expect(Buffer.concat(session.toClient).equals(answer)).toBe(true)
    expect(session.relay.idle).toBe(true)
  })

  it('of rows with masked columns end the session', () => {
    const session = new ScriptedSession()
    const row = bytes(encodeLengthEncodedInteger(17_000_000), Buffer.alloc(17_000_000, 120))
    session.query('select masked').serve(1, count(1), definition(email), row)
    expect(session.ended).toMatch(/larger than 16 MB/)
    expect(Buffer.concat(session.toClient).length).toBeLessThan(1000)
  })

  it('of commands beyond the limit end the session with an error', () => {
    const session = new ScriptedSession({ messageBytes: 1000 })
    session.query('x'.repeat(1000))
    expect(session.lastError).toMatch(/^1226 a command of more than 1000 bytes/)
    expect(session.ended).toBeDefined()
  })
})

describe('the end', () => {
  const error = new SluiceError('shutting_down', 'the gateway is shutting down')

  it('tells an idle client', () => {
    const session = new ScriptedSession()
    session.relay.terminate(error)
    expect(session.clientSaw.map((packet) => packet[3])).toEqual([0])
    expect(session.lastError).toBe('1053 the gateway is shutting down')
    expect(session.ended).toBe('the gateway is shutting down')
  })

  it('takes the place of the answer that is due, and is on record', () => {
    const session = new ScriptedSession()
    session.query('select 1').serve(1, count(1), definition(id), textRow('1'))
    session.relay.terminate(error)
    expect(session.clientSaw.at(-1)![3]).toBe(4)
    expect(session.lastError).toMatch(/^1053/)
    expect(session.gate.log.at(-1)).toBe('failed 1: 1053 the gateway is shutting down')
  })

  it('says nothing in the middle of a packet or of column definitions', () => {
    const inDefinitions = new ScriptedSession()
    inDefinitions.query('select 1').serve(1, count(2), definition(id))
    inDefinitions.relay.terminate(error)
    expect(inDefinitions.lastError).toBeUndefined()
    const inRow = new ScriptedSession()
    inRow.query('select unrecorded').serve(1, count(1), definition(id))
    inRow.relay.fromServer(frame(3, textRow('a long value')).subarray(0, 9))
    inRow.relay.terminate(error)
    expect(Buffer.concat(inRow.toClient).includes('shutting')).toBe(false)
    expect(inRow.ended).toBeDefined()
  })

  it('comes with the loss of the server', () => {
    const session = new ScriptedSession()
    session.query('select 1')
    session.relay.serverEnded()
    expect(session.lastError).toBe('1053 lost the connection to the database server')
    expect(session.ended).toBeDefined()
  })

  it('passes on what a server says before it hangs up', () => {
    const session = new ScriptedSession()
    session.serve(0, err(4031, 'inactivity'))
    expect(session.lastError).toBe('4031 inactivity')
    expect(session.ended).toBe('the server ended the session: inactivity')
  })

  it('comes without a word when the client is gone', () => {
    const session = new ScriptedSession()
    session.query('select 1')
    session.relay.clientEnded()
    expect(session.toClient).toEqual([])
    expect(session.gate.log.at(-1)).toBe('failed 1: 2013 the client closed the connection')
    session.relay.fromServer(frame(1, ok()))
    expect(session.toClient).toEqual([])
  })
})

describe('a server that breaks the protocol', () => {
  it.each([
    ['sends a row where none is due', [textRow('bob@x.de')], 'select masked'],
    ['sends rows without definitions', [count(1), okEnd()], 'select masked'],
    ['sends a column too few', [count(2), definition(email), textRow('bob@x.de')], 'select masked'],
    ['sends a row that ends early', [count(1), definition(email), bytes(9, 'bob@x.d')], 'select masked'],
    ['sends a binary row that is none', [count(1), definition(email), textRow('bob@x.de')], 'execute'],
    ['sends an empty packet', [count(1), definition(email), Buffer.alloc(0)], 'select masked'],
    ['sends a count of 0 columns in long form', [bytes(0xfc, 0, 0)], 'select masked'],
  ])('and %s ends the session', (_title, answer, text) => {
    const session = new ScriptedSession()
    if (text === 'execute') {
      session.command(0x16, 'select masked').serve(1, bytes(0, u32(9), u16(1), u16(0), 0, u16(0)), definition(email))
      session.command(0x17, u32(9), 0, u32(1))
    } else {
      session.query(text)
    }
    session.serve(1, ...answer)
    expect(session.ended).toMatch(/the server broke the protocol/)
    expect(Buffer.concat(session.toClient).includes('bob')).toBe(false)
  })

  it('and numbers its packets wrongly ends the session', () => {
    const session = new ScriptedSession()
    session.query('select 1').serve(2, ok())
    expect(session.ended).toMatch(/out of order/)
  })

  it('and speaks unasked ends the session', () => {
    const session = new ScriptedSession()
    session.serve(0, ok())
    expect(session.ended).toMatch(/where idle was due/)
  })
})

describe('arbitrary bytes', () => {
  const chunks = fc.array(fc.tuple(fc.boolean(), fc.uint8Array({ maxLength: 80 })), { maxLength: 20 })

  it('from both sides never throw', () => {
    fc.assert(
      fc.property(chunks, fc.constantFrom(MODERN, CLASSIC), (all, capabilities) => {
        const session = new ScriptedSession({ capabilities })
        for (const [client, chunk] of all) {
          if (client) session.relay.fromClient(Buffer.from(chunk))
          else session.relay.fromServer(Buffer.from(chunk))
        }
        session.relay.serverEnded()
        expect(session.ended).toBeDefined()
      }),
    )
  })

  it('after a masked result begins never show a value that is to be masked', () => {
    const secret = 'SECRETVALUE'
    const payload = fc.oneof(
      fc.constant(textRow(secret)),
      fc.constant(binaryRow(lenenc(secret))),
      fc.constant(okEnd(2 | MORE)),
      fc.constant(okEnd()),
      fc.constant(eof()),
      fc.constant(count(1)),
      fc.constant(definition(email)),
      fc.uint8Array({ minLength: 1, maxLength: 30 }).map((each) => Buffer.from(each)),
    )
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 12 }), fc.boolean(), (payloads, modern) => {
        const session = new ScriptedSession({ capabilities: modern ? MODERN : CLASSIC })
        session.query('select masked').serve(1, count(1), definition(email), ...(modern ? [] : [eof()]), ...payloads)
        expect(Buffer.concat(session.toClient).includes(secret)).toBe(false)
      }),
      { numRuns: 500 },
    )
  })
})
