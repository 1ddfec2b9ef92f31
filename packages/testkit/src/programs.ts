import { execFile } from 'node:child_process'
import { access, constants, readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** Debian keeps servers here, and not every PATH names it. */
const MORE_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/sbin']
let updated = false

/** Where a program is: the path in the variable, else on PATH; undefined where it is not. */
export async function findProgram(name: string, variable?: string): Promise<string | undefined> {
  const named = variable === undefined ? undefined : process.env[variable]
  if (named) {
    await access(named, constants.X_OK)
    return named
  }
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), ...MORE_FOLDERS]) {
    const path = join(folder, name)
    try {
      await access(path, constants.X_OK)
      return path
    } catch {
      // not in this folder
    }
  }
  return undefined
}

/** A program, installed from apt where it is missing and this is root on Debian or Ubuntu; else an error that says what to do. */
export async function needProgram(name: string, aptPackage: string, variable?: string): Promise<string> {
  const found = await findProgram(name, variable)
  if (found) return found
  if (!(await canUseApt())) {
    const orSet = variable === undefined ? '' : `, or set ${variable} to its path`
    throw new Error(`the tests need \`${name}\`: install it (Debian and Ubuntu: apt-get install ${aptPackage})${orSet}`)
  }
  const installed = installing.then(() => install(name, aptPackage, variable))
  installing = installed.catch(() => {})
  return installed
}

/** apt-get locks its lists: one installation after the other. */
let installing: Promise<unknown> = Promise.resolve()

async function install(name: string, aptPackage: string, variable: string | undefined): Promise<string> {
  const found = await findProgram(name, variable) // the package before may have brought it
  if (found) return found
  console.error(`the tests need \`${name}\`: installing ${aptPackage} with apt-get`)
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, maxBuffer: 64 * 1024 * 1024 }
  if (!updated) await run('apt-get', ['update', '-q'], options)
  updated = true
  // No service of the package's own may start: the tests run theirs on free ports.
  await run(
    'apt-get',
    ['install', '-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', aptPackage],
    {
      ...options,
      env: { ...options.env, RUNLEVEL: '1' },
    },
  )
  const installed = await findProgram(name, variable)
  if (!installed) throw new Error(`apt-get installed ${aptPackage}, but \`${name}\` is not on PATH`)
  return installed
}

async function canUseApt(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false
  try {
    return (
      /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(await readFile('/etc/os-release', 'utf8')) &&
      (await findProgram('apt-get')) !== undefined
    )
  } catch {
    return false
  }
}
