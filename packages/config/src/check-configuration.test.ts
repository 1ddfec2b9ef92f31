import { generateKeyPairSync } from 'node:crypto'
import { chmod, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { checkConfiguration } from './check-configuration.js'
import { loadConfiguration } from './load-configuration.js'

const GOOD = `
listen: { postgres: 127.0.0.1:6432 }
databases:
  shop: { dialect: postgres, address: db.internal, credential: shop-app }
vault: { file: vault.json, keyFile: vault.key }
identity: { users: users.json }
policy: policy.yaml
recorder: { journal: ./sessions }
`

/** CN=x, of a key that nobody has any more. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBLjCB4aADAgECAhQeBU+Fwi+QS9EWw0Tdxlvx7TxCHDAFBgMrZXAwDDEKMAgG
A1UEAwwBeDAgFw0yNjExMjAxMTU4NDJaGA8yMTI2MTAyNzExNTg0MlowDDEKMAgG
A1UEAwwBeDAqMAUGAytlcAMhACNYyp5ir/s5Q5C68S9G4T565+ZHUHFChU/3tJ2M
wJOZo1MwUTAdBgNVHQ4EFgQUcSpvOVvLbLujfg/KvEPLih+C5H8wHwYDVR0jBBgw
FoAUcSpvOVvLbLujfg/KvEPLih+C5H8wDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXAD
QQBkfK1ZG2ZDITMfkOX87Bx49JezUgg0y8h1+/TfsRk51rKz2BUvXGuE1kmUryCa
cRIw+FyMqe3H9GE94XJdxiAO
-----END CERTIFICATE-----
`

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-config-'))
})

async function write(text: string): Promise<string> {
  const file = join(dir, 'sluice.yaml')
  await writeFile(file, text)
  return file
}

/** The problems as `line:column: message`. */
async function problemsOf(text: string, files = false): Promise<string[]> {
  const { problems } = await checkConfiguration(await write(text), { files })
  return problems.map(({ line, column, message }) => `${line}:${column}: ${message}`)
}

describe('a good file', () => {
  test('gets defaults, absolute paths and plain units', async () => {
    const configuration = await loadConfiguration(await write(GOOD))
    expect(configuration).toMatchObject({
      file: join(dir, 'sluice.yaml'),
      listen: { postgres: { host: '127.0.0.1', port: 6432 }, mysql: undefined, http: undefined },
      tls: undefined,
      databases: {
        shop: {
          name: 'shop',
          address: { host: 'db.internal', port: 5432 },
          database: 'shop',
          credential: 'shop-app',
          tls: 'verify-full',
          ca: undefined,
        },
      },
      vault: { kind: 'file', file: join(dir, 'vault.json'), keyFile: join(dir, 'vault.key') },
      identity: { users: join(dir, 'users.json') },
      policy: join(dir, 'policy.yaml'),
      recorder: {
        store: { kind: 'journal', directory: join(dir, 'sessions') },
        durability: 'strict',
        spool: join(dir, 'spool'),
        sealKey: join(dir, 'seal.key'),
        results: { rows: 100 },
      },
      limits: { messageBytes: 67_108_864, sessions: 500, idleMilliseconds: 28_800_000, handshakeMilliseconds: 10_000 },
      workers: 1,
    })
  })

  test('is frozen all the way down, and no name finds something that is not configured', async () => {
    const { databases, limits } = await loadConfiguration(await write(GOOD))
    expect(Object.isFrozen(databases.shop?.address) && Object.isFrozen(limits)).toBe(true)
    expect(databases.constructor).toBeUndefined()
    expect(Object.getPrototypeOf(databases)).toBeNull()
  })

  test('may say limits, switch off the idle limit and use other stores', async () => {
    const text = GOOD.replace('journal: ./sessions', 'redis: rediss://:hunter2@r:6379, durability: relaxed').replace(
      'vault: { file: vault.json, keyFile: vault.key }',
      'vault: env',
    )
    const configuration = await loadConfiguration(
      await write(`${text}limits: { idle: off, message: 1GB, handshake: 2s }\n`),
    )
    expect(configuration.vault).toEqual({ kind: 'env' })
    expect(configuration.limits).toMatchObject({
      idleMilliseconds: undefined,
      messageBytes: 2 ** 30,
      handshakeMilliseconds: 2000,
    })
    expect(JSON.stringify(configuration)).not.toContain('hunter2')
    const { store } = configuration.recorder
    expect(store.kind === 'redis' && store.url.reveal()).toBe('rediss://:hunter2@r:6379')
  })

  test('may have a section whose keys are all commented out', async () => {
    expect(await problemsOf(`${GOOD}limits:\n  # sessions: 3\n`)).toEqual([])
  })
})

describe('a bad file', () => {
  test('has all its problems told at once, in order, with place and key', async () => {
    const problems = await problemsOf(`listen: { postgres: ":6432", htpp: 6480 }
databases:
  shop:
    dialect: oracle
    adress: db:5432
    credential: shop-app
    tls: verify
recorder: { redis: redis://:hunter2@, journal: x }
workers: 4
limits: { mesage: 3, idle: 3 }
`)
    expect(problems).toEqual([
      '1:1: `vault` is missing: it must be `{ file, keyFile }` or `env`',
      '1:1: `identity` is missing: it must be a mapping: `users`, ...',
      '1:1: `policy` is missing: it must be the path of the policy file',
      '1:11: `listen.postgres` must be an address such as `127.0.0.1:6432` (or a port alone, on 127.0.0.1), not `:6432`',
      '1:30: `listen.htpp` is not a key of this file: did you mean `http`?',
      '3:3: `databases.shop.address` is missing: it must be the address of the server, such as `db.internal:5432`',
      '4:5: `databases.shop.dialect` must be `postgres` or `mysql`, not `oracle`',
      '5:5: `databases.shop.adress` is not a key of this file: did you mean `address`?',
      '7:5: `databases.shop.tls` must be `off`, `require`, `verify-ca` or `verify-full`, not `verify`',
      '8:1: `recorder` has both `redis` and `journal`: choose one',
      '8:13: `recorder.redis` must be a URL such as `redis://127.0.0.1:6379`',
      '9:1: `workers` must be 1: more processes are not supported by this version yet, not `4`',
      '10:11: `limits.mesage` is not a key of this file: did you mean `message`?',
      '10:22: `limits.idle` must be a duration from `1s` to `24d`, or `off`, not `3`',
    ])
  })

  test('is told about what this version does not support', async () => {
    const text = GOOD.replace('users: users.json', 'users: users.json, oidc: [{ issuer: "https://x" }]').replace(
      'file: vault.json, keyFile: vault.key',
      'hashicorp: { address: "https://v" }',
    )
    expect(await problemsOf(text)).toEqual([
      '5:10: `vault.hashicorp` is not supported by this version yet: keep credentials in a vault file (`vault: { file, keyFile }`) or in `vault: env`',
      '6:32: `identity.oidc` is not supported by this version yet: add local users with `sluice user add`',
    ])
  })

  test('is told about keys that do not fit each other', async () => {
    const text = GOOD.replace('postgres: 127.0.0.1:6432', 'mysql: 6306').replace(
      'credential: shop-app',
      'credential: shop-app, tls: off, ca: ca.crt',
    )
    expect(await problemsOf(text)).toEqual([
      '4:3: `databases.shop` is a postgres database, and `listen.postgres` is missing: nobody could reach it',
      '4:84: `databases.shop.ca` is not used with `tls: off`: choose `verify-ca` or `verify-full`, or remove it',
    ])
    expect(await problemsOf(GOOD.replace('keyFile', 'keyfile'))).toEqual([
      '5:28: `vault.keyfile` is not a key of this file: did you mean `keyFile`?',
    ])
  })

  test('that is not YAML, not a mapping, or not there is told so', async () => {
    expect(await problemsOf('listen: {\n')).toEqual([expect.stringMatching(/^2:1: is not YAML: /)])
    expect(await problemsOf('a: 1\na: 2\n')).toEqual([
      expect.stringMatching(/^2:1: is not YAML: map keys must be unique/),
    ])
    expect(await problemsOf('hello')).toEqual([expect.stringMatching(/^1:1: the file must be a mapping/)])
    expect(await problemsOf(GOOD.replace('vault: {', 'vault: 5 #{'))).toEqual([
      '5:1: `vault` must be `{ file, keyFile }` or `env`',
    ])
    expect((await problemsOf('')).length).toBeGreaterThan(4)
    await expect(loadConfiguration(join(dir, 'none.yaml'))).rejects.toMatchObject({
      code: 'configuration_invalid',
      message: expect.stringContaining('none.yaml` does not exist: name one with `--config` or SLUICE_CONFIG'),
    })
  })

  test('that expands aliases without end is refused', async () => {
    const levels = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`)
    expect(await problemsOf(`l0: &l0 [x]\n${levels.join('\n')}\n`)).toEqual([expect.stringContaining('is not YAML')])
  })

  test('is one error with a line for each problem when loaded', async () => {
    const file = await write('policy: 3\n')
    const error = await loadConfiguration(file).catch((caught: Error) => caught)
    expect((error as Error).message.split('\n')).toContain(
      `${file}:1:1: \`policy\` must be the path of the policy file, not \`3\``,
    )
  })
})

describe('the files it names', () => {
  test('must be there, and the text says which command makes them', async () => {
    const problems = await problemsOf(GOOD, true)
    expect(problems.map((problem) => problem.replaceAll(`${dir}/`, ''))).toEqual([
      '5:10: `vault.file` names `vault.json`, which does not exist: create it with `sluice vault put`',
      '5:28: `vault.keyFile` names `vault.key`, which does not exist: restore it, or set SLUICE_VAULT_KEY',
      '6:13: `identity.users` names `users.json`, which does not exist: create it with `sluice user add`',
      '7:1: `policy` names `policy.yaml`, which does not exist: name another',
    ])
  })

  test('must be private where they hold keys, and certificate and key must be a pair', async () => {
    for (const name of ['vault.json', 'vault.key', 'users.json', 'policy.yaml']) await writeFile(join(dir, name), '')
    await chmod(join(dir, 'vault.key'), 0o644)
    await writeFile(join(dir, 'a.crt'), CERTIFICATE)
    const { privateKey } = generateKeyPairSync('ed25519')
    await writeFile(join(dir, 'b.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
    await chmod(join(dir, 'b.key'), 0o640)
    const problems = await problemsOf(`${GOOD}tls: { certificate: a.crt, key: b.key, clientCa: vault.key }\n`, true)
    expect(problems.map((problem) => problem.replaceAll(`${dir}/`, ''))).toEqual([
      '5:28: `vault.keyFile` names a file that must be private: `vault.key` can be read or changed by others (mode 0644): run `chmod 600 vault.key`',
      '9:28: `tls.key` names a file that must be private: `b.key` can be read or changed by others (mode 0640): run `chmod 600 b.key`',
      '9:28: `tls.key` does not belong to `tls.certificate`: the two are of different pairs',
      '9:40: `tls.clientCa` names `vault.key`, which holds no certificate in PEM form',
    ])
  })
})
