import { WireError } from '@sluice/wire'
import { CAPABILITY, type Greeting, hasCapability } from '@sluice/wire/mysql'

/** MariaDB clears CLIENT_MYSQL, and says its name in the version. */
export function flavourOf(greeting: Pick<Greeting, 'serverVersion' | 'capabilities'>): 'mysql' | 'mariadb' {
  const named = /mariadb/i.test(greeting.serverVersion)
  return named || !hasCapability(greeting.capabilities, CAPABILITY.mysql) ? 'mariadb' : 'mysql'
}

/** A version as a number, as executable comments have it: 80400 for `8.4.0`, 101119 for `10.11.19-MariaDB`. */
export function versionNumber(version: string): number {
  // MariaDB before 11 puts this in front, for replicas that take `10` for less than `5`.
  const parts = /^(\d{1,2})\.(\d{1,2})\.(\d{1,2})/.exec(version.replace(/^5\.5\.5-(?=\d)/, ''))
  if (!parts) throw new WireError(`server version \`${version.slice(0, 40)}\` is not of the form 1.2.3`)
  return Number(parts[1]) * 10_000 + Number(parts[2]) * 100 + Number(parts[3])
}
