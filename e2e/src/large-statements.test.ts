/** Statements of many megabytes, through real drivers on every server: they arrive as they were sent, or are refused whole. */
import { type SluiceProcess, startSluice } from '@sluice/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allSides, PASSWORD, type SideSession } from './sides.js'

const POLICY = `
rules:
  - { name: owners may do much, allow: [any] }
  - { name: nobody reads secrets, on: { tables: ["*.users", users] }, deny: [select] }
`
const MEGABYTE = 1 << 20

describe.each(allSides())('$name', (side) => {
  let shop: string
  let sluice: SluiceProcess
  let session: SideSession

  beforeAll(async () => {
    shop = await side.makeShop()
    const text = side.dialect === 'postgres' ? 'text' : 'longtext character set utf8mb4'
    await side.direct(shop, `create table parcels (id int primary key, note ${text})`)
    if (side.dialect === 'mysql') await side.direct(shop, 'set global max_allowed_packet = 67108864')
    sluice = await startSluice({
      configuration: {
        databases: { shop: { ...side.place, database: shop } },
        listen: { [side.dialect]: '127.0.0.1:0', http: '127.0.0.1:0' },
      },
      policy: POLICY,
      users: [{ name: 'olga', password: PASSWORD, groups: ['owners'] }],
      credentials: { shop: side.credential },
    })
    session = await side.connect(sluice)
  })

  afterAll(async () => {
    session?.close()
    await sluice?.stop()
  })

  it('takes 20 MB of rows, each as it was sent, while others are served', async () => {
    const note = 'it\'\'s -- no comment; (f(1)), /* é ☃ "x" */'
    const rows: string[] = []
    for (let id = 0, bytes = 0; bytes < 20 * MEGABYTE; id++)
      bytes += rows.push(`(${id}, '${id} ${note.repeat(4)}')`) && 200
    const bystander = await side.connect(sluice)
    const sent = session.query(`insert into parcels (id, note) values ${rows.join(',\n')}`)
    let done = false
    const finished = sent.finally(() => {
      done = true
    })
    let slowest = 0
    while (!done) {
      const started = performance.now()
      await bystander.query('select 1 as one')
      slowest = Math.max(slowest, performance.now() - started)
    }
    await finished
    bystander.close()
    expect(slowest).toBeLessThan(5_000)
    const kept = note.replaceAll("''", "'").repeat(4)
    const [found] = await side.direct(
      shop,
      `select count(*) as n, count(case when note = concat(id, ' ', '${kept.replaceAll("'", "''")}') then 1 end) as same from parcels`,
    )
    expect({ n: Number(found!.n), same: Number(found!.same) }).toEqual({ n: rows.length, same: rows.length })
  })

  it('takes one value of 20 MB', async () => {
    const value = 'Zeile -- 1; /* ’ */\n'.repeat(MEGABYTE)
    await session.query(`insert into parcels values (-1, '${value}')`)
    const [found] = await side.direct(shop, `select count(*) as n from parcels where id = -1 and note = '${value}'`)
    expect(Number(found!.n)).toBe(1)
    await session.query(`update parcels set note = 'x' where id = -1 and note = '${value}'`)
    expect(await side.direct(shop, 'select note from parcels where id = -1')).toEqual([{ note: 'x' }])
  })

  it('refuses what is hidden among many rows, and goes on', async () => {
    const many = Array.from({ length: 300_000 }, (_, i) => `(${10_000_000 + i}, 'x')`).join(',')
    for (const hidden of [
      `insert into parcels values ${many}, (-2, (select email from users where id = 1)), (-3, 'x')`,
      `insert into parcels values ${many}, (-2, 'x'), (-3, (select max(ssn) from users))`,
      `insert into parcels (id, note) select -4, email from users where email not in ('${'x'.repeat(6 * MEGABYTE)}')`,
    ])
      await expect(session.query(hidden)).rejects.toThrow(/nobody reads secrets/)
    expect(await session.query('select count(*) as n from parcels where id < -1').then(([row]) => Number(row!.n))).toBe(
      0,
    )
  })

  it('refuses what cannot be cut short, and says so', async () => {
    const sums = Array.from({ length: 500_000 }, (_, i) => `(${20_000_000 + i}, 1 + 1)`).join(',')
    const refused = await session.query(`insert into parcels values ${sums}`).catch((error) => error)
    expect(`${refused.message} ${refused.detail}`).toContain('longer than 4194304 bytes without its literals')
    expect(await session.query('select 1 as one')).toEqual([{ one: 1 }])
  })

  it('has all of it on record', async () => {
    session.close()
    await expect.poll(async () => (await sluice.run(['verify', '--all'])).status, { timeout: 20_000 }).toBe(0)
  })
})
