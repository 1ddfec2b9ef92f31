import { runClient, type SluiceProcess, startSluice } from '@sluice/testkit'
import { type Connection, type ConnectionOptions, createConnection } from 'mysql2/promise'
import { inject } from 'vitest'
import type { SharedMysql } from './global-setup.js'
import { makeMysqlShop, queryMysql } from './shop.js'

export const PASSWORD = 'correct horse'

/** A gateway in front of one MySQL or MariaDB, with databases and users of its own. */
export interface MysqlGateway {
  readonly sluice: SluiceProcess
  readonly policy: string
  /** Schemas on the server: the shop, which clients ask for as `shop`, and others that they ask for by their own names. */
  readonly schemas: { readonly shop: string; readonly stock: string; readonly copy: string; readonly slap: string }
  options(user: string): ConnectionOptions & { port: number; user: string }
  /** Opens a connection with mysql2 for as long as `use` takes. */
  withClient<T>(user: string, use: (client: Connection) => Promise<T>, more?: ConnectionOptions): Promise<T>
  /** Runs MariaDB's or MySQL's client programs against the gateway. */
  runClient(program: string, user: string, args: readonly string[], input?: string): ReturnType<typeof runClient>
  /** Asks the server itself, past the gateway. */
  direct(sql: string, values?: (string | number | null)[]): Promise<Record<string, unknown>[]>
}

export async function startMysqlGateway(server: SharedMysql): Promise<MysqlGateway> {
  const certificates = inject('certificates')
  const shop = await makeMysqlShop(server)
  const stock = `${shop}_stock`
  const copy = `${shop}_copy`
  const slap = `${shop}_slap`
  await queryMysql(server, undefined, `create database ${stock} character set utf8mb4`)
  await queryMysql(server, stock, 'create table items (id int primary key, name varchar(80))')
  for (const name of [copy, slap]) await queryMysql(server, undefined, `create database ${name} character set utf8mb4`)
  await queryMysql(server, undefined, 'set global max_allowed_packet = 67108864')
  const place = {
    dialect: 'mysql',
    address: `${server.host}:${server.port}`,
    credential: 'shop',
    tls: server.flavour === 'mysql' ? 'require' : 'off',
  }
  const policy = policyFor(stock)
  const sluice = await startSluice({
    configuration: {
      tls: { certificate: certificates.certificate, key: certificates.key, require: false },
      databases: {
        shop: { ...place, database: shop },
        [stock]: place,
        [copy]: place,
        [slap]: place,
        unencrypted: { ...place, database: shop, tls: 'off' },
        nowhere: { ...place, address: '127.0.0.1:1', tls: 'off' },
        private: { ...place, credential: 'missing' },
      },
    },
    policy,
    users: [
      { name: 'alice', password: PASSWORD, groups: ['analysts'] },
      { name: 'nina', password: PASSWORD, groups: ['analysts'], nativePassword: true },
      { name: 'rosa', password: PASSWORD, groups: ['analysts'] },
      { name: 'ruth', password: PASSWORD, groups: ['analysts'] },
      { name: 'erin', password: PASSWORD, groups: ['engineers'] },
      { name: 'olga', password: PASSWORD, groups: ['owners'] },
      { name: 'nobody', password: PASSWORD },
    ],
    credentials: { shop: { username: server.user, password: server.password } },
    environment: { SLUICE_LOG: 'trace' },
  })
  const options = (user: string) => ({
    host: '127.0.0.1',
    port: sluice.ports.mysql,
    user,
    password: PASSWORD,
    database: 'shop',
  })
  return {
    sluice,
    policy,
    schemas: { shop, stock, copy, slap },
    options,
    withClient: async (user, use, more = {}) => {
      const client = await createConnection({ ...options(user), ...more })
      client.on('error', () => {})
      try {
        return await use(client)
      } finally {
        client.destroy()
      }
    },
    runClient: (program, user, args, input) =>
      runClient(program, ['--no-defaults', '-h127.0.0.1', `-P${sluice.ports.mysql}`, `-u${user}`, ...args], {
        env: { MYSQL_PWD: PASSWORD },
        ...(input === undefined ? {} : { input }),
      }),
    direct: (sql, values) => queryMysql(server, shop, sql, values),
  }
}

function policyFor(stock: string): string {
  return `
rules:
  - name: analysts read the shop
    for: { groups: [analysts] }
    on: { databases: [shop, unencrypted] }
    allow: [read, session]
  - name: engineers work on the shop and the stock
    for: { groups: [engineers] }
    on: { databases: [shop, ${stock}] }
    allow: [read, write, schema, session]
  - name: owners may do anything
    for: { groups: [owners] }
    allow: [any, opaque]
  - name: nobody destroys
    for: { groups: [analysts, engineers] }
    deny: [drop database, truncate]
  - name: no files from outside
    for: { users: [erin] }
    deny: [load data]
  - name: no deleting of orders
    for: { groups: [engineers] }
    on: { tables: ["*.orders"] }
    deny: [delete]
  - name: personal data
    mask:
      "*.users.email": partial
      "*.ssn": { keepLast: 4 }
    except: { groups: [owners] }
`
}
