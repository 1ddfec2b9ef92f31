import type { RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type MysqlGateway, startMysqlGateway } from './mysql-gateway.js'
import { CUSTOMERS } from './shop.js'

/** Whatever would give a value away: as it is, in parts, backwards, in hexadecimal, as a number. */
const SECRETS = CUSTOMERS.flatMap(({ email, ssn }) =>
  [...(email === null ? [] : [email, `${email.split('@')[0]}@`]), ssn, ssn.replaceAll('-', '')].flatMap((secret) => [
    secret,
    secret.split('').reverse().join(''),
    Buffer.from(secret).toString('hex'),
    Buffer.from(secret).toString('base64'),
  ]),
)

const NAMES = 'select name from members'
const NOTES = 'select note from jottings'

/** What makes a masked column of `members` be had from another place, and how to look there. */
const LAUNDERINGS = [
  ['update members set name = ssn', NAMES],
  ['update members set members.name = concat("", `SSN`) where id = 1 order by id limit 1', NAMES],
  ['update members set name = (select ssn)', NAMES],
  ['update members a join members b on a.id = b.id set a.name = b.ssn', NAMES],
  ['update jottings, members set note = ssn where id = member_id', NOTES],
  ['update jottings j join members m on m.id = j.member_id set j.note = m.ssn', NOTES],
  ['update jottings j join (select id, ssn as s from members) m on m.id = j.member_id set j.note = m.s', NOTES],
  [
    "update jottings join members m join json_table(json_array(m.ssn), '$[*]' columns (s varchar(20) path '$')) x set note = x.s",
    NOTES,
  ],
  ['insert into members (id, name, ssn) values (1, "x", "y") on duplicate key update name = members.ssn', NAMES],
  ['insert into members (id, name, ssn) select 1, note, 1 from jottings on duplicate key update name = ssn', NAMES],
  ['replace into jottings select id, ssn from members', NOTES],
  ['alter table members add copied varchar(20) as (ssn)', 'select copied from members'],
  ['alter table members rename column ssn to number', 'select number from members'],
  ['alter table members change ssn number varchar(20)', 'select number from members'],
  ['rename table members to people', 'select * from people'],
  ['alter table members rename to people', 'select * from people'],
  ['update jottings set note = first_ssn()', NOTES],
  ['insert into jottings values (1, first_ssn())', NOTES],
  ['create view shown as select ssn as name from members', 'select name from shown'],
  ['create table kept as select ssn as name from members', 'select name from kept'],
  ['create table kept (name varchar(20)) select ssn as name from members', 'select name from kept'],
  ['create trigger tell before update on members for each row set new.name = old.ssn', NAMES],
] as const

describe.each(inject('mysqls'))('masking on $flavour', (server) => {
  let gateway: MysqlGateway

  beforeAll(async () => {
    gateway = await startMysqlGateway(server)
    await makeMembers()
    await gateway.direct('create view contacts as select id, lower(email) as contact from users')
    await gateway.direct('create view contact_list as select contact from contacts')
    await gateway.direct('create view order_notes as select id, note from orders')
    await gateway.direct(
      'create function first_ssn() returns varchar(20) deterministic reads sql data return (select ssn from users order by id limit 1)',
    )
  })

  afterAll(() => gateway?.sluice.stop())

  /** A table with a masked column and one without, as they were. */
  async function makeMembers(): Promise<void> {
    for (const sql of [
      'drop view if exists shown',
      'drop table if exists members, jottings, kept, people',
      'create table members (id int primary key, name varchar(80) not null, ssn varchar(20) not null, balance decimal(10,2) not null default 0)',
      'create table jottings (member_id int, note varchar(80))',
      `insert into members (id, name, ssn) values (1, 'Ada', '${CUSTOMERS[0].ssn}')`,
      "insert into jottings values (1, 'n')",
    ])
      await gateway.direct(sql)
  }

  function expectNoSecret(value: unknown, what: string): void {
    const text = JSON.stringify(value, (_, part) =>
      part !== null && typeof part === 'object' && part.type === 'Buffer'
        ? `${Buffer.from(part.data).toString('latin1')} ${Buffer.from(part.data).toString('hex')}`
        : part,
    ).toLowerCase()
    for (const secret of SECRETS) expect(text, what).not.toContain(secret.toLowerCase())
  }

  it('hides the columns in text and binary rows, keeps NULL, and leaves the others alone', async () => {
    const sql = 'select id, name, email, ssn, balance, created_at from users order by id'
    const direct = await gateway.direct(sql)
    await gateway.withClient('alice', async (client) => {
      for (const ask of [() => client.query(sql), () => client.execute(sql)]) {
        const [rows] = (await ask()) as [RowDataPacket[], unknown]
        expect(rows.map(({ email: _, ssn: __, ...others }) => others)).toEqual(
          direct.map(({ email: _, ssn: __, ...others }) => others),
        )
        expect(rows[2]!.email).toBeNull()
        expect(rows[0]!.email).toMatch(/^a\*+@analytical\.example$/)
        expect(rows.map((row) => row.ssn.slice(-4))).toEqual(CUSTOMERS.map(({ ssn }) => ssn.slice(-4)))
        expectNoSecret(rows, sql)
      }
    })
  })

  it('holds for a statement that was prepared earlier, and when a rule changes between two executions', async () => {
    await gateway.withClient('alice', async (client) => {
      const statement = await client.prepare('select name, email from users where id = ?')
      for (let i = 0; i < 3; i++) {
        const [rows] = (await statement.execute([1 + (i % 2)])) as [RowDataPacket[], unknown]
        expectNoSecret(rows, 'prepared')
      }
      await gateway.sluice.writePolicy(`${gateway.policy}  - name: no names\n    mask: { "*.users.name": redact }\n`)
      const [rows] = (await statement.execute([1])) as [RowDataPacket[], unknown]
      expect(rows[0]!.name).not.toBe(CUSTOMERS[0].name)
      await gateway.sluice.writePolicy(gateway.policy)
      await client.query("prepare direct from 'select email, ssn from users where id = 1'")
      expectNoSecret((await client.query('execute direct'))[0], 'execute')
    })
  })

  it('covers what is derived: expressions, subqueries, aggregates, CTEs, unions, views and functions', async () => {
    const attempts = [
      'select upper(email) from users',
      'select reverse(email), concat(ssn, "x") from users',
      'select hex(ssn), to_base64(email) from users',
      'select ssn + 0, cast(replace(ssn, "-", "") as unsigned) as n from users',
      'select (select email from users where id = 1) as e',
      'select id, (select u.ssn) as s from users u',
      'select group_concat(email) as g, max(ssn) as m from users',
      'select case when id = 1 then ssn else name end as c from users',
      'select if(id, ssn, 0) as c, coalesce(null, email) as d from users',
      'with x as (select concat(email, "") as e from users) select e from x',
      'with users as (select id, ssn as name from users) select name from users',
      'with recursive r as (select 1 as n, ssn as s from users union all select n + 1, s from r where n < 2) select s from r',
      'select x.e from (select email as e from users) x',
      'select name from (select ssn as name from users) users',
      'select users.name from (select id, ssn as name from users) as users',
      'select name from (select id, ssn as name from users union all select id, note from orders) as orders',
      'select note from (select ssn as note from users) as orders',
      'select email from users union all select ssn from users',
      'select note from orders union select ssn from users',
      'select o.note, u.ssn as note2 from orders o join users u on u.id = o.user_id',
      'select * from contacts',
      'select contact as id from contact_list',
      'select first_ssn() as name',
      'select first_ssn() as note from orders limit 1',
      // The server finds it by this name too.
      'select f\u00edrst_ssn() as note from orders limit 1',
      'select json_object("k", ssn) as j from users',
      'select json_arrayagg(email) as j from users',
      'select distinct ssn as name from users group by ssn, name',
      'select first_value(ssn) over (order by id) as f from users',
      'select ssn collate utf8mb4_bin as name from users',
      'select binary ssn as name from users',
      'select users.*, users.ssn as name from users',
      'handler users open; handler users read first; handler users close',
      'explain select * from users where ssn = (select ssn from users limit 1)',
      'show columns from users',
    ]
    await gateway.withClient(
      'alice',
      async (client) => {
        for (const attempt of attempts) {
          expectNoSecret((await client.query(attempt))[0], attempt)
          if (attempt.includes(';') || attempt.startsWith('show') || attempt.startsWith('explain')) continue
          expectNoSecret((await client.execute(attempt))[0], `${attempt} (binary)`)
        }
      },
      { multipleStatements: true },
    )
  })

  it('refuses to keep what it would have to mask for later, or to show it another way', async () => {
    await gateway.withClient(
      'alice',
      async (client) => {
        for (const text of [
          'select ssn into @x from users where id = 1',
          'select @x := ssn from users',
          'set @x = (select ssn from users limit 1)',
          'set @x = (select ssn from contacts join users using (id) limit 1)',
          "prepare p from 'select ssn from users limit 1 into @x'",
          'select last_insert_id(replace(ssn, "-", "")) from users',
          "select ssn from users into outfile '/tmp/never'",
        ])
          await expect(client.query(text), text).rejects.toMatchObject({ errno: 1142 })
        expect((await client.query('select @x as x, last_insert_id() as l'))[0]).toEqual([{ x: null, l: 0 }])
        const shown = await client
          .query('select extractvalue(1, concat(0x7e, (select ssn from users limit 1)))')
          .catch((error) => error)
        expectNoSecret({ message: shown.message, rows: shown }, 'an error')
        for (const text of ['show warnings', 'show errors', 'get diagnostics condition 1 @m = message_text'])
          await client.query(text).then(
            ([rows]) => expectNoSecret(rows, text),
            (error) => expectNoSecret(error.message, text),
          )
        expect((await client.query('select @m as m'))[0]).toEqual([{ m: null }])
      },
      { multipleStatements: true },
    )
    await gateway.withClient('erin', async (client) => {
      for (const text of [
        'create table copied select * from users',
        'create table copied as select ssn from users',
        'insert into orders (user_id, total, note) select 1, 1, email from users',
        'insert into orders (user_id, total, note) values (1, 1, (select ssn from users limit 1))',
        'replace into orders (id, user_id, total, note) select 1, 1, 1, ssn from users',
        'update orders set note = (select ssn from users limit 1)',
      ])
        await expect(client.query(text), text).rejects.toMatchObject({ errno: 1142 })
    })
    expectNoSecret(await gateway.direct('select note from orders'), 'orders')
  })

  it.each(LAUNDERINGS)('refuses to show a masked column as another: %s', async (change, show) => {
    const taken = CUSTOMERS[0].ssn
    await makeMembers()
    await gateway.direct(change)
    if (change.startsWith('create trigger')) await gateway.direct('update members set id = id')
    expect(JSON.stringify(await gateway.direct(show)), 'without a gateway').toContain(taken)
    await makeMembers()
    await gateway.withClient('erin', async (client) => {
      await expect(client.query(change)).rejects.toMatchObject({ errno: 1142 })
      await expect(client.query('prepare p from ?', [change])).rejects.toMatchObject({ errno: 1142 })
    })
    expect(JSON.stringify(await gateway.direct('select id, name from members'))).not.toContain(taken)
    expect(JSON.stringify(await gateway.direct('select note from jottings'))).not.toContain(taken)
    await expect(gateway.direct('select * from kept')).rejects.toMatchObject({ errno: 1146 })
  })

  it('refuses a change whose condition keeps what it looks at', async () => {
    await makeMembers()
    await gateway.withClient('erin', async (client) => {
      for (const change of [
        'update members set id = id + 10 where (@x := ssn) is null',
        'delete from members where (@x := ssn) is null',
        'update members set id = id where last_insert_id(ssn) is null',
        'set @x = first_ssn()',
        'insert into members (id, name, ssn) values (1, 1, 1) on duplicate key update id = id + (@x := ssn)',
      ])
        await expect(client.query(change), change).rejects.toMatchObject({ errno: 1142 })
      expect((await client.query('select @x as x, last_insert_id() as l'))[0]).toEqual([{ x: null, l: 0 }])
    })
  })

  it('lets a table with masked columns be written to', async () => {
    await makeMembers()
    await gateway.withClient('erin', async (client) => {
      await client.query("update members set name = 'x' where id = 1")
      await client.execute('update members set name = ?, ssn = ? where id = ? and ssn is not null', ['y', 's', 1])
      await client.query('update members set balance = balance + 1, name = upper(name)')
      await client.query("update members set name = 'z' where id = last_insert_id()")
      await client.query("insert into members (id, name, ssn) values (9, 'n', 's')")
      await client.query(
        "insert into members (id, name, ssn) values (9, 'm', 't') on duplicate key update ssn = values(ssn), name = concat(name, values(name))",
      )
      await client.query('update jottings join members on members.id = member_id set note = name')
    })
    expect(await gateway.direct('select * from members order by id')).toMatchObject([
      { id: 1, name: 'Y', ssn: 's', balance: '1.00' },
      { id: 9, name: 'nm', ssn: 't', balance: '0.00' },
    ])
    expect(await gateway.direct('select note from jottings')).toEqual([{ note: 'Y' }])
  })

  it('shows how many rows a table has, and nothing that is computed from their values', async () => {
    await gateway.withClient('alice', async (client) => {
      for (const ask of [client.query.bind(client), client.execute.bind(client)] as (typeof client.query)[]) {
        const [rows] = await ask(
          'select count(*) as n, count(distinct ssn) + 0 as d, max(length(ssn)) as m, 1 as one from users',
        )
        expect(rows).toEqual([{ n: 3, d: 3, m: 0, one: 1 }])
        expect((await ask('select count(*) as n from (select ssn from users) as x'))[0]).toEqual([{ n: 0 }])
        expect((await ask('select max(length(ssn)) as n from users'))[0]).toEqual([{ n: 0 }])
      }
    })
  })

  it('leaves relations without masked columns alone, also through views', async () => {
    await gateway.direct("update orders set note = concat('note ', id)")
    for (const sql of [
      'select count(*) as n, max(note) as m from orders',
      'select upper(note) as n from order_notes order by id',
      'with o as (select note from orders) select note from o order by note',
      'select x.n from (select note as n from orders) x order by n',
    ]) {
      const direct = await gateway.direct(sql)
      await gateway.withClient('alice', async (client) => {
        expect((await client.query(sql))[0], sql).toEqual(direct)
        expect(JSON.stringify((await client.execute(sql))[0]), sql.toLowerCase()).toMatch(/note \d/i)
      })
    }
  })

  it('does not touch what owners see', async () => {
    for (const sql of [
      'select * from users order by id',
      'select upper(email) as e, concat(ssn, "x") as s from users order by id',
      'select * from contacts order by id',
      'select first_ssn() as s',
      'with x as (select ssn from users) select ssn from x order by ssn',
    ]) {
      const direct = await gateway.direct(sql)
      await gateway.withClient('olga', async (client) => {
        expect((await client.query(sql))[0], sql).toEqual(direct)
        expect(JSON.stringify((await client.execute(sql))[0]), sql).toBe(JSON.stringify(direct))
      })
    }
  })

  it('follows tables that are made, renamed and dropped while sessions run', async () => {
    await gateway.withClient('alice', async (client) => {
      await gateway.direct('create table staff (id int, ssn varchar(20))')
      await gateway.direct("insert into staff values (1, '078-05-1120')")
      expectNoSecret((await client.query('select * from staff'))[0], 'a new table')
      await gateway.direct('create view staff_view as select concat(ssn) as label from staff')
      expectNoSecret((await client.query('select label from staff_view'))[0], 'a new view')
      await gateway.direct('drop view staff_view')
      await gateway.direct('drop table staff')
    })
  })
})
