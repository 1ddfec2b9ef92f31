/** Process ids of servers, asked of themselves; undefined where the server is not on this machine (in a container, say). */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { MysqlTestServer, RedisTestServer, TestServer } from '@sluice/testkit'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'

export async function postgresPid(server: TestServer): Promise<number | undefined> {
  const { host, port, user, password } = server
  const client = new pg.Client({ host, port, user, password, database: 'postgres' })
  await client.connect()
  const { rows } = await client.query("select pg_read_file('postmaster.pid') as text")
  await client.end()
  return ifRuns(Number.parseInt(rows[0].text, 10), /postgres/)
}

export async function mysqlPid(server: MysqlTestServer): Promise<number | undefined> {
  const { host, port, user, password } = server
  const connection = await createConnection({ host, port, user, password })
  const [rows] = await connection.query('select @@pid_file as path')
  await connection.end()
  try {
    return ifRuns(Number.parseInt(readFileSync((rows as { path: string }[])[0]!.path, 'utf8'), 10), /mysqld|mariadbd/)
  } catch {
    return undefined
  }
}

export function redisPid(server: RedisTestServer): Promise<number | undefined> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(server.port, '127.0.0.1', () => socket.write('INFO server\r\nQUIT\r\n'))
    socket.on('data', (chunk) => (answer += chunk))
    socket.on('error', () => resolve(undefined))
    socket.on('close', () => resolve(ifRuns(Number(/^process_id:(\d+)/m.exec(answer)?.[1]), /redis|valkey/)))
  })
}

/** A container's process id means another process here, or none. */
function ifRuns(pid: number, name: RegExp): number | undefined {
  try {
    return name.test(readFileSync(`/proc/${pid}/comm`, 'utf8')) ? pid : undefined
  } catch {
    return undefined
  }
}
