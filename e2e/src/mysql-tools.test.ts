import { readFileSync } from 'node:fs'
import { runClient } from '@sluice/testkit'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type MysqlGateway, PASSWORD, startMysqlGateway } from './mysql-gateway.js'

const programs = inject('programs')

describe.each(inject('mysqls'))('with everything allowed and nothing masked, on $flavour', (server) => {
  let gateway: MysqlGateway
  const oracle = server.flavour === 'mysql'
  const dumps = [
    { dump: 'mariadb-dump', program: programs.mariadbDump, client: programs.mariadb, more: [] as string[] },
    ...(oracle && programs.mysqldump && programs.mysql
      ? [
          {
            dump: 'mysqldump',
            program: programs.mysqldump,
            client: programs.mysql,
            more: ['--set-gtid-purged=OFF', '--no-tablespaces'],
          },
        ]
      : []),
  ]
  const slaps = [
    { slap: 'mariadb-slap', program: programs.mariadbSlap },
    ...(programs.mysqlslap ? [{ slap: 'mysqlslap', program: programs.mysqlslap }] : []),
  ]

  beforeAll(async () => {
    gateway = await startMysqlGateway(server)
    await gateway.direct(
      'create table kinds (id int primary key, j json, b varbinary(300), bits bit(9), g geometry, t text)',
    )
    await gateway.direct(
      `insert into kinds values (1, '{"a": [1, "☃"]}', unhex(repeat('00ff5c270a', 60)), b'101010101', st_geomfromtext('POINT(1 2)'), 'it''s; -- "\\\\" /* not a comment */ ☃\\n')`,
    )
    await gateway.direct('create view totals as select user_id, sum(total) as total from orders group by user_id')
    await gateway.direct(
      "create trigger noted before insert on orders for each row begin if new.note is null then set new.note = 'none'; end if; end",
    )
    await gateway.direct("create procedure nothing() begin select 'it''s nothing;' as x; end")
    await gateway.direct('create table many (id int primary key, pad varchar(100))')
    await gateway.direct(
      `insert into many select a.i + 10 * b.i + 100 * c.i + 1000 * d.i, repeat('p', 50) from
      ${['a', 'b', 'c', 'd'].map((name) => `(select 0 as i union select 1 union select 2 union select 3 union select 4 union select 5 union select 6 union select 7 union select 8 union select 9) ${name}`).join(', ')}`,
    )
  })

  afterAll(() => gateway?.sluice.stop())

  it.each(dumps)('a dump by $dump restores into another database, byte for byte', async ({ program, client, more }) => {
    const { shop, copy } = gateway.schemas
    const args = [...more, '--hex-blob', '--routines', '--triggers', '--skip-dump-date']
    const through = await gateway.runClient(program, 'olga@shop', [...args, shop])
    expect(through).toMatchObject({ status: 0, stderr: '' })
    const direct = await runClient(
      program,
      ['--no-defaults', `-h${server.host}`, `-P${server.port}`, `-u${server.user}`, ...args, shop],
      { env: { MYSQL_PWD: server.password } },
    )
    expect(direct).toMatchObject({ status: 0 })
    expect(withoutHost(through.stdout)).toBe(withoutHost(direct.stdout))
    const restored = await gateway.runClient(client, 'olga', [copy], through.stdout)
    expect(restored).toMatchObject({ status: 0, stderr: '' })
    const again = await gateway.runClient(program, `olga@${copy}`, [...args, copy])
    expect(withoutHost(again.stdout).replaceAll(copy, shop)).toBe(withoutHost(through.stdout))
  })

  it.each(slaps)('$slap runs', async ({ slap, program }) => {
    const engine = slap === 'mysqlslap' ? [] : ['--engine=innodb']
    const result = await gateway.runClient(program, 'olga@shop', [
      `--create-schema=${gateway.schemas.slap}`,
      ...engine,
      '--auto-generate-sql',
      '--concurrency=4',
      '--number-of-queries=200',
      '--auto-generate-sql-load-type=mixed',
    ])
    expect(result.stderr.replaceAll(/.*insecure.*\n/g, '')).toBe('')
    expect(result.stdout).toContain('Average number of seconds')
  })

  it('the command line clients’ own commands work as without the gateway', async () => {
    const clients = [programs.mariadb, ...(oracle && programs.mysql ? [programs.mysql] : [])]
    const commands = [
      'show tables',
      'show create table users\\G',
      'describe orders',
      'show full columns from kinds',
      'show index from users',
      'show variables like "version"',
      "select * from information_schema.tables where table_schema = database() and table_name = 'users'\\G",
      'help select',
      'explain select * from users',
    ]
    for (const client of clients) {
      for (const command of commands) {
        const { shop } = gateway.schemas
        const direct = await runClient(
          client,
          ['--no-defaults', `-h${server.host}`, `-P${server.port}`, `-u${server.user}`, '-t', '-e', command, shop],
          { env: { MYSQL_PWD: server.password } },
        )
        expect(await gateway.runClient(client, 'olga', ['-t', '-e', command, 'shop']), command).toEqual(direct)
      }
    }
  })

  it('results are the same bytes as without the gateway', async () => {
    for (const sql of [
      'select * from kinds',
      'select * from many order by id',
      'select * from totals order by user_id',
      'show create table kinds',
    ]) {
      const direct = await gateway.direct(sql)
      await gateway.withClient('olga', async (client) => {
        expect((await client.query(sql))[0], sql).toEqual(direct)
      })
    }
  })

  it('a million rows come through, masked too, and the gateway keeps none of them in memory', async () => {
    const digits =
      '(select 0 as i union all select 1 union all select 2 union all select 3 union all select 4 union all select 5 union all select 6 union all select 7 union all select 8 union all select 9)'
    await gateway.direct(
      `create table million (id int primary key, ssn varchar(20)) select m.id * 100 + 10 * x.i + y.i as id, '078-05-1120' as ssn from many m, ${digits} x, ${digits} y`,
    )
    for (const user of ['olga', 'alice']) {
      const { status, stdout } = await runClient(
        'sh',
        [
          '-c',
          `"${programs.mariadb}" --no-defaults --quick -N -h127.0.0.1 -P${gateway.sluice.ports.mysql} -u${user} -e 'select id, ssn from million' shop | awk '{ n++; if ($2 == "078-05-1120") clear++ } END { print n, clear + 0 }'`,
        ],
        { env: { MYSQL_PWD: PASSWORD } },
      )
      expect({ status, counted: stdout.trim() }).toEqual({
        status: 0,
        counted: user === 'olga' ? '1000000 1000000' : '1000000 0',
      })
    }
    expect(peakMegabytes(gateway.sluice.pid)).toBeLessThan(250)
  })
})

function withoutHost(dump: string): string {
  return dump.replaceAll(/^-- Host: .*$/gm, '')
}

/** The most memory that the process ever had resident. */
function peakMegabytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}
