import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runClient, type SluiceProcess, startSluice, temporaryFolder } from '@sluice/testkit'
import pg from 'pg'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { CUSTOMERS, makePostgresShop, queryPostgres } from './shop.js'

const server = inject('postgres')
const certificates = inject('certificates')
const { psql, pgDump, pgRestore } = inject('programs')

const POLICY = `
rules:
  - name: analysts read the shop
    for: { groups: [analysts] }
    allow: [read, session]
  - name: engineers work on the shop
    for: { groups: [engineers] }
    allow: [read, write, schema, session]
  - name: owners may do anything
    for: { groups: [owners] }
    allow: [any]
  - name: nobody destroys
    deny: [drop database, truncate]
  - name: no notes of orders
    for: { groups: [engineers] }
    on: { tables: [public.orders] }
    deny: [delete]
  - name: personal data
    mask:
      public.users.email: partial
      "*.ssn": { keepLast: 4 }
    except: { groups: [owners] }
`

let shop: string
let sluice: SluiceProcess

beforeAll(async () => {
  shop = await makePostgresShop(server)
  sluice = await startSluice({
    configuration: {
      tls: { certificate: certificates.certificate, key: certificates.key, require: false },
      databases: {
        shop: {
          dialect: 'postgres',
          address: `${server.host}:${server.port}`,
          database: shop,
          credential: 'shop',
          tls: 'verify-full',
          ca: certificates.ca,
        },
        nowhere: { dialect: 'postgres', address: '127.0.0.1:1', credential: 'shop', tls: 'off' },
        private: {
          dialect: 'postgres',
          address: `${server.host}:${server.port}`,
          database: shop,
          credential: 'missing',
          tls: 'off',
        },
      },
    },
    policy: POLICY,
    users: [
      { name: 'alice', password: 'correct horse', groups: ['analysts'] },
      { name: 'erin', password: 'correct horse', groups: ['engineers'] },
      { name: 'olga', password: 'correct horse', groups: ['owners'] },
      { name: 'nobody', password: 'correct horse' },
    ],
    credentials: { shop: { username: server.user, password: server.password } },
  })
})

afterAll(() => sluice?.stop())

function options(user: string, database = 'shop') {
  return { host: '127.0.0.1', port: sluice.ports.postgres, user, password: 'correct horse', database }
}

async function withClient<T>(
  user: string,
  use: (client: pg.Client) => Promise<T>,
  more: pg.ClientConfig = {},
): Promise<T> {
  const client = new pg.Client({ ...options(user), ...more })
  client.on('error', () => {})
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end().catch(() => {})
  }
}

function runPsql(user: string, args: string[], input?: string, connection = '') {
  return runClient(
    psql,
    [
      '-X',
      '-v',
      'ON_ERROR_STOP=0',
      `host=127.0.0.1 port=${sluice.ports.postgres} user=${user} dbname=shop ${connection}`,
      ...args,
    ],
    {
      env: { PGPASSWORD: 'correct horse' },
      ...(input === undefined ? {} : { input }),
    },
  )
}

describe('a login', () => {
  it('works for psql in the clear, over TLS with a verified certificate, and with channel binding', async () => {
    expect(await runPsql('alice', ['-Atc', 'select 1'], undefined, 'sslmode=disable')).toMatchObject({
      status: 0,
      stdout: '1\n',
    })
    const verified = `sslmode=verify-full sslrootcert=${certificates.ca}`
    expect(await runPsql('alice', ['-Atc', 'select 1'], undefined, verified)).toMatchObject({
      status: 0,
      stdout: '1\n',
    })
    expect(
      await runPsql('alice', ['-Atc', 'select 1'], undefined, `${verified} channel_binding=require`),
    ).toMatchObject({ status: 0, stdout: '1\n' })
  })

  it('gives the same answer for a wrong password and an unknown user', async () => {
    const wrong = await withClient('alice', async () => undefined, { password: 'wrong' }).catch((error) => error)
    const unknown = await withClient('mallory', async () => undefined).catch((error) => error)
    expect(wrong).toMatchObject({ code: '28P01', message: 'password authentication failed for user "alice"' })
    expect(unknown).toMatchObject({ code: '28P01', message: 'password authentication failed for user "mallory"' })
  })

  it('gives the same answer for a database that is not there and one that no rule opens', async () => {
    const missing = await withClient('alice', async () => undefined, { database: 'missing' }).catch((error) => error)
    const closed = await withClient('nobody', async () => undefined).catch((error) => error)
    expect(missing.code).toBe('3D000')
    expect(closed.code).toBe('3D000')
    expect(closed.message.replace('nobody', 'alice').replace('shop', 'missing')).toBe(missing.message)
  })

  it('says that the server is away or the credential missing, and never where or which', async () => {
    const away = await withClient('alice', async () => undefined, { database: 'nowhere' }).catch((error) => error)
    expect(away.message).toMatch(/cannot be reached/)
    const unprepared = await withClient('alice', async () => undefined, { database: 'private' }).catch((error) => error)
    expect(`${unprepared.message} ${unprepared.detail} ${unprepared.hint}`).not.toMatch(
      /missing|vault\.json|127\.0\.0\.1/,
    )
  })
})

describe('a refusal', () => {
  it('is a proper error with the rule and a hint, and the session goes on', async () => {
    await withClient('erin', async (client) => {
      const refused = await client.query(`drop database ${shop}`).catch((error) => error)
      expect(refused).toMatchObject({ code: '42501', severity: 'ERROR' })
      expect(refused.message).toContain('nobody destroys')
      expect(refused.hint).toBeTruthy()
      expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    })
  })

  it('holds for a prepared statement, and for one in disguise', async () => {
    await withClient('erin', async (client) => {
      await expect(client.query({ name: 'innocent', text: `drop database ${shop}` })).rejects.toMatchObject({
        code: '42501',
      })
      await expect(client.query(`/* select */ dRoP -- x\n DATABASE "${shop}"`)).rejects.toMatchObject({ code: '42501' })
      await expect(client.query(`select 1; drop database ${shop}`)).rejects.toMatchObject({ code: '42501' })
      await expect(client.query("do $$ begin execute 'drop table orders'; end $$")).rejects.toMatchObject({
        code: '42501',
      })
      await expect(client.query(`prepare p as delete from orders`)).rejects.toMatchObject({ code: '42501' })
    })
  })

  it('of what no rule allows is the default', async () => {
    await withClient('alice', async (client) => {
      await expect(client.query('update users set name = name')).rejects.toMatchObject({ code: '42501' })
      await expect(client.query('with x as (delete from orders returning 1) select * from x')).rejects.toMatchObject({
        code: '42501',
      })
    })
  })

  it('aborts the transaction block that it happens in, on the server too', async () => {
    await withClient('erin', async (client) => {
      await client.query('begin')
      await client.query('insert into orders (id, user_id, total) values (9001, 1, 1)')
      await expect(client.query('delete from orders where id = 9001')).rejects.toMatchObject({ code: '42501' })
      await expect(client.query('select 1')).rejects.toMatchObject({ code: '25P02' })
      expect((await client.query('commit')).command).toBe('ROLLBACK')
      expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    })
    expect(await queryPostgres(server, shop, 'select * from orders where id = 9001')).toEqual([])
  })

  it('takes its place in a pipeline: what came before is answered, what follows in the segment is skipped', async () => {
    const sql = postgres({ ...options('erin'), username: 'erin', max: 1, fetch_types: false })
    const results = await Promise.allSettled([
      sql`select 1 as a`,
      sql`delete from orders`,
      sql`select 2 as b`,
      sql`truncate orders`,
      sql`select 3 as c`,
    ])
    await sql.end()
    expect(results.map((result) => result.status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
    expect(await queryPostgres(server, shop, 'select count(*)::int as n from orders')).toEqual([{ n: 100 }])
  })

  it('of a text that the grammar refuses looks like the server’s own syntax error', async () => {
    await withClient('alice', async (client) => {
      await expect(client.query('selec 1')).rejects.toMatchObject({
        code: '42601',
        message: 'syntax error at or near "selec"',
        position: '1',
      })
    })
  })
})

describe('masking', () => {
  const masked = (row: { email: string | null; ssn: string }) => {
    const original = CUSTOMERS.map(({ email, ssn }) => [email, ssn] as const)
    expect(original.some(([email, ssn]) => (email !== null && row.email === email) || row.ssn === ssn)).toBe(false)
  }

  it('hides the columns in text and binary rows, keeps NULL, and leaves the others alone', async () => {
    await withClient('alice', async (client) => {
      for (const binary of [false, true]) {
        const { rows } = await client.query({
          text: 'select id, name, email, ssn, balance from users order by id',
          binary,
        } as pg.QueryConfig)
        expect(rows.map((row) => row.name)).toEqual(CUSTOMERS.map(({ name }) => name))
        expect(rows[2].email).toBeNull()
        expect(rows.map((row) => row.ssn.trim().slice(-4))).toEqual(CUSTOMERS.map(({ ssn }) => ssn.slice(-4)))
        for (const row of rows) masked(row)
      }
    })
  })

  it('holds for a statement that was prepared earlier and is executed without a new description', async () => {
    await withClient('alice', async (client) => {
      for (let i = 0; i < 3; i++) {
        const { rows } = await client.query({
          name: 'by id',
          text: 'select email, ssn from users where id = $1',
          values: [1 + (i % 2)],
        })
        masked(rows[0])
      }
      await client.query('prepare direct as select email, ssn from users where id = 1')
      masked((await client.query('execute direct')).rows[0])
    })
  })

  it('covers what is derived: expressions, subqueries, aggregates, CTEs, cursors and views', async () => {
    await queryPostgres(
      server,
      shop,
      'create or replace view contacts as select id, lower(email) as contact from users',
    )
    const secrets = CUSTOMERS.flatMap(({ email, ssn }) =>
      email === null ? [ssn] : [email, ssn, email.split('@')[0]!, email.split('').reverse().join('')],
    )
    const attempts = [
      'select upper(email) from users',
      'select reverse(email), ssn || $$x$$ from users',
      'select (select email from users where id = 1)',
      'select string_agg(email, $$,$$) from users',
      'with x as (select email || $$$$ as e from users) select e from x',
      'select u from users u',
      'select row_to_json(u) from users u',
      'select to_jsonb(users) from users',
      'select * from contacts',
      'select email from users union all select ssn from users',
      'select x.e from (select email as e from users) x',
      'values ((select ssn from users limit 1))',
      'select encode(convert_to(email, $$utf8$$), $$hex$$) from users',
    ]
    await withClient('alice', async (client) => {
      for (const attempt of attempts) {
        const text = JSON.stringify((await client.query(attempt)).rows).toLowerCase()
        for (const secret of secrets) expect(text, attempt).not.toContain(secret.toLowerCase())
        expect(text, attempt).not.toContain(Buffer.from(secrets[0]!).toString('hex'))
      }
      await client.query('begin')
      await client.query('declare c cursor for select upper(email) as e from users')
      const fetched = JSON.stringify((await client.query('fetch all from c')).rows).toLowerCase()
      await client.query('rollback')
      for (const secret of secrets) expect(fetched).not.toContain(secret.toLowerCase())
    })
  })

  it('refuses the ways out that it cannot mask yet', async () => {
    await withClient('erin', async (client) => {
      for (const text of [
        'copy users to stdout',
        'copy (select email from users) to stdout',
        'create table copied as select * from users',
        'insert into orders (user_id, total, note) select 1, 1, email from users',
      ]) {
        await expect(client.query(text), text).rejects.toMatchObject({ code: '42501' })
      }
    })
  })

  it('does not touch what owners see', async () => {
    await withClient('olga', async (client) => {
      expect((await client.query('select email, ssn from users order by id')).rows).toEqual(
        CUSTOMERS.map(({ email, ssn }) => ({ email, ssn })),
      )
    })
  })
})

describe('with everything allowed and nothing masked', () => {
  it('psql’s \\d commands and COPY both ways work as without the gateway', async () => {
    const commands = ['\\d users', '\\dt', '\\di+', '\\df', '\\dn', '\\du', '\\l'].flatMap((command) => ['-c', command])
    const place = `host=${server.host} port=${server.port} user=${server.user} dbname=${shop}`
    const direct = await runClient(psql, ['-X', place, ...commands], { env: { PGPASSWORD: server.password } })
    const through = await runPsql('olga', commands)
    expect(through).toEqual(direct)
    const copied = await runPsql(
      'olga',
      [
        '-c',
        'create temp table t (a int, b text)',
        '-c',
        'copy t from stdin',
        '-c',
        'copy (select * from t order by a) to stdout with csv',
      ],
      '1\tone\n2\ttwo\n\\.\n',
    )
    expect(copied.stdout).toContain('1,one\n2,two\n')
    expect(copied.stderr).toBe('')
  })

  it('a dump restores into another database, byte for byte', async () => {
    const folder = temporaryFolder('dump')
    const file = join(folder, 'shop.dump')
    const dump = (connection: string, password: string) =>
      runClient(pgDump, ['-Fc', '-f', file, connection], { env: { PGPASSWORD: password } })
    const direct = await dump(
      `host=${server.host} port=${server.port} user=${server.user} dbname=${shop}`,
      server.password,
    )
    const dumped = await dump(`host=127.0.0.1 port=${sluice.ports.postgres} user=olga dbname=shop`, 'correct horse')
    expect(dumped).toEqual(direct)
    if (/server version mismatch/.test(direct.stderr)) {
      console.error(`${pgDump} is older than the server, and refuses to dump it, through the gateway as without it`)
      return
    }
    expect(dumped.status).toBe(0)
    const copy = `${shop}_copy`
    await queryPostgres(server, 'postgres', `create database ${copy}`)
    const restored = await runClient(
      pgRestore,
      ['--no-owner', '-d', `host=${server.host} port=${server.port} user=${server.user} dbname=${copy}`, file],
      { env: { PGPASSWORD: server.password } },
    )
    expect(restored).toMatchObject({ status: 0 })
    const all = 'select * from users order by id'
    expect(await queryPostgres(server, copy, all)).toEqual(await queryPostgres(server, shop, all))
  })

  it('notices, notifications, errors and their fields pass unchanged', async () => {
    await withClient('olga', async (client) => {
      const notices: string[] = []
      client.on('notice', (notice) => notices.push(notice.message ?? ''))
      await client.query("do $$ begin raise notice 'hello'; end $$").catch(() => {})
      const notified = once(client, 'notification')
      await client.query('listen channel')
      await withClient('olga', (other) => other.query("notify channel, 'payload'"))
      expect((await notified)[0]).toMatchObject({ channel: 'channel', payload: 'payload' })
      await expect(
        client.query('insert into users (id, name, ssn, balance) values (1, $1, $2, 0)', ['x', 'y']),
      ).rejects.toMatchObject({
        code: '23505',
        constraint: 'users_pkey',
        detail: 'Key (id)=(1) already exists.',
      })
    })
  })

  it('a million rows come through, and the gateway keeps none of them in memory', async () => {
    await withClient('olga', async (client) => {
      const { rows } = await client.query('select count(*)::int as n from (select generate_series(1, 10)) x')
      expect(rows).toEqual([{ n: 10 }])
    })
    const { status, stdout } = await runClient(
      'sh',
      [
        '-c',
        `"${psql}" -X -At "host=127.0.0.1 port=${sluice.ports.postgres} user=olga dbname=shop" -c "select i, repeat('x', 50) from generate_series(1, 1000000) i" | wc -l`,
      ],
      {
        env: { PGPASSWORD: 'correct horse' },
      },
    )
    expect({ status, lines: stdout.trim() }).toEqual({ status: 0, lines: '1000000' })
    expect(residentMegabytes(sluice.pid)).toBeLessThan(250)
  })
})

describe('a session', () => {
  it('is cancelled by its own key: psql’s Ctrl-C reaches the statement, and nothing else', async () => {
    const child = spawn(
      psql,
      ['-X', `host=127.0.0.1 port=${sluice.ports.postgres} user=olga dbname=shop`, '-c', 'select pg_sleep(60)'],
      {
        env: { ...process.env, PGPASSWORD: 'correct horse' },
      },
    )
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk
    })
    await until(
      async () =>
        (await queryPostgres(server, shop, "select 1 from pg_stat_activity where query like 'select pg_sleep(60)%'"))
          .length > 0,
    )
    child.kill('SIGINT')
    await once(child, 'exit')
    expect(stderr).toContain('canceling statement due to user request')
  })

  it('hears of the loss of its server, and new ones go on', async () => {
    const client = new pg.Client(options('olga'))
    client.on('error', () => {}) // one for the server's last words, one for the end of the connection
    await client.connect()
    const lost = once(client, 'error')
    const { rows } = await client.query('select pg_backend_pid() as pid')
    await queryPostgres(server, shop, 'select pg_terminate_backend($1)', [rows[0].pid])
    await lost
    await withClient('olga', async (other) => expect((await other.query('select 1 as one')).rows).toEqual([{ one: 1 }]))
  })

  it('follows a changed policy from its next statement, and a broken policy changes nothing', async () => {
    await withClient('alice', async (client) => {
      await expect(client.query('update orders set total = total')).rejects.toMatchObject({ code: '42501' })
      await sluice.writePolicy(`${POLICY}\n  - name: for a moment\n    for: { users: [alice] }\n    allow: [update]\n`)
      expect((await client.query('update orders set total = total where id = 1')).rowCount).toBe(1)
      await sluice.writePolicy('rules: [ { nam: broken')
      expect((await client.query('update orders set total = total where id = 1')).rowCount).toBe(1)
      expect(sluice.output()).toMatch(/policy/)
      await sluice.writePolicy(POLICY)
      await expect(client.query('update orders set total = total')).rejects.toMatchObject({ code: '42501' })
    })
  })

  it('that sends what is no message ends alone', async () => {
    const { connect } = await import('node:net')
    for (const bytes of [
      'GET / HTTP/1.1\r\n\r\n',
      '\x00\x00\x00\x04',
      '\xff\xff\xff\xff\xff\xff\xff\xff',
      '\x00\x00\x00\x08\x04\xd2\x16\x2fX',
    ]) {
      const socket = connect(sluice.ports.postgres, '127.0.0.1')
      socket.on('error', () => {})
      socket.resume()
      socket.end(Buffer.from(bytes, 'latin1'))
      await once(socket, 'close')
    }
    await withClient('alice', async (client) =>
      expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]),
    )
  })
})

describe('the record', () => {
  it('holds the session as it went, masked, without secrets, and verifies', async () => {
    await withClient('alice', async (client) => {
      await client.query({ text: 'select email from users where id = $1', values: [1] })
      await client.query('truncate orders').catch(() => {})
    })
    const listed = await sluice.run(['sessions', '--user', 'alice', '--json'])
    expect(listed.status).toBe(0)
    const sessions = JSON.parse(listed.stdout) as { id: string }[]
    const id = sessions
      .map((session) => session.id)
      .sort()
      .at(-1)!
    const replayed = await sluice.run(['replay', id, '--instant'])
    expect(replayed.stdout).toContain('select email from users where id = $1')
    expect(replayed.stdout).toContain('nobody destroys')
    expect(replayed.stdout).not.toContain(CUSTOMERS[0].email)
    const json = await sluice.run(['replay', id, '--json'])
    const types = json.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).type)
    expect(types[0]).toBe('session-started')
    expect(types.at(-1)).toBe('session-ended')
    expect(await sluice.run(['verify', id])).toMatchObject({ status: 0 })
    tamper(join(sluice.folder, 'sessions', `${id}.jsonl`))
    expect(await sluice.run(['verify', id])).toMatchObject({ status: 1 })
  })

  it('and the logs never hold the vault’s password', async () => {
    const { stdout } = await runClient('sh', ['-c', `grep -rl '${server.password}' '${sluice.folder}' || true`])
    expect(stdout).toBe('')
    expect(sluice.output()).not.toContain(server.password)
    expect(readFileSync(`/proc/${sluice.pid}/cmdline`, 'utf8')).not.toContain(server.password)
    expect(readFileSync(`/proc/${sluice.pid}/environ`, 'utf8')).not.toContain(server.password)
  })
})

function tamper(file: string): void {
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.replace('truncate orders', 'select 1       '))
}

function residentMegabytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('it did not happen in time')
}
