import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { runClient, temporaryFolder } from '@sluice/testkit'
import { createPool, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type MysqlGateway, PASSWORD, startMysqlGateway } from './mysql-gateway.js'
import { COM, errorOf, executeWithCursor, fetchRows, isOk, RawMysql } from './raw-mysql.js'
import { CUSTOMERS } from './shop.js'

const certificates = inject('certificates')
const programs = inject('programs')
/** Both command line clients, where MySQL's own is there. */
const clis = [
  {
    cli: 'mariadb',
    program: programs.mariadb,
    tls: ['--ssl', `--ssl-ca=${certificates.ca}`, '--ssl-verify-server-cert'],
  },
  ...(programs.mysql
    ? [{ cli: 'mysql', program: programs.mysql, tls: ['--ssl-mode=VERIFY_IDENTITY', `--ssl-ca=${certificates.ca}`] }]
    : []),
]

describe.each(inject('mysqls'))('on $flavour', (server) => {
  let gateway: MysqlGateway

  beforeAll(async () => {
    gateway = await startMysqlGateway(server)
  })

  afterAll(() => gateway?.sluice.stop())

  const withClient: MysqlGateway['withClient'] = (...all) => gateway.withClient(...all)
  const rawLogin = (database = 'shop') => ({
    port: gateway.sluice.ports.mysql,
    user: 'nina',
    password: PASSWORD,
    database,
  })

  describe('a login', () => {
    it.each(clis)('works for the $cli client over TLS with a verified certificate', async ({ program, tls }) => {
      expect(await gateway.runClient(program, 'alice', [...tls, '-Ne', 'select 1', 'shop'])).toMatchObject({
        status: 0,
        stdout: '1\n',
      })
    })

    it('works without TLS by the gateway’s RSA key, and by the fast way from then on', async () => {
      const withoutTls = programs.mysql
        ? gateway.runClient(programs.mysql, 'rosa', [
            '--ssl-mode=DISABLED',
            '--get-server-public-key',
            '-Ne',
            'select 1',
            'shop',
          ])
        : gateway.runClient(programs.mariadb, 'rosa', ['--skip-ssl', '-Ne', 'select 1', 'shop'])
      expect(await withoutTls).toMatchObject({ status: 0, stdout: '1\n' })
      await withClient('ruth', async (client) =>
        expect((await client.query('select 1 as one'))[0]).toEqual([{ one: 1 }]),
      )
      for (const user of ['rosa', 'ruth']) {
        const client = await RawMysql.login({ ...rawLogin(), user, plugin: 'caching_sha2_password' })
        expect(client.loginSteps).toEqual(['fast'])
        expect(isOk(await client.ask(COM.ping))).toBe(true)
        client.close()
      }
    })

    it('works with mysql_native_password for who has such a verifier, and for nobody else', async () => {
      expect(
        await gateway.runClient(programs.mariadb, 'nina', [
          '--default-auth=mysql_native_password',
          '-Ne',
          'select 1',
          'shop',
        ]),
      ).toMatchObject({ status: 0, stdout: '1\n' })
      const client = await RawMysql.login(rawLogin())
      expect(client.loginSteps).toEqual([])
      client.close()
      const switched = await RawMysql.login({ ...rawLogin(), user: 'alice' })
      expect(switched.loginSteps).toEqual(['switch'])
      switched.close()
    })

    it.each(clis)('works with the $cli client’s clear password over TLS', async ({ cli, program, tls }) => {
      const clear = ['--default-auth=mysql_clear_password', ...(cli === 'mysql' ? ['--enable-cleartext-plugin'] : [])]
      expect(await gateway.runClient(program, 'alice', [...tls, ...clear, '-Ne', 'select 1', 'shop'])).toMatchObject({
        status: 0,
        stdout: '1\n',
      })
    })

    it('works for mysql2 with TLS and without', async () => {
      for (const ssl of [undefined, { ca: readFileSync(certificates.ca), verifyIdentity: true }]) {
        await withClient(
          'alice',
          async (client) => expect((await client.query('select 1 as one'))[0]).toEqual([{ one: 1 }]),
          { host: 'localhost', ...(ssl ? { ssl } : {}) },
        )
      }
    })

    it('works in the clear to a server that wants caching_sha2_password', async () => {
      await withClient(
        'alice',
        async (client) => expect((await client.query('select 1 as one'))[0]).toEqual([{ one: 1 }]),
        { database: 'unencrypted' },
      )
    })

    it('gives the same answer for a wrong password and an unknown user', async () => {
      const nothing = async () => undefined
      const wrong = await withClient('alice', nothing, { password: 'wrong' }).catch((error) => error)
      const unknown = await withClient('mallory', nothing).catch((error) => error)
      expect(wrong).toMatchObject({
        errno: 1045,
        sqlState: '28000',
        message: "Access denied for user 'alice'@'127.0.0.1' (using password: YES)",
      })
      expect(unknown).toMatchObject({ errno: 1045, sqlState: '28000' })
      expect(unknown.message).toBe(wrong.message.replace('alice', 'mallory'))
    })

    it('gives the same answer for a database that is not there and one that no rule opens', async () => {
      const nothing = async () => undefined
      const missing = await withClient('alice', nothing, { database: 'missing' }).catch((error) => error)
      const closed = await withClient('nobody', nothing).catch((error) => error)
      expect(missing).toMatchObject({ errno: 1044, sqlState: '42000' })
      expect(closed).toMatchObject({ errno: 1044, sqlState: '42000' })
      expect(closed.message.replace('nobody', 'alice').replace('shop', 'missing')).toBe(missing.message)
    })

    it.each(clis)('names the database in the user name where the $cli client names none', async ({ program }) => {
      const result = await gateway.runClient(program, 'alice@shop', ['-Ne', 'select count(*) from orders'])
      expect(result).toMatchObject({ status: 0, stdout: '10\n' })
      const without = await gateway.runClient(program, 'ruth', ['-Ne', 'select 1'])
      expect(without.status).not.toBe(0)
      expect(without.stderr).toContain('ERROR 1044')
      expect(without.stderr).toContain('user@database')
    })

    it('says that the server is away or the credential missing, and never where or which', async () => {
      const nothing = async () => undefined
      const away = await withClient('olga', nothing, { database: 'nowhere' }).catch((error) => error)
      expect(away.message).toMatch(/cannot be reached/)
      const unprepared = await withClient('olga', nothing, { database: 'private' }).catch((error) => error)
      expect(unprepared.errno).toBeGreaterThan(0)
      expect(`${away.message} ${unprepared.message}`).not.toMatch(/missing|vault\.json|127\.0\.0\.1/)
    })

    it('shows the server’s own version', async () => {
      const [direct] = await gateway.direct('select version() as version')
      const [through] = await withClient(
        'alice',
        async (client) => (await client.query('select version() as version'))[0] as RowDataPacket[],
      )
      expect(through).toEqual(direct)
    })
  })

  describe('a refusal', () => {
    it('is a proper error with the rule and a hint, and the session goes on', async () => {
      await withClient('erin', async (client) => {
        const refused = await client.query(`drop database ${gateway.schemas.shop}`).catch((error) => error)
        expect(refused).toMatchObject({ errno: 1142, sqlState: '42000' })
        expect(refused.message).toContain('nobody destroys')
        expect(refused.message.split('; ').length).toBeGreaterThan(1)
        expect((await client.query('select 1 as one'))[0]).toEqual([{ one: 1 }])
      })
    })

    it.each(clis)('is shown by the $cli client as it shows the server’s own', async ({ program }) => {
      const { stdout, stderr } = await gateway.runClient(
        program,
        'erin',
        ['--force', '-N', 'shop'],
        `drop database ${gateway.schemas.shop};\nselect 'still here';\n`,
      )
      expect(stderr).toMatch(/^ERROR 1142 \(42000\) at line 1: .*nobody destroys/m)
      expect(stdout).toBe('still here\n')
    })

    it('holds for a statement in disguise', async () => {
      const { shop } = gateway.schemas
      await withClient(
        'erin',
        async (client) => {
          for (const text of [
            `/* select */ dRoP -- x\n DATABASE \`${shop}\``,
            `/*!50000 DROP */ DATABASE ${shop}`,
            `/*!DROP*//*!50000 DATABASE*/ ${shop}`,
            `/*!99999 select 1; */ drop schema ${shop}`,
            ...(server.flavour === 'mariadb'
              ? [`/*M! drop database ${shop} */`]
              : [`/*!90000 drop database ${shop} */`]),
            `#\ndrop database if exists ${shop}`,
            `select 1; drop database ${shop}`,
            `select 'a\\'; /*', 1 /* ; */; drop database ${shop}; -- '`,
            `prepare p from 'drop database ${shop}'`,
            `set @s = 'drop database ${shop}'; prepare p from @s`,
            "set @s = concat('drop ', 'database x'); execute immediate @s",
            'call anything()',
            'create procedure destroy() drop database x',
            'create event e on schedule every 1 second do truncate orders',
            "select load_file('/etc/passwd')",
            "select * from users into outfile '/tmp/out'",
            "load data infile '/etc/passwd' into table orders (note)",
            'set global general_log = 1',
            'shutdown',
          ]) {
            await expect(client.query(text), text).rejects.toMatchObject({
              errno: expect.toBeOneOf([1142, 1064]),
            })
          }
          expect((await client.query('select 1 as one'))[0]).toEqual([{ one: 1 }])
        },
        { multipleStatements: true },
      )
      expect(await gateway.direct('select count(*) as n from users')).toEqual([{ n: 3 }])
    })

    it('holds for prepared statements, at the latest when they are executed', async () => {
      await withClient('erin', async (client) => {
        await expect(client.execute(`drop database ${gateway.schemas.shop}`)).rejects.toMatchObject({ errno: 1142 })
        await expect(client.execute('delete from orders where id = ?', [1])).rejects.toMatchObject({ errno: 1142 })
        await client.query("prepare counted from 'select count(*) as n from orders where id < ?'")
        await client.query('set @limit = 4')
        expect((await client.query('execute counted using @limit'))[0]).toEqual([{ n: 3 }])
        await expect(client.query("prepare removed from 'delete from orders'")).rejects.toMatchObject({ errno: 1142 })
        await expect(client.query('execute removed')).rejects.toMatchObject({ errno: expect.any(Number) })
      })
      expect(await gateway.direct('select count(*) as n from orders')).toEqual([{ n: 10 }])
    })

    it('holds for a prepared statement that a changed policy no longer allows', async () => {
      await withClient('erin', async (client) => {
        const prepared = await client.prepare('update orders set note = ? where id = 1')
        expect(((await prepared.execute(['a']))[0] as ResultSetHeader).affectedRows).toBe(1)
        await gateway.sluice.writePolicy(
          `${gateway.policy}  - name: closed for the night\n    for: { users: [erin] }\n    deny: [update]\n`,
        )
        await expect(prepared.execute(['b'])).rejects.toMatchObject({
          errno: 1142,
          message: expect.stringContaining('closed for the night'),
        })
        await gateway.sluice.writePolicy(gateway.policy)
        expect(((await prepared.execute(['c']))[0] as ResultSetHeader).affectedRows).toBe(1)
      })
    })

    it('of what no rule allows is the default', async () => {
      await withClient('alice', async (client) => {
        for (const text of [
          'update users set name = name',
          'insert into orders (user_id, total) values (1, 1)',
          'create table t (a int)',
          'grant all on *.* to alice',
          `select * from ${gateway.schemas.stock}.items`,
          'select * from mysql.user',
          'replace into orders (id, user_id, total) values (1, 1, 1)',
        ]) {
          await expect(client.query(text), text).rejects.toMatchObject({ errno: 1142 })
        }
      })
    })

    it('leaves the transaction that it happens in as the server’s own refusals do', async () => {
      await withClient('erin', async (client) => {
        await client.beginTransaction()
        await client.query('insert into orders (id, user_id, total) values (9001, 1, 1)')
        await expect(client.query('delete from orders where id = 9001')).rejects.toMatchObject({ errno: 1142 })
        expect((await client.query('select count(*) as n from orders where id = 9001'))[0]).toEqual([{ n: 1 }])
        await client.rollback()
        expect((await client.query('select count(*) as n from orders where id = 9001'))[0]).toEqual([{ n: 0 }])
        await client.beginTransaction()
        await client.query('insert into orders (id, user_id, total) values (9002, 1, 1)')
        await client.commit()
      })
      expect(await gateway.direct('select count(*) as n from orders where id = 9002')).toEqual([{ n: 1 }])
      await gateway.direct('delete from orders where id = 9002')
    })

    it('of a text that cannot be read is an error as the server’s own', async () => {
      await withClient('alice', async (client) => {
        await expect(client.query('selec 1')).rejects.toMatchObject({ errno: expect.toBeOneOf([1064, 1142]) })
        await expect(client.query("select 'open")).rejects.toMatchObject({ errno: expect.toBeOneOf([1064, 1142]) })
        expect((await client.query('select 1 as one'))[0]).toEqual([{ one: 1 }])
      })
    })

    it('of a command that the gateway does not know leaves the session alive', async () => {
      const client = await RawMysql.login(rawLogin())
      for (const code of [COM.binlogDump, COM.registerSlave, COM.binlogDumpGtid, 0x05, 0x0d, 0x7f, 0xff]) {
        expect(await client.refusal(code, Buffer.alloc(20)), `command ${code}`).toMatchObject({ errno: 1047 })
        expect(isOk(await client.ask(COM.ping))).toBe(true)
      }
      client.close()
    })
  })

  describe('the protocol', () => {
    it('carries rows in text and binary with every type, as without the gateway', async () => {
      const sql = `select 1 as i, -9223372036854775808 as b, cast(3.25 as decimal(10,2)) as d, 1e10 as f, null as n,
        'text ☃' as t, cast('2024-02-29 12:34:56.789' as datetime(3)) as dt, cast('-12:30:00' as time) as tm,
        cast('2024-02-29' as date) as da, x'00ff00' as bin, true as yes`
      const direct = await gateway.direct(sql)
      await withClient('olga', async (client) => {
        expect((await client.query(sql))[0]).toEqual(direct)
        const [rows] = (await client.execute(sql)) as [RowDataPacket[], unknown]
        expect(rows).toHaveLength(1)
        expect(rows[0]).toMatchObject({ i: 1, n: null, t: 'text ☃', bin: Buffer.from('00ff00', 'hex') })
      })
    })

    it('carries parameters of every type, and reuses what was bound', async () => {
      await withClient('erin', async (client) => {
        const statement = await client.prepare('select ? as a, ? as b, ? as c')
        for (const values of [
          [1, 'x', 'one'],
          [2, null, 'x'.repeat(100_000)],
          [null, Buffer.from([0, 1, 255]), 'two'],
        ]) {
          const [rows] = (await statement.execute(values)) as [RowDataPacket[], unknown]
          expect(String(rows[0]!.c)).toBe(String(values[2]))
        }
        await statement.close()
        const [header] = (await client.execute('insert into orders (user_id, total, note) values (?, ?, ?)', [
          2,
          '10.50',
          'prepared',
        ])) as [ResultSetHeader, unknown]
        expect(header.affectedRows).toBe(1)
        expect(header.insertId).toBeGreaterThan(10)
        await gateway.direct('delete from orders where note = ?', ['prepared'])
      })
    })

    it('carries several statements in one text, each with its own result', async () => {
      await withClient(
        'erin',
        async (client) => {
          const [results] = (await client.query(
            "select 1 as a; update orders set note = 'x' where id = 1; select 2 as b; set @x = 1",
          )) as [unknown[], unknown]
          expect(results).toHaveLength(4)
          expect(results[0]).toEqual([{ a: 1 }])
          expect(results[1]).toMatchObject({ affectedRows: 1 })
          expect(results[2]).toEqual([{ b: 2 }])
          await expect(client.query('select 1 as a; select nothing_here; select 2')).rejects.toMatchObject({
            errno: 1054,
          })
          expect((await client.query('select 3 as c'))[0]).toEqual([{ c: 3 }])
        },
        { multipleStatements: true },
      )
      await withClient('erin', async (client) => {
        await expect(client.query('select 1; select 2')).rejects.toMatchObject({
          errno: expect.toBeOneOf([1064, 1142]),
        })
      })
    })

    it('carries cursors, and masks what they fetch', async () => {
      const client = await RawMysql.login(rawLogin())
      client.command(COM.prepare, 'select id, name, email, ssn from users order by id')
      const prepared = await client.read()
      expect(isOk(prepared)).toBe(true)
      const statement = Buffer.from(prepared.subarray(1, 5))
      await client.readToEof()
      client.command(COM.execute, executeWithCursor(statement))
      const head = await client.readToEof()
      expect(head.at(-1)![3]! & 0x40).toBe(0x40) // a cursor is open
      const names: string[] = []
      for (const [rows, left] of [
        [2, true],
        [2, false],
      ] as const) {
        client.command(COM.fetch, fetchRows(statement, rows))
        const packets = await client.readToEof()
        const end = packets.pop()!
        if (left) expect(packets).toHaveLength(2)
        for (const packet of packets) {
          const row = packet.toString('latin1')
          names.push(CUSTOMERS.find(({ name }) => row.includes(name))?.name ?? '?')
          for (const { email, ssn } of CUSTOMERS) {
            if (email) expect(row).not.toContain(email)
            expect(row).not.toContain(ssn)
          }
        }
        expect((end[3]! & 0x80) === 0x80).toBe(!left) // the last row was sent
      }
      expect(names).toEqual(CUSTOMERS.map(({ name }) => name))
      expect(await client.refusal(COM.fetch, fetchRows(Buffer.from([99, 0, 0, 0]), 1))).toMatchObject({ errno: 1243 })
      client.close()
    })

    it('carries long data', async () => {
      const client = await RawMysql.login(rawLogin())
      client.command(COM.prepare, 'select length(?) as l')
      const prepared = await client.read()
      const statement = Buffer.from(prepared.subarray(1, 5))
      await client.readToEof() // the parameter
      await client.readToEof() // the column
      for (let i = 0; i < 20; i++) {
        client.command(COM.sendLongData, Buffer.concat([statement, Buffer.of(0, 0), Buffer.alloc(100_000, 0x61)]))
      }
      const execute = Buffer.concat([statement, Buffer.of(0, 1, 0, 0, 0), Buffer.of(0, 1, 0xfc, 0)])
      client.command(COM.execute, execute)
      const packets = await client.readToEof()
      packets.push(...(await client.readToEof()))
      expect(packets.map((packet) => packet[0])).not.toContain(0xff)
      const row = packets.at(-2)!
      expect(row.readUIntLE(2, 4)).toBe(2_000_000)
      client.close()
    })

    it('carries query attributes', async () => {
      await withClient('erin', async (client) => {
        const attributes = { trace: 'abc', number: 7, nothing: null }
        expect((await client.query({ sql: 'select 1 as one', attributes }))[0]).toEqual([{ one: 1 }])
        expect((await client.execute({ sql: 'select ? as one', attributes, values: ['1'] }))[0]).toEqual([{ one: '1' }])
        await expect(client.query({ sql: 'delete from orders', attributes })).rejects.toMatchObject({ errno: 1142 })
      })
      if (!programs.mysql || server.flavour !== 'mysql') return
      const result = await gateway.runClient(
        programs.mysql,
        'erin',
        ['-N', '--force', 'shop'],
        'query_attributes trace abc n 1;\nselect 1;\nquery_attributes trace abc;\ndelete from orders;\nselect 2;\n',
      )
      expect(result.stdout).toBe('1\n2\n')
      expect(result.stderr).toContain('ERROR 1142')
    })

    it('carries packets of more than 16 MB both ways', async () => {
      await withClient('erin', async (client) => {
        const large = 'x'.repeat(17_000_000)
        const [sent] = (await client.query(`select length('${large}') as l`)) as [RowDataPacket[], unknown]
        expect(sent[0]!.l).toBe(17_000_000)
        const [rows] = (await client.query(`select repeat('y', 17000000) as y, 1 as one`)) as [RowDataPacket[], unknown]
        expect(rows[0]!.y).toBe('y'.repeat(17_000_000))
        expect(rows[0]!.one).toBe(1)
        const [executed] = (await client.execute('select length(?) as l, ? as back', [
          large,
          Buffer.alloc(16_777_215, 1),
        ])) as [RowDataPacket[], unknown]
        expect(executed[0]!.l).toBe(17_000_000)
        expect((executed[0]!.back as Buffer).length).toBe(16_777_215)
        expect((await client.query('select 1 as one'))[0]).toEqual([{ one: 1 }])
      })
    })

    it('authorises anew on USE and COM_INIT_DB', async () => {
      const { stock, shop, copy } = gateway.schemas
      await withClient('erin', async (client) => {
        await client.query(`use ${stock}`)
        expect((await client.query('select database() as d'))[0]).toEqual([{ d: stock }])
        expect((await client.query('select count(*) as n from items'))[0]).toEqual([{ n: 0 }])
        await expect(client.query(`use ${copy}`)).rejects.toMatchObject({ errno: 1044 })
        await expect(client.query('use mysql')).rejects.toMatchObject({ errno: 1044 })
        expect((await client.query('select database() as d'))[0]).toEqual([{ d: stock }])
        await client.query(`use ${shop}`)
        expect((await client.query('select count(*) as n from orders'))[0]).toEqual([{ n: 10 }])
      })
      await withClient('alice', async (client) => {
        await expect(client.query(`use ${stock}`)).rejects.toMatchObject({ errno: 1044 })
      })
      const client = await RawMysql.login(rawLogin())
      expect(await client.refusal(COM.initDb, stock)).toMatchObject({ errno: 1044 })
      expect(isOk(await client.ask(COM.initDb, shop))).toBe(true)
      client.close()
    })

    it('tracks the session for clients that ask for it, and hides that from those that do not', async () => {
      await withClient('erin', async (client) => {
        const [header] = (await client.query(`use ${gateway.schemas.stock}`)) as [ResultSetHeader, unknown]
        expect((header as { stateChanges?: { schema?: string } }).stateChanges?.schema).toBe(gateway.schemas.stock)
      })
      const client = await RawMysql.login(rawLogin())
      const ok = await client.ask(COM.query, 'set sql_mode = "ANSI_QUOTES"')
      expect(isOk(ok)).toBe(true)
      expect(ok.toString('latin1')).not.toContain('sql_mode')
      client.close()
    })

    it('follows sql_mode, which decides how the server reads the text', async () => {
      await withClient('erin', async (client) => {
        await client.query("set sql_mode = 'ANSI_QUOTES'")
        expect((await client.query('select "name" from "users" where "id" = 1'))[0]).toEqual([
          { name: CUSTOMERS[0].name },
        ])
        await expect(client.query('delete from "orders"')).rejects.toMatchObject({ errno: 1142 })
        await client.query("set sql_mode = 'NO_BACKSLASH_ESCAPES'")
        expect((await client.query("select '\\' as a, 'b' as b"))[0]).toEqual([{ a: '\\', b: 'b' }])
        await expect(client.query(`select '\\'; drop database x; -- '`)).rejects.toMatchObject({
          errno: expect.toBeOneOf([1064, 1142]),
        })
        for (const text of ["set names 'gbk'", 'set character_set_client = sjis', 'set names big5'])
          await expect(client.query(text), text).rejects.toMatchObject({ errno: expect.any(Number) })
        expect((await client.query('select 1 as one'))[0]).toEqual([{ one: 1 }])
      })
    })

    it('resets a connection, as mysql2’s pool does between its users', async () => {
      const pool = createPool({ ...gateway.options('erin'), connectionLimit: 1, resetOnRelease: true })
      const first = await pool.getConnection()
      await first.query("set @mine = 'secret'")
      await first.query("set sql_mode = 'ANSI_QUOTES'")
      first.release()
      const second = await pool.getConnection()
      expect((await second.query('select @mine as mine'))[0]).toEqual([{ mine: null }])
      expect((await second.query('select "text" as t'))[0]).toEqual([{ t: 'text' }])
      expect((await second.query('select email from users where id = 1'))[0]).not.toEqual([
        { email: CUSTOMERS[0].email },
      ])
      await expect(second.query('delete from orders')).rejects.toMatchObject({ errno: 1142 })
      second.release()
      await pool.end()
      const client = await RawMysql.login(rawLogin())
      client.command(COM.prepare, 'select 1')
      const statement = Buffer.from((await client.read()).subarray(1, 5))
      await client.readToEof()
      expect(isOk(await client.ask(COM.resetConnection))).toBe(true)
      expect(await client.refusal(COM.execute, executeWithCursor(statement))).toMatchObject({ errno: 1243 })
      client.close()
    })

    it('lists fields and answers the old commands that clients still send', async () => {
      const client = await RawMysql.login(rawLogin())
      client.command(COM.fieldList, 'users\0')
      const fields = await client.readToEof()
      expect(fields.length).toBeGreaterThan(5)
      expect((await client.ask(0x09)).toString()).toContain('Uptime')
      client.close()
    })

    it('takes a file for LOAD DATA LOCAL only where a rule allows it', async () => {
      const folder = temporaryFolder('load')
      const file = join(folder, 'orders.tsv')
      writeFileSync(file, '1\t5.50\tfirst\n2\t6.50\tsecond\n')
      const sql = `load data local infile '${file}' into table orders (user_id, total, note)`
      for (const { cli, program } of clis) {
        for (const [user, refused] of [
          ['alice', true],
          ['erin', true],
          ['olga', false],
        ] as const) {
          const result = await gateway.runClient(program, user, ['--local-infile=1', '-e', sql, 'shop'])
          expect(result.stderr, `${cli} ${user}`)[refused ? 'toContain' : 'toBe'](refused ? 'ERROR 1142' : '')
        }
      }
      expect(await gateway.direct("select count(*) as n from orders where note in ('first', 'second')")).toEqual([
        { n: 2 * clis.length },
      ])
      await gateway.direct("delete from orders where note in ('first', 'second')")
      await withClient('olga', async (client) => {
        const rows = Array.from({ length: 50_000 }, (_, i) => Buffer.from(`1\t${i % 100}\tstreamed\n`))
        const [header] = (await client.query({
          sql,
          infileStreamFactory: () => Readable.from(rows),
        })) as [ResultSetHeader, unknown]
        expect(header.affectedRows).toBe(50_000)
        expect((await client.query('select 1 as one'))[0]).toEqual([{ one: 1 }])
      })
      await gateway.direct("delete from orders where note = 'streamed'")
    })

    it('begins anew for the same user by COM_CHANGE_USER, and for nobody else', async () => {
      await withClient('erin', async (client) => {
        await client.query('set @mine = 1')
        await client.query("set sql_mode = 'ANSI_QUOTES'")
        await client.changeUser({ user: 'erin', password: PASSWORD, database: 'shop' })
        expect((await client.query('select @mine as mine, "text" as t'))[0]).toEqual([{ mine: null, t: 'text' }])
        await expect(client.query('delete from orders')).rejects.toMatchObject({ errno: 1142 })
        await expect(client.changeUser({ user: 'olga', password: PASSWORD, database: 'shop' })).rejects.toMatchObject({
          message: expect.stringContaining('open a new connection'),
        })
      })
      await withClient('erin', async (client) => {
        await expect(client.changeUser({ user: 'erin', password: 'wrong', database: 'shop' })).rejects.toMatchObject({
          errno: 1045,
        })
      })
    })
  })

  describe('a session', () => {
    it('kills a statement of its user’s other session, and of nobody else’s', async () => {
      await withClient('olga', async (sleeper) => {
        const sleeping = sleeper.query('select sleep(30) as interrupted').then(
          ([rows]) => rows,
          (error) => error,
        )
        await until(() => isRunning('select sleep(30)'))
        await withClient('erin', async (other) => {
          await expect(other.query(`kill query ${sleeper.threadId}`)).rejects.toMatchObject({
            errno: expect.toBeOneOf([1094, 1142]),
          })
          await expect(other.query('kill query 1')).rejects.toMatchObject({ errno: expect.toBeOneOf([1094, 1142]) })
        })
        expect(await isRunning('select sleep(30)')).toBe(true)
        await withClient('olga', (own) => own.query(`kill query ${sleeper.threadId}`))
        const answer = await sleeping
        expect(answer instanceof Error ? (answer as { errno?: number }).errno : answer).toEqual(
          answer instanceof Error ? 1317 : [{ interrupted: 1 }],
        )
        expect((await sleeper.query('select 1 as one'))[0]).toEqual([{ one: 1 }])
        await withClient('olga', (own) => own.query(`kill ${sleeper.threadId}`))
        await expect(sleeper.query('select 1')).rejects.toBeInstanceOf(Error)
      })
    })

    it.each(clis)('is interrupted by the $cli client’s Ctrl-C', async ({ program }) => {
      const child = spawn(
        program,
        [
          '--no-defaults',
          '-h127.0.0.1',
          `-P${gateway.sluice.ports.mysql}`,
          '-ualice',
          '-e',
          'select sleep(40)',
          'shop',
        ],
        { env: { ...process.env, MYSQL_PWD: PASSWORD } },
      )
      await until(() => isRunning('select sleep(40)'))
      child.kill('SIGINT')
      const killer = setTimeout(() => child.kill('SIGKILL'), 20_000)
      await once(child, 'exit')
      clearTimeout(killer)
      await until(async () => !(await isRunning('select sleep(40)')))
    })

    it('hears of the loss of its server, and new ones go on', async () => {
      await withClient('olga', async (client) => {
        const [rows] = (await client.query('select connection_id() as id')) as [RowDataPacket[], unknown]
        await gateway.direct(`kill ${rows[0]!.id}`)
        await expect(client.query('select 1')).rejects.toBeInstanceOf(Error)
      })
      await withClient('olga', async (client) => {
        const [rows] = (await client.query('select connection_id() as id')) as [RowDataPacket[], unknown]
        const lost = client.query('select sleep(20)').catch((error) => error)
        await until(() => isRunning('select sleep(20)'))
        await gateway.direct(`kill ${rows[0]!.id}`)
        expect(await lost).toMatchObject({ errno: expect.toBeOneOf([1053, 1317, 2013, 4031, 1927]) })
      })
      await withClient('olga', async (client) =>
        expect((await client.query('select 1 as one'))[0]).toEqual([{ one: 1 }]),
      )
    })

    it('follows a changed policy from its next statement, and a broken policy changes nothing', async () => {
      await withClient('alice', async (client) => {
        const change = 'update orders set total = total where id = 1'
        await expect(client.query(change)).rejects.toMatchObject({ errno: 1142 })
        await gateway.sluice.writePolicy(
          `${gateway.policy}  - name: for a moment\n    for: { users: [alice] }\n    allow: [update]\n`,
        )
        expect(((await client.query(change))[0] as ResultSetHeader).affectedRows).toBe(1)
        await gateway.sluice.writePolicy('rules: [ { nam: broken')
        expect(((await client.query(change))[0] as ResultSetHeader).affectedRows).toBe(1)
        expect(gateway.sluice.output()).toMatch(/policy/)
        await gateway.sluice.writePolicy(gateway.policy)
        await expect(client.query(change)).rejects.toMatchObject({ errno: 1142 })
      })
    })

    it('that sends what is no packet ends alone', async () => {
      await withClient('alice', async (bystander) => {
        for (const bytes of [
          'GET / HTTP/1.1\r\n\r\n',
          '\x00\x00\x00\x01',
          '\xff\xff\xff\xff',
          '\x05\x00\x00\x00abcde',
        ]) {
          const socket = connect(gateway.sluice.ports.mysql, '127.0.0.1')
          socket.on('error', () => {})
          socket.on('data', () => {})
          socket.end(Buffer.from(bytes, 'latin1'))
          await once(socket, 'close')
        }
        const client = await RawMysql.login(rawLogin())
        client.write(Buffer.of(COM.ping), 77) // out of order
        const answer = await client.read()
        expect(errorOf(answer).errno).toBeGreaterThan(0)
        await expect(client.read()).rejects.toThrow('closed')
        expect((await bystander.query('select 1 as one'))[0]).toEqual([{ one: 1 }])
      })
    })
  })

  describe('the record', () => {
    it('holds the session as it went, masked, without secrets, and verifies', async () => {
      await withClient('rosa', async (client) => {
        await client.query('select email from users where id = 1')
        await client.execute('select ssn from users where id = ?', [2])
        await client.query('truncate orders').catch(() => {})
        await client.end()
      })
      const listed = await gateway.sluice.run(['sessions', '--user', 'rosa', '--json'])
      expect(listed.status).toBe(0)
      const sessions = JSON.parse(listed.stdout) as { id: string }[]
      const id = sessions
        .map((session) => session.id)
        .sort()
        .at(-1)!
      const replayed = await gateway.sluice.run(['replay', id, '--instant'])
      expect(replayed.stdout).toContain('select email from users where id = 1')
      expect(replayed.stdout).toContain('select ssn from users where id = ?')
      expect(replayed.stdout).toContain('nobody destroys')
      expect(replayed.stdout).not.toContain(CUSTOMERS[0].email)
      expect(replayed.stdout).not.toContain(CUSTOMERS[1].ssn)
      const json = await gateway.sluice.run(['replay', id, '--json'])
      const types = json.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).type)
      expect(types[0]).toBe('session-started')
      expect(types.at(-1)).toBe('session-ended')
      expect(types).toContain('result')
      expect(await gateway.sluice.run(['verify', id])).toMatchObject({ status: 0 })
      const file = join(gateway.sluice.folder, 'sessions', `${id}.jsonl`)
      const text = readFileSync(file, 'utf8')
      writeFileSync(file, text.replace('truncate orders', 'select 1       '))
      expect(await gateway.sluice.run(['verify', id])).toMatchObject({ status: 1 })
      writeFileSync(file, text)
    })

    it('and the logs hold no password, neither the vault’s nor one in a statement', async () => {
      await withClient('olga', async (client) => {
        await client.query("create user if not exists temp_user@localhost identified by 'hunter2-in-sql'")
        await client.query("alter user temp_user@localhost identified by 'hunter2-in-sql'")
        await client.query('drop user temp_user@localhost')
      })
      for (const secret of [server.password, 'hunter2-in-sql', PASSWORD]) {
        const { stdout } = await runClient('sh', ['-c', `grep -rl '${secret}' '${gateway.sluice.folder}' || true`])
        expect(stdout).toBe('')
        expect(gateway.sluice.output()).not.toContain(secret)
        expect(readFileSync(`/proc/${gateway.sluice.pid}/cmdline`, 'utf8')).not.toContain(secret)
        expect(readFileSync(`/proc/${gateway.sluice.pid}/environ`, 'utf8')).not.toContain(secret)
      }
    })
  })

  async function isRunning(text: string): Promise<boolean> {
    const rows = await gateway.direct('select count(*) as n from information_schema.processlist where info like ?', [
      `${text}%`,
    ])
    return Number(rows[0]!.n) > 0
  }
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('it did not happen in time')
}
