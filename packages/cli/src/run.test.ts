import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
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
