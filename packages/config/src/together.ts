/** What several keys of sluice.yaml say together. Works on the raw values, so that its problems are told with all others. */
import type { Finding } from './problem.js'

type Raw = Readonly<Record<string, unknown>>

const isMapping = (raw: unknown): raw is Raw => typeof raw === 'object' && raw !== null && !Array.isArray(raw)
const has = (raw: Raw, key: string) => raw[key] !== undefined

/** Problems between the keys of a file that was read as `raw`; what is malformed by itself is left to `shape`. */
export function checkTogether(raw: unknown): Finding[] {
  if (!isMapping(raw)) return []
  return [...checkListen(raw), ...checkDatabases(raw), ...checkVault(raw), ...checkRecorder(raw)]
}

function checkListen({ listen, databases }: Raw): Finding[] {
  if (!isMapping(listen)) return []
  const findings: Finding[] = []
  if (!has(listen, 'postgres') && !has(listen, 'mysql')) {
    findings.push({ path: ['listen'], message: 'must name at least one of `postgres` and `mysql`' })
  }
  if (!isMapping(databases)) return findings
  for (const [name, database] of Object.entries(databases)) {
    const dialect = isMapping(database) ? database.dialect : undefined
    if ((dialect === 'postgres' || dialect === 'mysql') && !has(listen, dialect)) {
      const message = `is a ${dialect} database, and \`listen.${dialect}\` is missing: nobody could reach it`
      findings.push({ path: ['databases', name], message })
    }
  }
  return findings
}

function checkDatabases({ databases, vault }: Raw): Finding[] {
  if (!isMapping(databases)) return []
  const findings: Finding[] = []
  const variables = new Map<string, string>()
  if (Object.keys(databases).length === 0)
    findings.push({ path: ['databases'], message: 'must name at least one database' })
  for (const [name, database] of Object.entries(databases)) {
    if (name === '') findings.push({ path: ['databases', name], message: 'has an empty name' })
    if (!isMapping(database)) continue
    if (has(database, 'ca') && (database.tls === 'off' || database.tls === 'require')) {
      const message = `is not used with \`tls: ${database.tls}\`: choose \`verify-ca\` or \`verify-full\`, or remove it`
      findings.push({ path: ['databases', name, 'ca'], message })
    }
    if (vault !== 'env' || typeof database.credential !== 'string') continue
    const variable = database.credential.toUpperCase().replace(/[^A-Z0-9]/g, '_')
    const other = variables.get(variable) ?? database.credential
    variables.set(variable, other)
    if (other !== database.credential) {
      const message = `and \`${other}\` are read from the same variables (SLUICE_CREDENTIAL_${variable}_...): rename one`
      findings.push({ path: ['databases', name, 'credential'], message })
    }
  }
  return findings
}

function checkVault({ vault }: Raw): Finding[] {
  if (!isMapping(vault) || has(vault, 'file') || has(vault, 'hashicorp')) return []
  return [{ path: ['vault'], message: 'must have `file`, or be `env`' }]
}

function checkRecorder({ recorder }: Raw): Finding[] {
  if (!isMapping(recorder)) return []
  const stores = ['redis', 'journal'].filter((key) => has(recorder, key))
  if (stores.length === 1) return []
  const message = stores.length === 0 ? 'must have `redis` or `journal`' : 'has both `redis` and `journal`: choose one'
  return [{ path: ['recorder'], message }]
}
