import { runClient, type SluiceProcess, startSluice } from '@sluice/testkit'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import {
  bind,
  closePortal,
  closeStatement,
  describePortal,
  describeStatement,
  execute,
  flush,
  message,
  parse,
  query,
  type RawMessage,
  RawPostgres,
  sync,
} from './raw-postgres.js'
import { queryPostgres } from './shop.js'

// What is allowed must look as without the gateway, byte for byte: each thing is done twice in databases made alike, straight
// and through the gateway, by somebody for whom nothing is masked and by somebody for whom another table is.

const server = inject('postgres')
const { psql } = inject('programs')
const PASSWORD = 'correct horse'
const database = `compatible_${process.pid}`
let sluice: SluiceProcess

const SHOP = `
  drop schema if exists public cascade;
  create schema public;
  create type mood as enum ('sad', 'ok');
  create domain positive as int check (value > 0);
  create table users (id int primary key, name text not null, feeling mood, born date default '2000-01-01');
  comment on table users is 'people';
  insert into users values (1, 'Ada', 'ok'), (2, 'Bo', null), (3, 'Zoë', 'sad');
  create table orders (id serial primary key, user_id int references users (id) on delete cascade, total numeric(10, 2) check (total >= 0), note text);
  insert into orders (user_id, total) select 1 + i % 3, i from generate_series(1, 50) i;
  create index on orders (total) where note is null;
  create view adults as select id, upper(name) as shout from users;
  create materialized view counts as select count(*) from orders;
  create function join_up(a int, b text default 'x') returns text language sql immutable as $$ select a || b $$;
  create function report() returns trigger language plpgsql as $$ begin raise notice 'trigger %', new.id; return new; end $$;
  create trigger report before insert on users for each row execute function report();
  create table parts (a int, b text) partition by range (a);
  create table parts_low partition of parts for values from (0) to (10);
  create policy everybody on users using (true);
  create table hidden (id int, secret text);
  create table plain (a int, b text);
  analyze;
`

beforeAll(async () => {
  await queryPostgres(server, 'postgres', `create database ${database}`)
  await queryPostgres(server, database, SHOP)
  sluice = await startSluice({
    configuration: {
      databases: {
        [database]: { dialect: 'postgres', address: `${server.host}:${server.port}`, credential: 'shop', tls: 'off' },
      },
    },
    policy: `
rules:
  - name: everything
    allow: [any, opaque]
  - name: something else is masked
    for: { users: [mara] }
    mask: { public.hidden.secret: redact }
`,
    users: [
      { name: 'olga', password: PASSWORD },
      { name: 'mara', password: PASSWORD },
    ],
    credentials: { shop: { username: server.user, password: server.password } },
  })
})

afterAll(() => sluice?.stop())

/** What was made a moment ago is unknown to the gateway, and masked for that alone where anything is masked. */
async function untilKnown(): Promise<void> {
  const client = new pg.Client(login('mara'))
  await client.connect()
  await untilTrue(async () => (await client.query('select name from users where id = 1')).rows[0]?.name === 'Ada')
  await client.end()
}

type Way = 'direct' | 'olga' | 'mara'

function login(way: Way): { host: string; port: number; user: string; password: string; database: string } {
  return way === 'direct'
    ? { ...server, database }
    : { host: '127.0.0.1', port: sluice.ports.postgres, user: way, password: PASSWORD, database }
}

describe.each(['olga', 'mara'] as const)('psql (%s)', (who) => {
  async function both(script: string): Promise<void> {
    const run = async (way: Way) => {
      await queryPostgres(server, database, SHOP)
      await untilKnown()
      const { host, port, user, password } = login(way)
      const args = ['-X', '-a', `host=${host} port=${port} user=${user} dbname=${database} sslmode=disable`]
      return runClient(psql, args, { env: { PGPASSWORD: password, PGCLIENTENCODING: 'UTF8' }, input: script })
    }
    const direct = await run('direct')
    expect(direct.stdout.length).toBeGreaterThan(100)
    expect(await run(who)).toEqual(direct)
  }

  it('describes what there is in the same words', () =>
    both(
      `\\d\n\\d+\n\\d users\n\\d+ orders\n\\d+ adults\n\\d+ counts\n\\d+ parts\n\\d parts_low\n\\dS pg_class\n\\da\n\\dA+\n\\dAc int4\n\\db\n\\dC\n\\dc\n\\dd\n\\ddp\n\\dD+\n\\det\n\\des\n\\dew\n\\dE
\\df+\n\\dF+\n\\dFd\n\\dFp\n\\dFt\n\\dg\n\\di+\n\\dl\n\\dL\n\\dm+\n\\dn+\n\\do =\n\\dO\n\\dp\n\\dP+\n\\drds\n\\dRp+\n\\dRs\n\\ds+\n\\dT+\n\\dv+\n\\dx+\n\\dX\n\\dy\n\\sf join_up\n\\sf+ report\n\\sv adults\n\\z\n\\encoding\n`,
    ))

  it('runs queries, changes, errors and transactions to the same effect', () =>
    both(`
select 1 as a, 'b' as b \\gdesc
select 'select 5 as five' \\gexec
select 1 as x, 'é' as y \\gset
\\echo :x :y
select * from users order by id \\gx
select user_id, total > 25 as t, count(*) from orders group by 1, 2 order by 1, 2 \\crosstabview
insert into users values (9, 'N');
insert into users values (9, 'N');
select 1/0; select 2;
select 1\\; select 2\\; select 3;
begin; savepoint a; select 1/0; rollback to a; insert into orders (user_id, total) values (1, 1) returning user_id, total, note; rollback;
begin; select * from missing; select 1; commit;
insert into orders (user_id, total) values (99, 1);
insert into orders (user_id, total) values (1, -1);
insert into users (id) values (10);
selec 1;
select 'unfinished;
';
select emial from users;
prepare p (int) as select * from users where id = $1; execute p (1); deallocate p; execute p (1);
begin; declare c cursor for select * from orders order by id; fetch 3 from c; move 5 in c; fetch c; close c; commit;
\\set FETCH_COUNT 7
select id, total from orders order by id;
\\unset FETCH_COUNT
\\set ON_ERROR_ROLLBACK on
begin;
select 1/0;
select 1;
commit;
\\set ON_ERROR_ROLLBACK off
\\set AUTOCOMMIT off
select 1/0;
select 1;
rollback;
\\set AUTOCOMMIT on
set role pg_read_all_data; select current_user; reset role;
set search_path to pg_catalog; show search_path; reset all;
select length(repeat('x', 3000000));
explain (costs off) select * from users where id = 1;
create table q (a int); alter table q add b text; drop table q;
merge into users u using (values (1, 'one'), (20, 'new')) s (id, name) on u.id = s.id when matched then update set name = s.name when not matched then insert (id, name) values (s.id, s.name);
with gone as (delete from orders where id < 5 returning id) select count(*) from gone;
vacuum users;
`))

  it('copies both ways, in each format', () =>
    both(`
copy users (id, name, feeling) to stdout;
copy (select id, name from users order by id) to stdout with (format csv, header);
create temp table c (like users);
copy c from stdin;
1\tone\tok\t2000-01-01
2\ttwo\t\\N\t2001-01-01
\\.
select * from c order by id;
copy c from stdin;
bad line
\\.
copy c (id, name) from stdin csv;
7,"a,b"
8,c
\\.
select * from c order by id;
\\copy c to program 'md5sum' binary
select 1;
`))
})

describe('notices and blocks', () => {
  it('come in the same order and words', async () => {
    const run = async (way: Way) => {
      const client = new pg.Client(login(way))
      const seen: unknown[] = []
      client.on('notice', (notice) => seen.push([notice.severity, notice.message, notice.where]))
      await client.connect()
      const results = await client.query(
        "select 1; do $$ begin raise warning 'w'; for i in 1..3 loop raise notice 'n%', i; end loop; end $$; select 2",
      )
      seen.push((results as unknown as pg.QueryResult[]).map(({ rows, command }) => [command, rows]))
      await client
        .query(
          "do $$ begin raise exception 'no %', 1 using errcode = 'P0042', hint = 'h', detail = 'd', table = 't'; end $$",
        )
        .catch(({ code, message, hint, detail, table, where }) =>
          seen.push([code, message, hint, detail, table, where]),
        )
      await client.end()
      return seen
    }
    expect(await run('olga')).toEqual(await run('direct'))
  })
})

describe('what drivers do', () => {
  const works: Record<string, (client: pg.Client, another: () => Promise<pg.Client>) => Promise<unknown>> = {
    'a parameter of 20 MB': async (client) =>
      (await client.query('select length($1::bytea), md5($1::bytea)', [Buffer.alloc(20e6, 7)])).rows,
    'a value of 20 MB': async (client) => (await client.query("select repeat('x', 20000000) as x")).rows[0].x.length,
    '20,000 rows in one statement': async (client) => {
      await client.query('create temp table many (a int, b text)')
      const values = Array.from({ length: 20_000 }, (_, i) => `(${i},'v${i}')`)
      return [
        (await client.query(`insert into many values ${values}`)).rowCount,
        (await client.query('select count(*), sum(a) from many')).rows,
      ]
    },
    '10,000 parameters': async (client) => {
      const values = Array.from({ length: 10_000 }, (_, i) => i)
      const places = values.map((i) => `($${i + 1}::int)`)
      return (await client.query(`select sum(column1) from (values ${places}) v`, values)).rows
    },
    '300 prepared statements': async (client) => {
      const sums: number[] = []
      for (let round = 0; round < 2; round++) {
        for (let i = 0; i < 300; i++) {
          const { rows } = await client.query({ name: `n${i}`, text: `select ${i} + $1::int as n`, values: [round] })
          sums.push(rows[0].n)
        }
      }
      return sums.reduce((a, b) => a + b)
    },
    'values of many types, as text and in binary': async (client) => {
      const text = `select 1::int2, 2::int8, 1.5::float4, 'a'::name, null::text, array[1, null, 3], '{"a": 1}'::jsonb, interval '1 day',
        '10.0.0.1'::inet, row(1, 'x'), '[1,5)'::int4range, point(1, 2), '\\x00ff'::bytea, true, 12345678901234567890.123::numeric, date '2020-02-29'`
      const plain = await client.query({ text, rowMode: 'array' })
      const binary = await client.query({
        text: 'select id, name, born is null as b from users order by id',
        binary: true,
      } as pg.QueryConfig)
      return [plain.rows, plain.fields, binary.rows]
    },
    'large objects': async (client) => {
      await client.query('begin')
      const oid = (await client.query("select lo_from_bytea(0, 'abc') as oid")).rows[0].oid
      const fd = (await client.query('select lo_open($1, 393216) as fd', [oid])).rows[0].fd
      const written = (await client.query("select lowrite($1, 'xyz')", [fd])).rows
      const read = (await client.query('select lo_get($1)', [oid])).rows
      await client.query('rollback')
      return [written, read]
    },
    'settings for a session and for a transaction': async (client) => {
      await client.query("set time zone 'Asia/Tokyo'")
      await client.query("begin; set local work_mem = '1MB'")
      const inside = (await client.query('show work_mem')).rows
      await client.query('commit')
      return [inside, (await client.query("select timestamptz '2020-01-01 00:00+00'::text as t")).rows]
    },
    'the server’s own timeouts': async (client) => {
      await client.query("set statement_timeout = '100ms'")
      const late = await client.query('select pg_sleep(5)').catch(({ code, message }) => [code, message])
      await client.query("set statement_timeout = 0; set idle_in_transaction_session_timeout = '100ms'; begin")
      const ended = await new Promise((resolve) =>
        client.once('error', (error) => resolve([(error as { code?: string }).code, error.message])),
      )
      return [late, ended]
    },
    'a cancel by the server’s function': async (client, another) => {
      const pid = (await client.query('select pg_backend_pid() as pid')).rows[0].pid
      const slept = client.query('select pg_sleep(30)').catch(({ code, message }) => [code, message])
      const other = await another()
      await untilTrue(async () => (await other.query('select 1 from pg_locks where pid = $1', [pid])).rowCount !== 0)
      await other.query('select pg_cancel_backend($1)', [pid])
      await other.end()
      return [await slept, (await client.query('select 1 as one')).rows]
    },
    'serialization failures': async (client, another) => {
      const other = await another()
      for (const each of [client, other]) {
        await each.query('begin isolation level serializable')
        await each.query('select sum(total) from orders')
      }
      await client.query('update orders set total = total where id = 10')
      await other.query('update orders set total = total where id = 11')
      await other.query('commit')
      const failed = await client.query('commit').catch(({ code, message }) => [code, message])
      await other.end()
      return [failed, (await client.query('select 1 as one')).rows]
    },
  }
  for (const [what, work] of Object.entries(works)) {
    it(what, async () => {
      const run = async (way: Way) => {
        const clients: pg.Client[] = []
        const connect = async () => {
          const client = new pg.Client(login(way))
          client.on('error', () => {})
          await client.connect()
          clients.push(client)
          return client
        }
        try {
          return await work(await connect(), connect)
        } finally {
          for (const client of clients) client.end().catch(() => {})
        }
      }
      const direct = await run('direct')
      expect(await run('olga')).toEqual(direct)
      expect(await run('mara')).toEqual(direct)
    })
  }
})

describe('messages are answered with the same bytes', () => {
  const one = parse('', 'select id, name from users order by id')
  const conversations: Record<string, readonly (readonly Buffer[])[]> = {
    'a pipeline of segments, one of which fails': [
      [
        one,
        bind('', ''),
        describePortal(''),
        execute(''),
        sync,
        parse('', 'select 1/0'),
        bind('', ''),
        execute(''),
        one,
        bind('', ''),
        execute(''),
        sync,
        one,
        bind('', '', 1),
        execute(''),
        sync,
      ],
    ],
    'the same within a transaction': [
      [query('begin')],
      [one, bind('', ''), execute(''), parse('', 'select 1/0'), bind('', ''), execute(''), sync, one, sync],
      [query('select 1')],
      [query('commit')],
    ],
    'rows by portions': [
      [query('begin')],
      [one, bind('p', ''), execute('p', 2), execute('p', 2), execute('p', 2), sync],
      [query('commit')],
    ],
    'a statement and a portal, described and closed': [
      [parse('s', 'select $1::int, $2::text'), describeStatement('s'), sync],
      [closeStatement('s'), closeStatement('s'), closePortal('none'), describeStatement('s'), sync],
    ],
    'statements without rows, and none at all': [
      [
        parse('', 'update users set name = name'),
        describeStatement(''),
        bind('', ''),
        describePortal(''),
        execute(''),
        parse('', ''),
        bind('', ''),
        describePortal(''),
        execute(''),
        sync,
      ],
      [query('')],
      [query(' ; ; ')],
      [query('-- nothing')],
    ],
    'several statements in one Query, with an error among them': [
      [query('select 1; select 2; select 1/0; select 3')],
      [query("begin; select 1; select 'x'::int; commit")],
      [query('rollback')],
    ],
    'COPY in, and a client that breaks it off': [
      [
        query('copy plain from stdin'),
        message('d', Buffer.from('1\tx\n2\t')),
        message('d', Buffer.from('y\n')),
        message('c'),
      ],
      [query('copy plain from stdin'), message('d', Buffer.from('3\tz\n')), message('f', 'enough')],
      [query('copy plain from stdin'), message('d', Buffer.from('x\ty\n')), message('c')],
      [query('delete from plain')],
    ],
    'COPY in the extended protocol': [
      [
        parse('', 'copy plain from stdin'),
        bind('', ''),
        execute(''),
        message('d', Buffer.from('1\tx\n')),
        message('c'),
        sync,
      ],
      [parse('', 'copy users (id) to stdout'), bind('', ''), execute(''), sync],
      [query('delete from plain')],
    ],
    'Flush, and Sync upon Sync': [[one, flush, bind('', ''), flush, execute(''), flush, sync, sync, sync]],
    'Query within a segment': [[one, bind('', ''), query('select 7'), execute(''), sync]],
    'names that are taken or missing': [
      [parse('t', 'select 1'), parse('t', 'select 2'), sync],
      [bind('', 'nothing'), execute(''), sync],
      [execute('nothing'), sync],
      [describePortal('nothing'), sync],
      [describeStatement('nothing'), sync],
    ],
  }

  async function converse(way: Way, segments: readonly (readonly Buffer[])[]): Promise<string[]> {
    const raw = await RawPostgres.connect(login(way))
    const said: string[] = []
    try {
      for (const messages of segments) {
        raw.send(...messages)
        // A marker of our own tells the end: what an error makes the server skip has no answers to count.
        raw.send(sync, closeStatement('marker'), sync)
        const answers = await raw.until(
          (all) =>
            all
              .slice(-3)
              .map(({ type }) => type)
              .join('') === 'Z3Z',
        )
        said.push(...answers.map(asText))
      }
    } finally {
      raw.end()
    }
    return said
  }

  for (const [what, segments] of Object.entries(conversations)) {
    it(what, async () => {
      const direct = await converse('direct', segments)
      expect(await converse('olga', segments)).toEqual(direct)
      expect(await converse('mara', segments)).toEqual(direct)
    })
  }
})

/** As it came, but for the place in the server's source that an error names: the gateway's own errors have none. */
function asText({ type, body }: RawMessage): string {
  const text = body.toString('latin1')
  return `${type} ${type === 'E' ? text.replaceAll(/\0[FLR][^\0]*/g, '') : text}`
}

async function untilTrue(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('it did not happen in time')
}
