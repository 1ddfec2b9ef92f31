/** The keys of sluice.yaml, what each may hold, and the defaults. Every message reads on from the key's name. */
import * as z from 'zod'
import { parseAddress, parseDuration, parseSize } from './quantity.js'

const MINUTE = 60_000
const MB = 1024 ** 2
// Node's timers end here.
const LONGEST_TIMER = 24 * 24 * 60 * MINUTE

/** Shows a scalar in a message; nothing else, and not much of it. */
function shown(raw: unknown): string {
  if (raw === null) return ', but is empty'
  if (typeof raw === 'object') return Array.isArray(raw) ? ', not a list' : ', not a mapping'
  return `, not \`${String(raw).slice(0, 60)}\``
}

/** A key with a plain value. `parse` returns undefined for what the key cannot hold. */
function value<T>(expected: string, parse: (raw: unknown) => T | undefined, show = shown) {
  return z.unknown().transform((raw, context): T => {
    const parsed = raw === undefined ? undefined : parse(raw)
    if (parsed !== undefined) return parsed
    const message = raw === undefined ? `is missing: it must be ${expected}` : `must be ${expected}${show(raw)}`
    context.issues.push({ code: 'custom', message, input: undefined })
    return z.NEVER
  })
}

const text = (expected: string) => value(expected, (raw) => (typeof raw === 'string' && raw !== '' ? raw : undefined))
const path = (what: string) => text(`the path of ${what}`)
const flag = value('`true` or `false`', (raw) => (typeof raw === 'boolean' ? raw : undefined))

function oneOf<const T extends string>(...words: T[]) {
  const list = `${words
    .slice(0, -1)
    .map((word) => `\`${word}\``)
    .join(', ')} or \`${words.at(-1)}\``
  return value(list, (raw) => words.find((word) => word === raw))
}

function count(least: number, most: number) {
  return value(`a whole number from ${least} to ${most}`, (raw) =>
    typeof raw === 'number' && Number.isInteger(raw) && raw >= least && raw <= most ? raw : undefined,
  )
}

function size(least: number, most: number, expected: string) {
  return value(`a size ${expected}, such as \`64MB\``, (raw) => {
    const bytes = parseSize(raw)
    return bytes !== undefined && bytes >= least && bytes <= most ? bytes : undefined
  })
}

function duration(least: number, most: number, expected: string) {
  return value(`a duration ${expected}, such as \`10s\` or \`5m\``, (raw) => {
    const milliseconds = parseDuration(raw)
    return milliseconds !== undefined && milliseconds >= least && milliseconds <= most ? milliseconds : undefined
  })
}

const bind = value('an address such as `127.0.0.1:6432` (or a port alone, on 127.0.0.1)', (raw) =>
  parseAddress(raw, { host: '127.0.0.1' }),
)

/** Keys of the contract that this version cannot serve yet. */
function notYet(instead: string) {
  return z
    .unknown()
    .refine(() => false, { error: `is not supported by this version yet: ${instead}` })
    .optional()
}

const database = z.strictObject({
  dialect: oneOf('postgres', 'mysql'),
  address: value('the address of the server, such as `db.internal:5432`', (raw) =>
    typeof raw === 'string' && parseAddress(raw, { port: 1 })?.port ? raw : undefined,
  ),
  database: text('the name of the database on the server').optional(),
  credential: text('the name of a credential in the vault'),
  tls: oneOf('off', 'require', 'verify-ca', 'verify-full').default('verify-full'),
  ca: path('a PEM file with certificate authorities').optional(),
})

const limits = z.strictObject({
  message: size(64 * 1024, 1024 * MB, 'from `64kB` to `1GB`').default(64 * MB),
  sessions: count(1, 100_000).default(500),
  sessionsPerUser: count(1, 100_000).default(100),
  unauthenticated: count(1, 100_000).default(100),
  idle: value('a duration from `1s` to `24d`, or `off`', (raw) => {
    if (raw === 'off') return 'off' as const
    const milliseconds = parseDuration(raw)
    return milliseconds !== undefined && milliseconds >= 1000 && milliseconds <= LONGEST_TIMER
      ? milliseconds
      : undefined
  }).default(8 * 60 * MINUTE),
  handshake: duration(1000, 5 * MINUTE, 'from `1s` to `5m`').default(10_000),
  handshakeBytes: size(4 * 1024, MB, 'from `4kB` to `1MB`').default(64 * 1024),
  connect: duration(100, 5 * MINUTE, 'from `100ms` to `5m`').default(10_000),
  queue: size(64 * 1024, 256 * MB, 'from `64kB` to `256MB`').default(MB),
  drain: duration(0, 60 * MINUTE, 'from `0s` to `1h`').default(30_000),
})

/** sluice.yaml. What two keys say together is checked in `together.ts`. */
export const shape = z.strictObject({
  listen: z.strictObject({ postgres: bind.optional(), mysql: bind.optional(), http: bind.optional() }),
  tls: z
    .strictObject({
      certificate: path('a PEM file with the certificate and its chain'),
      key: path('a PEM file with the private key'),
      clientCa: path('a PEM file with certificate authorities').optional(),
      require: flag.default(true),
    })
    .optional(),
  databases: z.record(z.string(), database),
  vault: z.union([
    z.literal('env'),
    z.strictObject({
      file: path('the vault').optional(),
      keyFile: path("the vault's key").optional(),
      hashicorp: notYet('keep credentials in a vault file (`vault: { file, keyFile }`) or in `vault: env`'),
    }),
  ]),
  identity: z.strictObject({
    users: path('the users file (`sluice user add` writes it)'),
    oidc: notYet('add local users with `sluice user add`'),
    saml: notYet('add local users with `sluice user add`'),
  }),
  policy: path('the policy file'),
  recorder: z.strictObject({
    redis: value(
      'a URL such as `redis://127.0.0.1:6379`',
      (raw) => (typeof raw === 'string' && isRedis(raw) ? raw : undefined),
      () => '', // it may hold a password
    ).optional(),
    journal: path('a folder for the recordings').optional(),
    spool: path('a folder for what Redis cannot take').default('spool'),
    sealKey: path('the key that seals sessions').default('seal.key'),
    durability: oneOf('strict', 'relaxed').default('strict'),
    results: z.strictObject({ rows: count(0, 1_000_000).default(100) }).prefault({}),
  }),
  limits: limits.prefault({}),
  workers: value('1: more processes are not supported by this version yet', (raw) =>
    raw === 1 ? (1 as const) : undefined,
  ).default(1),
})

export type Shape = z.output<typeof shape>

function isRedis(raw: string): boolean {
  return URL.canParse(raw) && /^rediss?:$/.test(new URL(raw).protocol) && new URL(raw).hostname !== ''
}

/** The keys that may stand at `path`, without those of later versions. Empty where any may. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  let schema: z.core.$ZodType | undefined = shape
  for (const step of [...path, undefined]) {
    while (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
      schema = schema.def.innerType
    }
    if (schema instanceof z.ZodUnion) schema = schema.options.find((option) => option instanceof z.ZodObject)
    if (step === undefined) break
    if (schema instanceof z.ZodObject) schema = (schema.shape as Record<string, z.core.$ZodType>)[String(step)]
    else if (schema instanceof z.ZodRecord) schema = schema.def.valueType
    else return []
  }
  if (!(schema instanceof z.ZodObject)) return []
  return Object.keys(schema.shape).filter((key) => key !== 'hashicorp' && key !== 'oidc' && key !== 'saml')
}
