// Checks that imports go one way, as ARCHITECTURE.md draws it, and that postgres/ and mysql/ stay siblings.
// Prints one line a violation and exits 1; says nothing and exits 0 where all is well.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

/** Package -> the packages of ours that it may import; `type:` means types only. */
const MAY_IMPORT = {
  domain: [],
  wire: [],
  'local-postgres': [],
  config: ['domain'],
  identity: ['domain'],
  vault: ['domain'],
  telemetry: ['domain'],
  parsers: ['domain'],
  policy: ['domain', 'parsers'],
  recorder: ['domain', 'type:policy', 'type:parsers'],
  proxy: ['domain', 'wire', 'config', 'identity', 'vault', 'telemetry', 'parsers', 'policy', 'recorder'],
  cli: [
    'domain',
    'config',
    'identity',
    'vault',
    'telemetry',
    'parsers',
    'policy',
    'recorder',
    'proxy',
    'local-postgres',
  ],
  testkit: ['domain', 'wire', 'local-postgres'],
  e2e: ['testkit'],
  bench: ['testkit'],
}

/** Files that only one of the two dialects has, because the other has nothing of the kind. Each needs a reason. */
const ONLY_CHILDREN = JSON.parse(readFileSync(new URL('./only-children.json', import.meta.url), 'utf8'))

const root = resolve(dirname(new URL(import.meta.url).pathname), '..')
const problems = []

for (const folder of [
  'parsers',
  'policy',
  'recorder',
  'proxy',
  'e2e',
  'bench',
  ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`),
]) {
  const name = folder.split('/').at(-1)
  if (!MAY_IMPORT[name])
    problems.push(`${folder}: a package that no layer names; add it to scripts/check-layers.mjs and ARCHITECTURE.md`)
  else for (const file of sources(join(root, folder, 'src'))) checkFile(file, name, join(root, folder, 'src'))
}
for (const folder of ['packages/wire/src', 'parsers/src', 'proxy/src']) checkSiblings(folder)
for (const problem of problems) console.error(problem)
process.exitCode = problems.length > 0 ? 1 : 0

function sources(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
}

function checkFile(file, name, base) {
  const text = readFileSync(file, 'utf8')
  const where = relative(root, file)
  const dialect = /\/(postgres|mysql)\//.exec(where)?.[1]
  for (const [statement, target] of imports(text)) {
    if (target.startsWith('.')) {
      const path = resolve(dirname(file), target)
      if (!path.startsWith(base)) problems.push(`${where}: imports \`${target}\` from outside its package`)
      const other = /\/(postgres|mysql)\//.exec(relative(root, path))?.[1]
      if (dialect && other && dialect !== other) problems.push(`${where}: one dialect imports the other: \`${target}\``)
    } else if (target.startsWith('@sluice/')) {
      const imported = target.split('/')[1]
      const typeOnly = statement.startsWith('import type') || statement.startsWith('export type')
      const allowed =
        imported === name ||
        MAY_IMPORT[name].includes(imported) ||
        (typeOnly && MAY_IMPORT[name].includes(`type:${imported}`))
      if (!allowed) problems.push(`${where}: ${name} must not import ${imported}`)
    }
  }
}

function* imports(text) {
  for (const match of text.matchAll(
    /^(?:import|export)\b[^;'"]*?from\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|^import\s*'([^']+)'/gm,
  )) {
    yield [match[0], match[1] ?? match[2] ?? match[3]]
  }
}

function checkSiblings(folder) {
  const list = (dialect) =>
    new Set(
      sources(join(root, folder, dialect))
        .map((file) => relative(join(root, folder, dialect), file))
        .filter((file) => !file.endsWith('.test.ts')),
    )
  const [postgres, mysql] = [list('postgres'), list('mysql')]
  for (const [mine, theirs, dialect, other] of [
    [postgres, mysql, 'postgres', 'mysql'],
    [mysql, postgres, 'mysql', 'postgres'],
  ]) {
    for (const file of mine) {
      const path = `${folder}/${dialect}/${file}`
      if (!theirs.has(file) && !ONLY_CHILDREN[path])
        problems.push(
          `${path}: has no sibling ${folder}/${other}/${file}; name the two alike, or say why in scripts/only-children.json`,
        )
      if (theirs.has(file) && ONLY_CHILDREN[path])
        problems.push(`${path}: has a sibling now; take it out of scripts/only-children.json`)
    }
  }
}
