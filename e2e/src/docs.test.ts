/** Does everything that the pages for users show work as shown? See `markdown-blocks.ts` for how blocks are marked. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { needProgram, runSluice, temporaryFolder } from '@sluice/testkit'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Block, localLinks, markdownBlocks, Names } from './markdown-blocks.js'
import { queryMysql, queryPostgres } from './shop.js'
import { UPSTREAM_PASSWORD, Walkthrough } from './walkthrough.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** In the order in which they are read: what the README sets up is there on the other pages. */
const PAGES = ['README.md', ...['policy', 'masking', 'identity', 'recording', 'operations'].map((n) => `docs/${n}.md`)]

const postgres = inject('postgres')
const mysql = inject('mysqls')[0]!
let walkthrough: Walkthrough
const names = new Names()

beforeAll(async () => {
  for (const program of ['openssl', 'curl']) await needProgram(program, program)
  walkthrough = await Walkthrough.begin({ postgres, mysql, programs: inject('programs') })
  await makeShop()
  await makeStock()
})

afterAll(() => walkthrough?.end())

for (const page of PAGES) {
  const markdown = readFileSync(join(ROOT, page), 'utf8')
  describe(page, () => {
    it('links to pages that are there', () => {
      for (const link of localLinks(markdown)) expect(existsSync(join(ROOT, dirname(page), link)), link).toBe(true)
    })
    for (const block of markdownBlocks(page, markdown)) {
      if (block.kind !== 'none') it(`shows at ${block.place} what is so (${block.kind})`, () => prove(block))
      else it(`says at ${block.place} why it is not tested`, () => expect(block.argument).toMatch(/^\(.+\)$/))
    }
  })
}

describe('docs/operations.md', () => {
  const operations = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8')

  it('names every metric that there is', async () => {
    const [answer] = await walkthrough.run('curl -s http://127.0.0.1:6480/metrics')
    const metrics = [...answer!.output.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name!)
    expect(metrics.length).toBeGreaterThan(3)
    expect(metrics.filter((name) => !operations.includes(`\`${name}`))).toEqual([])
  })

  it.each(['', 'listen', 'tls', 'databases.shop', 'vault', 'identity', 'recorder', 'recorder.results', 'limits'])(
    'names every key of `%s`',
    async (section) => {
      const folder = temporaryFolder('docs-keys')
      const steps = section === '' ? [] : section.split('.')
      const lines = [...steps, 'qqqqqqqq'].map((step, depth) => `${'  '.repeat(depth)}${step}:`)
      writeFileSync(join(folder, 'sluice.yaml'), `${lines.join('\n')} 1\n`)
      const { stderr } = await runSluice(['check'], { folder })
      const known = /qqqqqqqq` is not a key of this file: known are (.*)/.exec(stderr)?.[1]?.match(/(?<=`)\w+(?=`)/g)
      expect(known?.length, stderr).toBeGreaterThan(0)
      for (const key of known!) expect(operations).toMatch(new RegExp(`[\`.]${key}[\`.]`))
    },
  )
})

it('every page is tested', () => {
  const pages = readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)
  expect(PAGES).toEqual(expect.arrayContaining(pages.filter((name) => name.endsWith('.md'))))
})

async function prove({ kind, argument, text, place }: Block): Promise<void> {
  switch (kind) {
    case 'file':
      walkthrough.write(argument, text)
      // What the running gateway follows it knows within a second.
      if (/^(policy\.yaml|users\.json)$/.test(argument)) await new Promise((resolve) => setTimeout(resolve, 1_200))
      return
    case 'config':
      return accept(withSections(text), undefined)
    case 'policy':
      return accept(BASE, /^- /.test(text) ? `rules:\n${text}` : text)
    case 'serve': {
      const printed = await walkthrough.serve()
      expect(names.looksLike(text.replace(/^\$ sluice serve\n/, ''), printed), `${place} printed\n${printed}`).toBe(
        true,
      )
      return
    }
    case 'console': {
      const status = Number(/exit (\d+)/.exec(argument)?.[1] ?? 0)
      const commands = commandsOf(text)
      for (const [i, { line, shown, typed }] of commands.entries()) {
        const answers = await walkthrough.run(
          names.real(line),
          typed.map((each) => each.sql),
        )
        const expected = typed.length > 0 ? typed.map((each) => each.shown) : [shown]
        for (const [n, answer] of answers.entries()) {
          const what = typed[n]?.sql ?? line
          expect(names.looksLike(expected[n]!, answer.output), `${place} \`${what}\` printed\n${answer.output}`).toBe(
            true,
          )
          if (typed.length > 0) continue
          expect(answer.status, `exit status of \`${line}\``).toBe(i === commands.length - 1 ? status : 0)
        }
      }
      return
    }
    default:
      throw new Error(`${place}: a block without a comment \`<!-- test: ... -->\` in front of it`)
  }
}

interface Command {
  readonly line: string
  readonly shown: string
  /** At the prompt of psql or mysql. */
  readonly typed: readonly { readonly sql: string; readonly shown: string }[]
}

/** `$ command`, `name=> SQL` or `mysql> SQL`, each with the output that follows it. */
function commandsOf(text: string): Command[] {
  const commands: { line: string; shown: string; typed: { sql: string; shown: string }[] }[] = []
  for (const line of text.replace(/\n$/, '').split('\n')) {
    const command = commands.at(-1)
    const typed = command?.typed.at(-1)
    const prompt = /^(?:\w+=[*!]?[>#]|mysql>) (.*)$/.exec(line)
    const more = /^(?:\w+[-'"(][*!]?[>#]| +->) (.*)$/.exec(line)
    if (line.startsWith('$ ')) commands.push({ line: line.slice(2), shown: '', typed: [] })
    else if (!command) throw new Error(`output before any command: ${line}`)
    else if (prompt) command.typed.push({ sql: prompt[1]!, shown: '' })
    else if (more && typed) typed.sql += `\n${more[1]}`
    else if (typed) typed.shown += `${line}\n`
    else if (command.line.endsWith('\\')) command.line += `\n${line}`
    else command.shown += `${line}\n`
  }
  return commands
}

const BASE = `listen: { postgres: 127.0.0.1:6432, mysql: 127.0.0.1:6306 }
databases:
  shop: { dialect: postgres, address: 127.0.0.1:5432, credential: shop-owner, tls: off }
vault: { file: vault.json, keyFile: vault.key }
identity: { users: users.json }
policy: policy.yaml
recorder: { journal: sessions }
`

/** The base with a page's sections in the place of its own. */
function withSections(text: string): string {
  const own = new Set(text.match(/^\w+(?=:)/gm))
  const sections = BASE.split(/^(?=\w)/m).filter((section) => !own.has(/^\w+/.exec(section)![0]))
  return sections.join('') + text
}

/** `sluice check` has nothing to say of a configuration and a policy, with the files that the pages name in place. */
async function accept(configuration: string, policy: string | undefined): Promise<void> {
  const folder = temporaryFolder('docs-check')
  const { ca, certificate, key } = inject('certificates')
  const files = { 'server.crt': certificate, 'server.key': key, 'ca.crt': ca, 'db-ca.crt': ca }
  for (const [name, from] of Object.entries(files)) {
    writeFileSync(join(folder, name), readFileSync(from), { mode: 0o600 })
  }
  writeFileSync(join(folder, 'sluice.yaml'), configuration)
  writeFileSync(join(folder, 'policy.yaml'), policy ?? 'rules: []\n')
  const environment: NodeJS.ProcessEnv = { ...process.env, SLUICE_CREDENTIAL_SHOP_OWNER_USERNAME: 'shop_owner' }
  environment.SLUICE_CREDENTIAL_SHOP_OWNER_PASSWORD = UPSTREAM_PASSWORD
  const run = (args: string[], input = '') => runSluice(args, { folder, environment, input })
  await run(['user', 'add', 'alice', '--password-stdin'], UPSTREAM_PASSWORD)
  for (const credential of new Set(['shop-owner', ...configuration.match(/(?<=credential: )[\w-]+/g)!])) {
    await run(['vault', 'put', credential, '--username', 'shop_owner', '--password-stdin'], UPSTREAM_PASSWORD)
  }
  const { status, stdout, stderr } = await run(['check'])
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' })
}

/** The pages' PostgreSQL: a shop. */
async function makeShop(): Promise<void> {
  await queryPostgres(postgres, 'postgres', 'drop database if exists shop with (force)')
  await queryPostgres(postgres, 'postgres', 'drop role if exists shop_owner')
  await queryPostgres(postgres, 'postgres', `create role shop_owner login password '${UPSTREAM_PASSWORD}'`)
  await queryPostgres(postgres, 'postgres', 'create database shop owner shop_owner')
  await queryPostgres(
    { ...postgres, user: 'shop_owner', password: UPSTREAM_PASSWORD },
    'shop',
    `create table users (id int primary key, name text not null, email text, ssn char(11) not null, city text not null);
     create table orders (id int primary key, user_id int not null references users, item text not null, total numeric(10,2) not null);
     insert into users values
       (1, 'Ada Lovelace', 'ada@analytical.example', '078-05-1120', 'London'),
       (2, 'Grace Hopper', 'grace@compiler.example', '219-09-9999', 'New York'),
       (3, 'Edsger Dijkstra', null, '457-55-5462', 'Rotterdam');
     insert into orders values (101, 1, 'Punched cards', 129.00), (102, 2, 'A moth, taped', 0.42), (103, 3, 'Semaphore flags', 35.50)`,
  )
}

/** The pages' MySQL: what the shop has in stock, and from whom. */
async function makeStock(): Promise<void> {
  for (const sql of [
    'drop database if exists stock',
    'drop user if exists stock_app',
    'create database stock',
    `create user stock_app identified by '${UPSTREAM_PASSWORD}'`,
    'grant all on stock.* to stock_app',
    'create table stock.suppliers (id int primary key, name varchar(40) not null, email varchar(80) not null, iban varchar(34) not null)',
    "insert into stock.suppliers values (1, 'Paper & Sons', 'orders@paper.example', 'GB33BUKB20201555555555'), (2, 'Moths Inc', 'sales@moths.example', 'DE75512108001245126199')",
  ]) {
    await queryMysql(mysql, undefined, sql)
  }
}
