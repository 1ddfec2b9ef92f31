import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { type RedisTestServer, type SluiceProcess, startRedis, startSluice } from '@sluice/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { allSides, PASSWORD, type Side, type SideSession } from './sides.js'

const POLICY = 'rules: [{ name: owners may do anything, allow: [any] }]'
const USERS = ['olga', 'erin'].map((name) => ({ name, password: PASSWORD, groups: ['owners'] }))

describe.each(allSides())('$name', (side) => {
  let shop: string
  let sluice: SluiceProcess
  let hanging: Server
  const accepted: Socket[] = []

  beforeAll(async () => {
    shop = await side.makeShop()
    hanging = createServer((socket) => accepted.push(socket.on('error', () => {})))
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve))
    sluice = await start(side, shop, {
      limits: { handshake: '2s', handshakeBytes: '8kB', unauthenticated: 5, sessionsPerUser: 4, connect: '2s' },
      more: {
        hanging: {
          ...side.place,
          address: `127.0.0.1:${(hanging.address() as { port: number }).port}`,
          tls: 'off',
          ca: undefined,
        },
      },
    })
  })

  afterAll(async () => {
    await sluice?.stop()
    for (const socket of accepted) socket.destroy()
    hanging?.close()
  })

  describe('before the login', () => {
    it('ends a client that says nothing, or too little, after its time, and nobody waits for it', async () => {
      const silent = raw(side.port(sluice))
      const slow = raw(side.port(sluice))
      const drip = setInterval(() => slow.socket.write(Buffer.of(0)), 300)
      const started = Date.now()
      const session = await side.connect(sluice)
      expect(Date.now() - started).toBeLessThan(1_500)
      session.close()
      await Promise.all([silent.closed, slow.closed])
      clearInterval(drip)
      expect(Date.now() - started).toBeGreaterThan(1_000)
      expect(Date.now() - started).toBeLessThan(6_000)
    })

    it('ends a client that sends more than a login needs, and keeps nothing of it', async () => {
      const before = residentMegabytes(sluice.pid)
      for (const bytes of [
        Buffer.alloc(4 * 1024 * 1024, 0x41),
        Buffer.concat([Buffer.from([0, 1, 0, 0]), Buffer.alloc(4 * 1024 * 1024, 0x41)]),
        Buffer.concat([Buffer.from([0xfe, 0xff, 0xff, 1]), Buffer.alloc(4 * 1024 * 1024, 0x41)]),
      ]) {
        const client = raw(side.port(sluice))
        client.socket.write(bytes)
        await client.closed
      }
      expect(residentMegabytes(sluice.pid) - before).toBeLessThan(30)
    })

    it('turns away who comes when too many wait to log in, with an error in the protocol’s form', async () => {
      const waiting = Array.from({ length: 5 }, () => raw(side.port(sluice)))
      await Promise.all(waiting.map(({ socket }) => once(socket, 'connect')))
      const refused = await side.connect(sluice).catch((error) => error)
      expect(refused).toBeInstanceOf(Error)
      expect(codeOf(refused)).toBe(side.codes.full)
      await Promise.all(waiting.map(({ closed }) => closed))
      const session = await side.connect(sluice)
      expect(await session.query('select 1 as one')).toEqual([{ one: 1 }])
      session.close()
    })

    it('lets one user have so many sessions, and others theirs', async () => {
      await until(async () => (await sessionsOf(sluice)) === 0)
      await pause(200)
      const sessions = await Promise.all(Array.from({ length: 4 }, () => side.connect(sluice)))
      const refused = await side.connect(sluice).catch((error) => error)
      expect(refused.message).toContain('4 sessions')
      expect(codeOf(refused)).toBe(side.codes.full)
      const other = await side.connect(sluice, { user: 'erin' })
      other.close()
      for (const session of sessions) session.close()
      await until(async () => (await sessionsOf(sluice)) === 0)
      await pause(200)
      const again = await side.connect(sluice)
      again.close()
    })

    it('lets a server that never answers hold up only those who asked for it', async () => {
      await until(async () => (await sessionsOf(sluice)) === 0)
      const started = Date.now()
      const stuck = side.connect(sluice, { database: 'hanging' }).catch((error) => error)
      // By turns: a session that was just closed may still count for its user.
      for (const user of ['olga', 'erin', 'olga', 'erin']) {
        const session = await side.connect(sluice, { user })
        expect(await session.query('select 1 as one')).toEqual([{ one: 1 }])
        session.close()
      }
      expect(Date.now() - started).toBeLessThan(1_800)
      const refused = await stuck
      expect(Date.now() - started).toBeLessThan(8_000)
      expect(side.codes.away).toContain(codeOf(refused))
      expect(refused.message).not.toContain('127.0.0.1')
    })
  })

  describe('after the login', () => {
    let bystander: SideSession

    beforeAll(async () => {
      bystander = await side.connect(sluice, { user: 'erin' })
    })

    afterAll(() => bystander?.close())

    const isFine = async () => {
      const started = Date.now()
      expect(await bystander.query('select 1 as one')).toEqual([{ one: 1 }])
      expect(Date.now() - started).toBeLessThan(1_000)
    }

    it('a client that stops reading stops its own server, and memory stays flat', async () => {
      const session = await side.connect(sluice)
      const { socket } = session
      socket.removeAllListeners('data')
      let bytes = 0
      const end = tail(side.dialect)
      socket.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        end.push(chunk)
      })
      socket.pause()
      socket.write(side.queryBytes(side.manyRows))
      for (let i = 0; i < 8; i++) {
        await pause(500)
        await isFine()
        expect(residentMegabytes(sluice.pid)).toBeLessThan(200)
      }
      expect(bytes).toBe(0)
      socket.resume()
      await until(async () => end.complete(), 600)
      await isFine()
      expect(bytes).toBeGreaterThan(5_000_000 * 25)
      expect(peakMegabytes(sluice.pid)).toBeLessThan(250)
      socket.destroy()
    }, 120_000)

    it('what breaks the protocol ends that session alone', async () => {
      for (const bytes of side.malformed) {
        const { socket } = await side.connect(sluice)
        const closed = once(socket, 'close')
        socket.write(bytes)
        const timer = setTimeout(() => socket.end(), 1_500) // what is only the beginning of something may wait
        await closed
        clearTimeout(timer)
        await isFine()
      }
      await until(async () => (await sessionsOf(sluice)) === 1)
    })

    it('a client that hangs up, halfway or at once, in the middle of a result, ends its own session and its server’s', async () => {
      for (const leave of [
        (socket: Socket) => socket.end(),
        (socket: Socket) => socket.destroy(),
        (socket: Socket) => socket.resetAndDestroy(),
      ]) {
        const idle = await side.connect(sluice)
        leave(idle.socket)
        const busy = await side.connect(sluice)
        busy.socket.removeAllListeners('data')
        busy.socket.write(side.queryBytes(side.manyRows))
        await once(busy.socket, 'readable')
        leave(busy.socket)
        busy.socket.resume()
        await until(async () => (await sessionsOf(sluice)) === 1)
        await isFine()
      }
      const running = "query like '%repeat(%' and query not like '%pg_stat_activity%' and state = 'active'"
      await until(async () =>
        side.dialect === 'postgres'
          ? (await side.direct(shop, `select 1 from pg_stat_activity where ${running}`)).length === 0
          : (
              await side.direct(
                shop,
                "select 1 from information_schema.processlist where info like 'select a.i + b.i, repeat(%'",
              )
            ).length === 0,
      )
    })
  })

  it('SIGTERM ends idle sessions with an error, lets a busy one finish, and exits', async () => {
    const own = await start(side, shop, { limits: { drain: '10s' } })
    const idle = await side.connect(own)
    const busy = await side.connect(own)
    const finishing = busy.query(side.sleep(2))
    await pause(300)
    const lastWords = new Promise<Buffer>((resolve) => {
      const chunks: Buffer[] = []
      idle.socket.on('data', (chunk: Buffer) => chunks.push(chunk))
      idle.socket.on('close', () => resolve(Buffer.concat(chunks)))
    })
    own.kill('SIGTERM')
    expect((await lastWords).toString('latin1')).toContain(side.codes.closing)
    await expect(side.connect(own)).rejects.toThrow()
    expect(await finishing).toEqual([{ slept: 1 }])
    expect(await own.exited).toBe(0)
  })

  describe('while Redis is away', () => {
    let redis: RedisTestServer

    beforeEach(async () => {
      redis = await startRedis()
    })

    afterEach(() => redis?.stop())

    it('strict refuses within seconds, says why, and works again when Redis is back', async () => {
      const own = await start(side, shop, { recorder: { redis: redis.url, durability: 'strict' } })
      const session = await side.connect(own)
      expect(await session.query('select 1 as one')).toEqual([{ one: 1 }])
      await redis.stop()
      const started = Date.now()
      const refused = await session.query('select 2 as two').catch((error) => error)
      expect(refused).toBeInstanceOf(Error)
      expect(refused.message).toMatch(/record/)
      expect(Date.now() - started).toBeLessThan(10_000)
      const turnedAway = await side.connect(own, { user: 'erin' }).catch((error) => error)
      expect(turnedAway).toBeInstanceOf(Error)
      await redis.restart()
      await until(async () => {
        const answer = await session.query('select 3 as three').catch(() => [])
        return answer.length === 1
      })
      session.close()
      await until(async () => (await sessionsOf(own)) === 0)
      await own.stop()
      const verified = await own.run(['verify', '--all'])
      expect(verified).toMatchObject({ status: 0 })
    })

    it('relaxed goes on, keeps what happens, and catches up', async () => {
      const own = await start(side, shop, { recorder: { redis: redis.url, durability: 'relaxed' } })
      const session = await side.connect(own)
      await redis.stop()
      for (let i = 0; i < 50; i++) expect(await session.query(`select ${i} as n`)).toEqual([{ n: i }])
      const late = await side.connect(own, { user: 'erin' })
      expect(await late.query("select 'while away' as x")).toEqual([{ x: 'while away' }])
      await redis.restart()
      expect(await session.query("select 'back again' as x")).toEqual([{ x: 'back again' }])
      session.close()
      late.close()
      await until(async () => (await sessionsOf(own)) === 0)
      const recorded = async () => {
        const listed = await own.run(['sessions', '--json'])
        const ids = (JSON.parse(listed.stdout || '[]') as { id: string }[]).map(({ id }) => id)
        const texts = await Promise.all(ids.map(async (id) => (await own.run(['replay', id, '--instant'])).stdout))
        return texts.join('\n')
      }
      let text = ''
      await until(async () => {
        text = await recorded()
        return text.includes('back again') && text.includes('while away')
      }, 40)
      for (let i = 0; i < 50; i++) expect(text).toContain(`select ${i} as n`)
      await until(async () => (await own.run(['verify', '--all'])).status === 0, 20)
      await own.stop()
    })
  })
})

async function start(
  side: Side,
  shop: string,
  more: {
    limits?: Record<string, unknown>
    more?: Record<string, unknown>
    recorder?: Record<string, unknown>
  },
): Promise<SluiceProcess> {
  return startSluice({
    configuration: {
      databases: { shop: { ...side.place, database: shop }, ...more.more },
      listen: { [side.dialect]: '127.0.0.1:0', http: '127.0.0.1:0' },
      ...(more.limits ? { limits: more.limits } : {}),
      ...(more.recorder ? { recorder: more.recorder } : {}),
    },
    policy: POLICY,
    users: USERS,
    credentials: { shop: side.credential },
  })
}

function codeOf(error: { errno?: number; code?: string }): string {
  return String(error.errno ?? error.code)
}

/** A bare connection, and when it is over. */
function raw(port: number): { socket: Socket; closed: Promise<unknown> } {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.resume()
  return { socket, closed: new Promise((resolve) => socket.on('close', resolve)) }
}

/** Sees from the last bytes whether an answer is complete. */
function tail(dialect: Side['dialect']): { push(chunk: Buffer): void; complete(): boolean } {
  let last = Buffer.alloc(0)
  return {
    push: (chunk) => {
      last = Buffer.concat([last, chunk]).subarray(-64)
    },
    complete: () =>
      dialect === 'postgres'
        ? last.subarray(-6, -1).equals(Buffer.from('Z\0\0\0\x05'))
        : (last.at(-9) === 5 && last.at(-5) === 0xfe) || (last.at(-11) === 7 && last.at(-7) === 0xfe),
  }
}

async function sessionsOf(sluice: SluiceProcess): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${sluice.ports.http}/healthz`)
  return ((await response.json()) as { sessions: number }).sessions
}

function residentMegabytes(pid: number): number {
  return statusMegabytes(pid, 'VmRSS')
}

function peakMegabytes(pid: number): number {
  return statusMegabytes(pid, 'VmHWM')
}

function statusMegabytes(pid: number, field: string): number {
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

async function until(condition: () => Promise<boolean>, times = 200): Promise<void> {
  for (let i = 0; i < times; i++) {
    if (await condition()) return
    await pause(50)
  }
  throw new Error('it did not happen in time')
}
