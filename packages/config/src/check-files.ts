/** The files that sluice.yaml names: there, readable, and private where they must be. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { notPrivate } from '@sluice/domain'
import type { Configuration } from './configuration.js'
import type { Finding } from './problem.js'

type Path = readonly string[]

/** Problems of the files that the configuration names, by the key that names them. */
export async function checkFiles(configuration: Configuration): Promise<Finding[]> {
  const { tls, databases, vault, identity, policy } = configuration
  const findings: Finding[] = []

  async function readable(path: Path, file: string | undefined, missing = 'name another'): Promise<string | undefined> {
    if (file === undefined) return undefined
    try {
      return await readFile(file, 'utf8')
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      const why = code === 'ENOENT' ? `does not exist: ${missing}` : `cannot be read (${code})`
      findings.push({ path, message: `names \`${file}\`, which ${why}` })
      return undefined
    }
  }

  async function secret(path: Path, file: string, missing?: string): Promise<string | undefined> {
    const text = await readable(path, file, missing)
    const why = text === undefined ? undefined : notPrivate(file, (await stat(file)).mode)
    if (why !== undefined) findings.push({ path, message: `names a file that must be private: ${why}` })
    return text
  }

  if (tls) {
    const certificate = await readable(['tls', 'certificate'], tls.certificate)
    const key = await secret(['tls', 'key'], tls.key)
    const wrong = certificate !== undefined && key !== undefined ? pairProblem(certificate, key) : undefined
    if (wrong) findings.push(wrong)
    await checkAuthorities(['tls', 'clientCa'], tls.clientCa)
  }
  for (const database of Object.values(databases)) {
    await checkAuthorities(['databases', database.name, 'ca'], database.ca)
  }
  if (vault.kind === 'file') {
    await readable(['vault', 'file'], vault.file, 'create it with `sluice vault put`')
    if (process.env.SLUICE_VAULT_KEY === undefined) {
      if (vault.keyFile === undefined) {
        findings.push({ path: ['vault'], message: 'has no key: add `keyFile`, or set SLUICE_VAULT_KEY' })
      } else await secret(['vault', 'keyFile'], vault.keyFile, 'restore it, or set SLUICE_VAULT_KEY')
    }
  }
  await readable(['identity', 'users'], identity.users, 'create it with `sluice user add`')
  await readable(['policy'], policy)
  return findings

  async function checkAuthorities(path: Path, file: string | undefined): Promise<void> {
    const text = await readable(path, file)
    if (text === undefined) return
    try {
      new X509Certificate(text)
    } catch {
      findings.push({ path, message: `names \`${file}\`, which holds no certificate in PEM form` })
    }
  }
}

function pairProblem(certificate: string, key: string): Finding | undefined {
  let parsed: X509Certificate
  try {
    parsed = new X509Certificate(certificate)
  } catch {
    return { path: ['tls', 'certificate'], message: 'names a file that holds no certificate in PEM form' }
  }
  try {
    if (parsed.checkPrivateKey(createPrivateKey(key))) return undefined
  } catch {
    return {
      path: ['tls', 'key'],
      message: 'names a file that holds no private key in PEM form (without a passphrase)',
    }
  }
  return { path: ['tls', 'key'], message: 'does not belong to `tls.certificate`: the two are of different pairs' }
}
