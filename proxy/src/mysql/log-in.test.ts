import { generateKeyPairSync } from 'node:crypto'
import { Secret, SluiceError } from '@sluice/domain'
import {
  cachingSha2Digest,
  checkCachingSha2,
  checkNativePassword,
  decryptPassword,
  nativePasswordVerifier,
} from '@sluice/identity'
import {
  CAPABILITY,
  capabilities,
  decodeClearPassword,
  decodeHandshakeResponse,
  encodeAuthMoreData,
  encodeAuthSwitchRequest,
  encodeErrPacket,
  encodeGreeting,
  encodeLengthEncodedString,
  type Greeting,
  type HandshakeResponse,
  hasCapability,
  plainOkPayload,
} from '@sluice/wire/mysql'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MemoryChannel } from '../memory-channel.js'
import type { Target } from '../protocol.js'
import { cancelUpstream } from './cancel.js'
import type { MysqlHello } from './greet.js'
import { logIn, logInForGateway } from './log-in.js'
import { PacketChannel } from './packet-channel.js'
import { probeServer } from './probe.js'

const nonce = Buffer.from('0102030405060708090a0b0c0d0e0f1011121314', 'hex')
const PASSWORD = 'do-not-tell'
const greeting: Greeting = {
  type: 'greeting',
  serverVersion: '9.7.4',
  connectionId: 12,
  nonce,
  capabilities: 0xdfffffff,
  mariadbCapabilities: 0,
  characterSet: 255,
  status: 2,
  authPlugin: 'caching_sha2_password',
}
const target: Target = {
  host: 'db',
  port: 3306,
  database: 'shop_db',
  tls: undefined,
  username: 'app',
  password: new Secret(PASSWORD),
}
const withTls: Target = { ...target, tls: { host: 'db', mode: 'verify-full' } }
const hello = {
  user: 'alice',
  capabilities: capabilities(CAPABILITY.mysql, CAPABILITY.protocol41, CAPABILITY.foundRows, CAPABILITY.deprecateEof),
  mariadbCapabilities: 0,
  collation: 8,
  characterSet: 'latin1',
  maxPacketBytes: 1 << 24,
  attributes: [
    ['program_name', 'report'],
    ['sluice_user', 'mallory'],
  ],
} as unknown as MysqlHello

const SQL_MODE = 'STRICT_TRANS_TABLES,ANSI_QUOTES'
const STATE = ['9.7.4', '12', SQL_MODE, '1', 'autocommit', 'utf8mb4', 'utf8mb4', 'utf8mb4']

/** A server in memory: sends the greeting, then what the script says. */
class Server {
  readonly packets: PacketChannel
  readonly channel: MemoryChannel
  readonly queries: string[] = []
  #response: HandshakeResponse | undefined

  constructor(packets: PacketChannel, channel: MemoryChannel) {
    this.packets = packets
    this.channel = channel
  }

  get response(): HandshakeResponse {
    return this.#response ?? expect.fail('the gateway has not answered yet')
  }

  greet(parts: Partial<Greeting> = {}) {
    this.packets.write(encodeGreeting({ ...greeting, ...parts }))
  }

  async readResponse() {
    let packet = decodeHandshakeResponse(await this.packets.read())
    if (packet.type === 'ssl-request') packet = decodeHandshakeResponse(await this.packets.read())
    if (packet.type === 'handshake-response') this.#response = packet
  }

  ok() {
    this.packets.write(plainOkPayload(2))
  }

  more(...bytes: number[]) {
    this.packets.write(encodeAuthMoreData(Buffer.from(bytes)))
  }

  /** Answers the gateway's questions: the first with a row, the others with OK. */
  async answer(row: readonly string[] = STATE) {
    for (;;) {
      this.packets.restart()
      const attributes = hasCapability(this.response.capabilities, CAPABILITY.queryAttributes) ? 2 : 0
      const command = await this.packets.read()
      if (command[0] !== 3) return
      this.queries.push(command.subarray(1 + attributes).toString())
      if (this.queries.length > 1) {
        this.ok()
        continue
      }
      this.packets.write(Buffer.of(row.length))
      for (const _ of row) this.packets.write(Buffer.from('def'))
      const deprecateEof = hasCapability(this.response.capabilities, CAPABILITY.deprecateEof)
      if (!deprecateEof) this.packets.write(Buffer.from('fe00000200', 'hex'))
      this.packets.write(Buffer.concat(row.map((each) => encodeLengthEncodedString(Buffer.from(each)))))
      this.packets.write(Buffer.from(deprecateEof ? 'fe000002000000' : 'fe00000200', 'hex'))
    }
  }
}

function start(to: Target = target, { forClient = false, chunk }: { forClient?: boolean; chunk?: number } = {}) {
  const facts = { protocol: 'TLSv1.3', serverEndPoint: undefined, clientCommonName: undefined }
  const [here, there] = MemoryChannel.pair({ tls: facts, ...(chunk ? { chunk } : {}) })
  const server = new Server(new PacketChannel(there, 1 << 20), here)
  const login = forClient ? logIn(here, hello, to) : logInForGateway(here, to)
  login.catch(() => {})
  return { login, server, here }
}

/** Lets a server run to its end beside the login; what it misses once the login is over does not matter. */
function play(script: () => Promise<void>): void {
  script().catch(() => {})
}

async function refusal(login: Promise<unknown>): Promise<SluiceError> {
  const error = await login.then(
    () => expect.fail('it should have been refused'),
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(SluiceError)
  const { message, clientMessage, detail, hint } = error as SluiceError
  expect([message, clientMessage, detail, hint].join(' ')).not.toContain(PASSWORD)
  return error as SluiceError
}

describe('logging in', () => {
  test('with the fast way of caching_sha2_password tells version, modes and number', async () => {
    for (const chunk of [1, 5, 1000]) {
      const { login, server } = start(target, { chunk })
      play(async () => {
        server.greet()
        await server.readResponse()
        expect(checkCachingSha2(server.response.authResponse, nonce, cachingSha2Digest(PASSWORD))).toBe(true)
        server.more(3)
        server.ok()
        await server.answer()
      })
      expect(await login).toMatchObject({
        serverVersion: '9.7.4',
        flavour: 'mysql',
        version: 90704,
        connectionId: 12,
        sqlMode: new Set(['STRICT_TRANS_TABLES', 'ANSI_QUOTES']),
        lowerCaseTableNames: 1,
        clientSessionTrack: false,
        database: 'shop_db',
      })
      expect(server.response).toMatchObject({ user: 'app', database: 'shop_db' })
    }
  })

  test('for a client brings its capabilities, its name and session tracking, and pins its character set', async () => {
    const { login, server } = start(target, { forClient: true })
    play(async () => {
      server.greet()
      await server.readResponse()
      server.more(3)
      server.ok()
      await server.answer()
    })
    const upstream = await login
    for (const flag of [CAPABILITY.foundRows, CAPABILITY.deprecateEof, CAPABILITY.sessionTrack]) {
      expect(hasCapability(server.response.capabilities, flag)).toBe(true)
    }
    for (const flag of [CAPABILITY.multiStatements, CAPABILITY.compress, CAPABILITY.queryAttributes]) {
      expect(hasCapability(server.response.capabilities, flag)).toBe(false)
    }
    expect(upstream.capabilities).toBe(server.response.capabilities)
    expect(server.response.attributes).toEqual([
      ['program_name', 'report'],
      ['sluice_user', 'alice'],
    ])
    expect(server.response.characterSet).toBe(8)
    expect(server.queries.slice(1)).toEqual([
      'set names latin1', // the server said utf8mb4
      "set session session_track_system_variables = 'autocommit,character_set_client,character_set_connection,character_set_results,sql_mode', session session_track_schema = 1",
    ])
  })

  test('in full over tls sends the password itself', async () => {
    const { login, server, here } = start(withTls)
    play(async () => {
      server.greet()
      await server.readResponse()
      server.more(4)
      expect(decodeClearPassword(await server.packets.read())).toBe(PASSWORD)
      server.ok()
      await server.answer()
    })
    await login
    expect(here.log).toEqual(['tls client verify-full'])
    expect(hasCapability(server.response.capabilities, CAPABILITY.ssl)).toBe(true)
  })

  test("in full with tls off encrypts the password with the server's key", async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const { login, server } = start()
    let sent: Buffer | undefined
    play(async () => {
      server.greet()
      await server.readResponse()
      server.more(4)
      expect(await server.packets.read()).toEqual(Buffer.of(2))
      server.packets.write(encodeAuthMoreData(Buffer.from(publicKey.export({ type: 'spki', format: 'pem' }))))
      sent = await server.packets.read()
      server.ok()
      await server.answer()
    })
    await login
    expect(decryptPassword(sent!, nonce, privateKey)).toBe(PASSWORD)
  })

  test('goes on with mysql_native_password where the server switches to it', async () => {
    const { login, server } = start()
    const other = Buffer.alloc(20, 0x41)
    let answer: Buffer = Buffer.alloc(0)
    play(async () => {
      server.greet()
      await server.readResponse()
      server.packets.write(encodeAuthSwitchRequest('mysql_native_password', other))
      answer = await server.packets.read()
      server.ok()
      await server.answer()
    })
    await login
    expect(checkNativePassword(answer, other, nativePasswordVerifier(PASSWORD))).toBe(true)
  })

  test('to MariaDB answers with its plugin, and knows it by its greeting', async () => {
    const { login, server } = start()
    play(async () => {
      server.greet({
        serverVersion: '5.5.5-10.11.19-MariaDB',
        capabilities: 0x81fff7fe,
        mariadbCapabilities: 0x1d,
        authPlugin: 'mysql_native_password',
      })
      await server.readResponse()
      server.ok()
      await server.answer(['10.11.19-MariaDB', ...STATE.slice(1)])
    })
    expect(await login).toMatchObject({ flavour: 'mariadb', version: 101119, mariadbCapabilities: 0 })
    expect(server.response.authPlugin).toBe('mysql_native_password')
    // MariaDB would look for flags of its own where CLIENT_MYSQL is clear.
    expect(hasCapability(server.response.capabilities, CAPABILITY.mysql)).toBe(true)
  })
})

describe('a server is refused', () => {
  /** What comes after the greeting and our answer. */
  async function after(script: (server: Server) => Promise<void> | void, to = target, parts: Partial<Greeting> = {}) {
    const { login, server } = start(to)
    play(async () => {
      server.greet(parts)
      await server.readResponse()
      await script(server)
    })
    const error = await refusal(login)
    expect(error.code).toBe('upstream_refused')
    return { error, server }
  }

  test('that does not take the login; its words are not for the client', async () => {
    const { error } = await after(({ packets }) => {
      const words = "Access denied for user 'app'@'10.0.0.1'"
      packets.write(encodeErrPacket(0, { errno: 1045, sqlState: '28000', message: words }).subarray(4))
    })
    expect(error.message).toContain('10.0.0.1')
    expect(error.clientMessage).toBe('the database refused the login of the gateway')
  })

  test('that has too many connections', async () => {
    const { login, server } = start()
    const full = encodeErrPacket(0, { errno: 1040, sqlState: undefined, message: 'Too many connections' })
    server.packets.write(full.subarray(4))
    expect((await refusal(login)).message).toContain('Too many connections')
  })

  test('that lacks tls where it is asked for, before anything is sent', async () => {
    const { login, server, here } = start(withTls)
    server.greet({ capabilities: greeting.capabilities & ~CAPABILITY.ssl })
    expect(await refusal(login)).toMatchObject({ code: 'upstream_refused' })
    expect(here.written).toHaveLength(0)
  })

  test('that sends bytes in the clear before tls', async () => {
    const { login, server, here } = start(withTls, { chunk: 1000 })
    server.greet()
    server.ok()
    expect((await refusal(login)).message).toContain('in the clear')
    expect(here.written).toHaveLength(0)
  })

  test('that lacks what the client was granted', async () => {
    const { login, server, here } = start(target, { forClient: true })
    server.greet({ capabilities: (greeting.capabilities & ~CAPABILITY.deprecateEof) >>> 0 })
    const error = await refusal(login)
    expect(error.code).toBe('upstream_refused')
    expect(error.clientMessage).toContain('deprecateEof')
    expect(here.written).toHaveLength(0)
  })

  test('that cannot report changes of sql_mode', async () => {
    const { login, server } = start()
    server.greet({ capabilities: (greeting.capabilities & ~CAPABILITY.sessionTrack) >>> 0 })
    expect((await refusal(login)).message).toContain('sessionTrack')
  })

  test('that asks for the password in the clear without tls, and does not get it', async () => {
    const { error, server } = await after(({ packets }) =>
      packets.write(encodeAuthSwitchRequest('mysql_clear_password', nonce)),
    )
    expect(error.message).toContain('in the clear')
    expect(server.channel.written.includes(PASSWORD)).toBe(false)
  })

  test('that switches plugins in a loop', async () => {
    const { error } = await after(async ({ packets }) => {
      for (;;) {
        packets.write(encodeAuthSwitchRequest('mysql_native_password', nonce))
        await packets.read()
      }
    })
    expect(error.message).toContain('second switch')
  })

  test('that wants a plugin which nobody speaks', async () => {
    const { error } = await after(({ packets }) => packets.write(Buffer.from('\xfeclient_ed25519\0abc\0', 'latin1')))
    expect(error.message).toContain('`client_ed25519`')
  })

  test('that asks for a file, at the login or at the first question', async () => {
    const file = Buffer.from('\xfb/etc/passwd', 'latin1')
    expect((await after(({ packets }) => packets.write(file))).error.message).toContain('0xfb')
    const { error } = await after(async (server) => {
      server.more(3)
      server.ok()
      server.packets.restart()
      await server.packets.read()
      server.packets.write(file)
    })
    expect(error.message).toContain('file')
  })

  test('that asks for the full password twice, or says fast success for ever', async () => {
    await after(async (server) => {
      server.more(4)
      await server.packets.read()
      server.more(4)
    }, withTls)
    await after((server) => {
      for (let i = 0; i < 20; i++) server.more(3)
    })
  })

  test('whose key is weak, or none', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const weak = Buffer.from(publicKey.export({ type: 'spki', format: 'pem' }))
    for (const key of [weak, Buffer.from('-----BEGIN PUBLIC KEY-----'), Buffer.alloc(0)]) {
      await after(async (server) => {
        server.more(4)
        await server.packets.read()
        server.packets.write(encodeAuthMoreData(key))
      })
    }
  })

  test('whose packet is longer than a login needs, before it is read', async () => {
    const { login, here } = start()
    here.receive(Buffer.from('ffffff00', 'hex'))
    expect((await refusal(login)).message).toContain('longer than')
  })

  test('that does not tell its version or number', async () => {
    for (const row of [
      ['', ...STATE.slice(1)],
      ['9.7.4', 'drop table x', ...STATE.slice(2)],
      ['none', ...STATE.slice(1)],
    ]) {
      const { login, server } = start()
      play(async () => {
        server.greet()
        await server.readResponse()
        server.more(3)
        server.ok()
        await server.answer(row)
      })
      expect(await refusal(login)).toMatchObject({ code: 'upstream_refused' })
    }
  })

  test('whatever bytes it sends, and never with another error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 }), async (payloads) => {
        const { login, server, here } = start()
        server.greet()
        for (const [i, payload] of payloads.entries()) {
          const header = Buffer.of(payload.length, 0, 0, i === 0 ? 2 : i + 2)
          here.receive(Buffer.concat([header, Buffer.from(payload)]))
        }
        here.end()
        await refusal(login)
      }),
      { numRuns: 200 },
    )
  })
})

test('a probe tells how the server greets and answers nothing', async () => {
  const [here, there] = MemoryChannel.pair()
  new PacketChannel(there, 1 << 16).write(encodeGreeting(greeting))
  expect(await probeServer(here)).toEqual({
    serverVersion: '9.7.4',
    capabilities: 0xdfffffff,
    mariadbCapabilities: 0,
    characterSet: 255,
    status: 2,
  })
  expect(here.written).toHaveLength(0)
})

test('cancelling kills the query by the number of the server, on a connection of its own', async () => {
  const first = start()
  play(async () => {
    first.server.greet()
    await first.server.readResponse()
    first.server.more(3)
    first.server.ok()
    await first.server.answer()
  })
  const upstream = await first.login
  const [here, there] = MemoryChannel.pair()
  const server = new Server(new PacketChannel(there, 1 << 20), here)
  play(async () => {
    server.greet({ connectionId: 99 })
    await server.readResponse()
    server.more(3)
    server.ok()
    await server.answer(['9.7.4', '99', ...STATE.slice(2)])
  })
  await cancelUpstream(async () => here, upstream, target)
  expect(server.queries.at(-1)).toBe('kill query 12')
  expect(here.written.subarray(-5)).toEqual(Buffer.from('0100000001', 'hex'))
})
