/**
 * users.json, version 1: one entry a user, verifiers only.
 *
 *     { "version": 1,
 *       "decoyKey": "base64 of 32 bytes",            keeps unknown names from being told apart
 *       "users": [ {
 *         "name": "alice", "groups": ["analysts"], "added": "2026-11-20T11:00:00.000Z",
 *         "scram": "SCRAM-SHA-256$4096:salt$storedKey:serverKey",   as PostgreSQL's pg_authid.rolpassword
 *         "nativePassword": "*HEX",                  as MySQL's mysql_native_password
 *         "certificate": "common name" } ] }
 */
import { randomBytes } from 'node:crypto'
import { readIfThere, type Secret, SluiceError, updatePrivateFile } from '@sluice/domain'
import * as z from 'zod'
import { nativePasswordVerifier } from './native-password.js'
import { deriveScramVerifier } from './scram.js'
import { decoyVerifier, type ScramVerifier, type UserRecord } from './user-directory.js'

const VERSION = 1
const NAME_LENGTH = 128
const SCRAM = /^SCRAM-SHA-256\$([1-9]\d{3,7}):([A-Za-z0-9+/]+={0,2})\$([A-Za-z0-9+/]{43}=):([A-Za-z0-9+/]{43}=)$/

const name = z.string().min(1).max(NAME_LENGTH).refine(isName)

const usersFile = z.strictObject({
  version: z.literal(VERSION),
  decoyKey: z.string().regex(/^[A-Za-z0-9+/]{43}=$/),
  users: z.array(
    z.strictObject({
      name,
      groups: z.array(name),
      added: z.string(),
      scram: z.string().regex(SCRAM).optional(),
      nativePassword: z
        .string()
        .regex(/^\*[0-9A-F]{40}$/)
        .optional(),
      certificate: name.optional(),
    }),
  ),
})

type UsersFile = z.output<typeof usersFile>

/** What a users file says. */
export interface Users {
  readonly records: readonly UserRecord[]
  /** For `createUserDirectory`. */
  readonly decoyKey: Buffer
}

export interface NewUser {
  readonly name: string
  readonly groups: readonly string[]
  /** Undefined: the user logs in with a certificate alone. */
  readonly password: Secret | undefined
  /** Keep what mysql_native_password needs too, which is weaker. */
  readonly nativePassword: boolean
  readonly certificate?: string
}

/** A user as shown to people: no verifiers. */
export interface UserSummary {
  readonly name: string
  readonly groups: readonly string[]
  readonly added: string
  readonly password: boolean
  readonly nativePassword: boolean
  readonly certificate: string | undefined
}

/** Parses the text of a users file; throws `configuration_invalid`. */
export function parseUsers(text: string): Users {
  const file = parseFile(text)
  const decoyKey = Buffer.from(file.decoyKey, 'base64')
  const records = file.users.map((user) => ({
    name: user.name,
    groups: user.groups,
    scram: user.scram === undefined ? decoyVerifier(decoyKey, user.name) : parseVerifier(user.scram),
    nativePassword: user.nativePassword === undefined ? undefined : Buffer.from(user.nativePassword.slice(1), 'hex'),
    certificate: user.certificate,
  }))
  return { records, decoyKey }
}

/** Reads a users file. Rejects with `configuration_invalid` where it is missing or not what it should be. */
export async function readUsers(path: string): Promise<Users> {
  const text = await readIfThere(path)
  if (text === undefined) {
    throw new SluiceError('configuration_invalid', `\`${path}\` does not exist: create it with \`sluice user add\``)
  }
  return parseUsers(text)
}

/** The users of a file by name, for people; none where there is no file. */
export async function listUsers(path: string): Promise<UserSummary[]> {
  const text = await readIfThere(path)
  const users = text === undefined ? [] : parseFile(text).users
  return users
    .map(({ name, groups, added, scram, nativePassword, certificate }) => ({
      name,
      groups,
      added,
      password: scram !== undefined,
      nativePassword: nativePassword !== undefined,
      certificate,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Adds a user; with `replace`, in the place of one with this name. Makes the file where there is none. Rejects with `usage_invalid`. */
export async function addUser(
  path: string,
  user: NewUser,
  { replace = false }: { replace?: boolean } = {},
): Promise<void> {
  for (const each of [user.name, ...user.groups, ...(user.certificate === undefined ? [] : [user.certificate])]) {
    if (isName(each)) continue
    const rule = `1 to ${NAME_LENGTH} characters, no control characters, no space at either end`
    throw new SluiceError('usage_invalid', `\`${each.slice(0, NAME_LENGTH)}\` is not a name: use ${rule}`)
  }
  const password = user.password?.reveal()
  if (password === '') throw new SluiceError('usage_invalid', 'the password is empty: choose one')
  if (password?.includes('\0')) throw new SluiceError('usage_invalid', 'the password holds a NUL byte: choose another')
  if (password === undefined && user.certificate === undefined) {
    throw new SluiceError('usage_invalid', `\`${user.name}\` could not log in: give a password or a certificate`)
  }
  const scram = password === undefined ? undefined : formatVerifier(await deriveScramVerifier(password))
  const nativePassword = password !== undefined && user.nativePassword ? formatNative(password) : undefined

  await updatePrivateFile(path, (text) => {
    const file = text === undefined ? emptyFile() : parseFile(text)
    if (!replace && file.users.some((each) => each.name === user.name)) {
      throw new SluiceError('usage_invalid', `\`${user.name}\` exists already: use \`--replace\` to change it`)
    }
    const users = file.users.filter((each) => each.name !== user.name)
    const groups = [...new Set(user.groups)]
    const added = new Date().toISOString()
    users.push({ name: user.name, groups, added, scram, nativePassword, certificate: user.certificate })
    return formatFile({ ...file, users })
  })
}

/** Removes a user; rejects with `usage_invalid` where there is none of this name. */
export async function removeUser(path: string, name: string): Promise<void> {
  const missing = new SluiceError(
    'usage_invalid',
    `there is no user \`${name}\` in \`${path}\`: see \`sluice user list\``,
  )
  if ((await readIfThere(path)) === undefined) throw missing
  await updatePrivateFile(path, (text) => {
    const file = text === undefined ? emptyFile() : parseFile(text)
    const users = file.users.filter((each) => each.name !== name)
    if (users.length === file.users.length) throw missing
    return formatFile({ ...file, users })
  })
}

function emptyFile(): UsersFile {
  return { version: VERSION, decoyKey: randomBytes(32).toString('base64'), users: [] }
}

function formatFile(file: UsersFile): string {
  return `${JSON.stringify(file, undefined, 2)}\n`
}

function parseFile(text: string): UsersFile {
  const wrong = (why: string) => new SluiceError('configuration_invalid', `the users file ${why}`)
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch {
    throw wrong('is not JSON: restore it from a copy')
  }
  const version = typeof raw === 'object' && raw !== null && 'version' in raw ? raw.version : undefined
  if (typeof version === 'number' && version !== VERSION) {
    throw wrong(`has version ${version}, and this program reads version ${VERSION}`)
  }
  const parsed = usersFile.safeParse(raw)
  if (!parsed.success) {
    const keys = parsed.error.issues.map((issue) => `\`${issue.path.map(String).join('.') || 'the whole'}\``)
    throw wrong(`is not in order at ${[...new Set(keys)].slice(0, 5).join(', ')}: use \`sluice user\` to change it`)
  }
  const names = new Set<string>()
  for (const { name } of parsed.data.users) {
    if (names.has(name)) throw wrong(`names \`${name}\` twice: remove one`)
    names.add(name)
  }
  return parsed.data
}

function isName(text: string): boolean {
  return text.length > 0 && text.length <= NAME_LENGTH && text.trim() === text && !/\p{Cc}/u.test(text)
}

function formatVerifier({ iterations, salt, storedKey, serverKey }: ScramVerifier): string {
  const base64 = (bytes: Buffer) => bytes.toString('base64')
  return `SCRAM-SHA-256$${iterations}:${base64(salt)}$${base64(storedKey)}:${base64(serverKey)}`
}

function parseVerifier(text: string): ScramVerifier {
  const [, iterations, ...keys] = SCRAM.exec(text)!
  const [salt, storedKey, serverKey] = keys.map((key) => Buffer.from(key, 'base64')) as [Buffer, Buffer, Buffer]
  return { iterations: Number(iterations), salt, storedKey, serverKey }
}

function formatNative(password: string): string {
  return `*${nativePasswordVerifier(password).toString('hex').toUpperCase()}`
}
