import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach, describe, expect, test } from 'vitest'

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))

const CONFIGURATION = `listen: { postgres: 127.0.0.1:0 }
databases:
  shop: { dialect: postgres, address: 127.0.0.1:1, credential: shop-app, tls: off }
vault: { file: vault.json, keyFile: vault.key }
identity: { users: users.json }
policy: policy.yaml
recorder: { journal: sessions }
`

const POLICY = `rules:
  - name: analysts read the shop
    for: { groups: [analysts] }
    allow: [read]
  - name: personal data
    mask: { public.users.email: partial }
`

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-cli-'))
  await writeFile(join(dir, 'sluice.yaml'), CONFIGURATION)
  await writeFile(join(dir, 'policy.yaml'), POLICY)
})

/** Runs the built command as a user would, in a folder of its own. */
function sluice(args: string, { input = '', env = {} }: { input?: string; env?: NodeJS.ProcessEnv } = {}) {
  return new Promise<{ status: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = spawn(
      process.execPath,
      [MAIN, ...(args.match(/"[^"]*"|\S+/g) ?? []).map((arg) => arg.replaceAll('"', ''))],
      {
        cwd: dir,
        env: { PATH: process.env.PATH, ...env },
      },
    )
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk) => (stdout += chunk))
    child.stderr.on('data', (chunk) => (stderr += chunk))
    child.on('close', (status) => resolve({ status, stdout, stderr: stderr.replaceAll(`${dir}/`, '') }))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

/** Users, vault and credential as a first start needs them. */
async function furnish(): Promise<void> {
  await sluice('user add alice --group analysts --password-stdin', { input: 'wonderland\n' })
  await sluice('vault put shop-app --username shop_rw --password-stdin', { input: 'tr0ub4dor\n' })
}

describe('wrong usage', () => {
  test.each([
    ['bogus', 'sluice: unknown command `bogus`: see `sluice --help`\n'],
    ['user ad alice', 'sluice: unknown command `ad`: did you mean `add`?\n'],
    ['user add', 'sluice: missing required argument `name`: see `sluice user add --help`\n'],
    ['user add bob --password x', 'sluice: unknown option `--password`: see `sluice user add --help`\n'],
    ['user add bob', 'sluice: there is no terminal to ask for a password: use `--password-stdin`\n'],
    ['user add bob --password-stdin', 'sluice: there is no password on standard input\n'],
    ['user remove bob', 'sluice: there is no user `bob` in `users.json`: see `sluice user list`\n'],
    [
      'vault put x --password-stdin',
      'sluice: required option `-u, --username <user>` not specified: see `sluice vault put --help`\n',
    ],
    ['verify', 'sluice: name one session, or `--all`\n'],
    [
      'sessions --since yesterday',
      'sluice: `yesterday` is not a time: use `2h`, `2026-11-20` or `2026-11-20T11:30:00Z`\n',
    ],
    ['replay x --speed fast', 'sluice: `fast` is not a speed: use a number such as 4 or 0.5\n'],
    [
      'check --config none.yaml',
      'none.yaml:1:1: the configuration `none.yaml` does not exist: name one with `--config` or SLUICE_CONFIG\n',
    ],
  ])('`%s` is told in one line, with exit status 2', async (args, stderr) => {
    expect(await sluice(args)).toEqual({ status: 2, stdout: '', stderr })
  })

  test('no command at all shows the help, with exit status 2; asking for it is no mistake', async () => {
    const none = await sluice('')
    expect([none.status, none.stdout]).toEqual([2, ''])
    const asked = await sluice('--help')
    expect([asked.status, asked.stderr]).toEqual([0, ''])
    expect(asked.stdout).toBe(none.stderr)
    for (const command of ['serve', 'check', 'explain', 'user', 'vault', 'sessions', 'replay', 'verify']) {
      expect(asked.stdout).toMatch(new RegExp(`^  ${command} `, 'm'))
    }
  })
})

describe('the configuration', () => {
  test('is found by --config before or after the command, by SLUICE_CONFIG, and in the working directory', async () => {
    await furnish()
    const file = join(dir, 'other.yaml')
    await writeFile(file, CONFIGURATION)
    await rm(join(dir, 'sluice.yaml'))
    expect((await sluice('check')).status).toBe(2)
    expect((await sluice('--config other.yaml check')).status).toBe(0)
    expect((await sluice('check -c other.yaml')).status).toBe(0)
    expect((await sluice('check', { env: { SLUICE_CONFIG: file } })).stdout).toBe(
      'all good: databases 1, rules 2, users 1\n',
    )
  })

  test('is checked with policy, users and credentials, all problems at once', async () => {
    await writeFile(join(dir, 'sluice.yaml'), CONFIGURATION.replace('credential: shop-app', 'credential: shop-apt'))
    await writeFile(join(dir, 'policy.yaml'), 'rules: [{ name: x, alow: [read] }]\n')
    await furnish()
    await writeFile(join(dir, 'users.json'), '{')
    const { status, stdout, stderr } = await sluice('check')
    expect([status, stdout]).toEqual([2, ''])
    const [policy, ...rest] = stderr
      .split('\n')
      .filter((line) => !line.startsWith('policy.yaml:') || line.includes('alow'))
    expect(policy).toMatch(/^policy\.yaml:1:20: .*`alow`/)
    expect(rest).toEqual([
      'users.json:1:1: the users file is not JSON: restore it from a copy',
      'sluice.yaml:3:52: `databases.shop.credential` cannot be used: the credential `shop-apt` is not in the vault `vault.json`: add it with `sluice vault put shop-apt`',
      '',
    ])
    const { problems } = JSON.parse((await sluice('check --json')).stdout)
    expect(problems.at(-1)).toMatchObject({ file: 'sluice.yaml', line: 3, column: 52 })
  })

  test('keeps the gateway from starting where it is wrong', async () => {
    const { status, stdout, stderr } = await sluice('serve')
    expect([status, stdout]).toEqual([2, ''])
    expect(
      stderr
        .split('\n')
        .slice(0, -1)
        .every((line) => /^sluice\.yaml:\d+:\d+: `/.test(line)),
    ).toBe(true)
  })
})

describe('users', () => {
  test('are added, listed and removed, and no password is shown or kept', async () => {
    expect(await sluice('user list')).toEqual({
      status: 0,
      stdout: 'no users yet: add one with `sluice user add`\n',
      stderr: '',
    })
    const added = await sluice('user add alice -g analysts -g "on call" --password-stdin', { input: 'wonderland\n' })
    expect(added).toEqual({ status: 0, stdout: 'added `alice` to `analysts`, `on call`\n', stderr: '' })
    expect((await sluice('user list')).stdout).toMatch(/^NAME .*\nalice {2}analysts, on call {2}password {4}\d{4}-/)
    expect(JSON.parse((await sluice('user list --json')).stdout)).toMatchObject([{ name: 'alice', password: true }])
    expect(await readFile(join(dir, 'users.json'), 'utf8')).not.toContain('wonderland')
    expect((await sluice('user remove alice')).stdout).toBe('removed `alice`\n')
    expect(JSON.parse((await sluice('user list --json')).stdout)).toEqual([])
  })

  test('are not replaced unless asked to', async () => {
    await sluice('user add alice --password-stdin', { input: 'a' })
    const again = await sluice('user add alice --password-stdin', { input: 'b' })
    expect([again.status, again.stderr]).toEqual([2, 'sluice: `alice` exists already: use `--replace` to change it\n'])
    expect((await sluice('user add alice --replace --password-stdin', { input: 'b' })).status).toBe(0)
  })

  test('may get a password made up, which alone goes to stdout', async () => {
    const { status, stdout, stderr } = await sluice('user add alice --generate')
    expect([status, stderr]).toEqual([0, 'added `alice`, with this password, which is kept nowhere:\n'])
    expect(stdout).toMatch(/^[\w-]{24}\n$/)
  })
})

describe('credentials', () => {
  test('are put in, listed without passwords, changed and removed', async () => {
    const put = await sluice('vault put shop-app --username shop_rw --password-stdin', { input: 'tr0ub4dor\n' })
    expect(put).toEqual({
      status: 0,
      stdout: 'put in `shop-app`\n',
      stderr: "made the vault's key `vault.key`: keep a copy of it elsewhere\n",
    })
    for (const file of ['vault.json', 'vault.key']) expect((await stat(join(dir, file))).mode & 0o777).toBe(0o600)
    expect((await sluice('vault list')).stdout).toBe('NAME      USER ON THE SERVER\nshop-app  shop_rw\n')
    const changed = await sluice('vault put shop-app --username other --password-stdin', { input: 'x' })
    expect([changed.stdout, changed.stderr]).toEqual(['changed `shop-app`\n', ''])
    expect((await sluice('vault remove shop-app')).stdout).toBe('removed `shop-app`\n')
    expect(await readFile(join(dir, 'vault.json'), 'utf8')).not.toContain('tr0ub4dor')
  })

  test('cannot be had with a key that is lost, which is a failure and no wrong usage', async () => {
    await furnish()
    await rm(join(dir, 'vault.key'))
    const { status, stderr } = await sluice('vault list')
    expect([status, stderr]).toEqual([
      1,
      "sluice: the vault's key `vault.key` does not exist: restore it from its copy, or set SLUICE_VAULT_KEY\n",
    ])
  })

  test('are not looked for in a file where the vault is the environment', async () => {
    await writeFile(join(dir, 'sluice.yaml'), CONFIGURATION.replace(/vault: .*/, 'vault: env'))
    await sluice('user add alice --password-stdin', { input: 'x' })
    expect((await sluice('vault list')).stderr).toContain('the vault is the environment (`vault: env`)')
    expect((await sluice('check')).stderr).toContain('set SLUICE_CREDENTIAL_SHOP_APP_USERNAME')
    const env = { SLUICE_CREDENTIAL_SHOP_APP_USERNAME: 'u', SLUICE_CREDENTIAL_SHOP_APP_PASSWORD: 'p' }
    expect((await sluice('check', { env })).status).toBe(0)
  })
})

describe('explain', () => {
  test('tells decision, rule, reason and masks, with the groups of the users file', async () => {
    await furnish()
    const { status, stdout, stderr } = await sluice(
      'explain --user alice --database shop "select id, email from users"',
    )
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^allow by rule `analysts read the shop`: /)
    expect(stdout).toContain('statement: select (read); relations: select `users`\n')
    expect(stdout).toMatch(/^mask: `users\.email` partial .* by rule `personal data`$/m)
  })

  test('says why not, and that nothing is let through for others', async () => {
    await furnish()
    const denied = await sluice('explain -u alice -d shop "drop database shop" --json')
    expect(denied.status).toBe(0)
    expect(JSON.parse(denied.stdout)).toMatchObject({
      decision: 'deny',
      rule: null,
      groups: ['analysts'],
      statements: [{ verb: 'drop database' }],
    })
    const other = JSON.parse((await sluice('explain -u alice -g guests -d shop "select 1" --json')).stdout)
    expect(other).toMatchObject({ decision: 'deny', groups: ['guests'] })
    const broken = JSON.parse((await sluice('explain -u alice -d shop "selec 1" --json')).stdout)
    expect(broken).toMatchObject({ decision: 'deny', unanalysable: { cause: 'syntax' }, statements: [] })
  })

  test('knows only databases that are configured', async () => {
    expect(await sluice('explain -u alice -d shpo "select 1"')).toEqual({
      status: 2,
      stdout: '',
      stderr: 'sluice: there is no database `shpo` in the configuration: it has `shop`\n',
    })
  })
})

describe('policy test', () => {
  const tests = `tests:
  - { user: alice, groups: [analysts], database: shop, sql: select email from users, expect: allow, masks: { users.email: partial } }
  - { name: nobody writes, user: alice, groups: [analysts], database: shop, sql: delete from users where id = 1, expect: deny }
`

  test('passes where the policy says what is expected', async () => {
    await writeFile(join(dir, 'tests.yaml'), tests)
    expect(await sluice('policy test tests.yaml')).toEqual({ status: 0, stdout: 'tests 2, failed 0\n', stderr: '' })
  })

  test('fails with the place and what came instead', async () => {
    await writeFile(join(dir, 'tests.yaml'), tests.replace('deny', 'allow').replace('partial', 'hash'))
    const { status, stdout, stderr } = await sluice('policy test tests.yaml')
    expect([status, stdout]).toEqual([1, 'tests 2, failed 2\n'])
    const [first, second] = stderr.split('\n')
    expect(first).toBe('tests.yaml:2:5: `select email from users` expected `users.email` masked hash, got partial')
    expect(second).toMatch(/^tests\.yaml:3:5: `nobody writes` expected allow, got deny \(/)
  })

  test('tells what is wrong with the file of expectations', async () => {
    await writeFile(join(dir, 'tests.yaml'), 'tests: [{ usr: alice }]')
    const { status, stderr } = await sluice('policy test tests.yaml')
    expect(status).toBe(2)
    expect(stderr).toContain('tests.yaml:1:9: unknown key `usr`; did you mean `user`?\n')
  })
})

describe('serve', () => {
  /** Starts the gateway and waits until it has printed `ready` on its stdout. */
  async function start(): Promise<{ child: ChildProcess; stdout: string; exited: Promise<number | null> }> {
    const child = spawn(process.execPath, [MAIN, 'serve'], { cwd: dir, env: { PATH: process.env.PATH } })
    let stdout = ''
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (chunk) => {
        stdout += chunk
        if (/^ready$/m.test(stdout)) resolve()
      })
      child.once('exit', () => reject(new Error(`the gateway ended: ${stdout}`)))
    })
    return { child, stdout, exited }
  }

  test('prints a line for each listener, then `ready`, and ends with status 0 on SIGTERM', async () => {
    await furnish()
    const { child, stdout, exited } = await start()
    expect(stdout).toMatch(/^postgres on 127\.0\.0\.1:\d+\nready\n$/)
    child.kill('SIGTERM')
    expect(await exited).toBe(0)
  })

  test('does not start where the port is taken', async () => {
    await furnish()
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    await writeFile(join(dir, 'sluice.yaml'), CONFIGURATION.replace('127.0.0.1:0', `127.0.0.1:${port}`))
    const { status, stdout, stderr } = await sluice('serve')
    other.close()
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/sluice: cannot listen on `127\.0\.0\.1:\d+`: something else listens there/)
  })
})
