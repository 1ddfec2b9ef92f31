import { z } from 'zod'
import { compileCondition } from './condition.js'
import { parseNamePattern } from './name-pattern.js'
import { suggesting } from './nearest-word.js'
import { parseMask } from './parse-mask.js'
import { CLASS_WORDS, VERB_WORDS } from './verbs.js'

/** The shape of policy.yaml. What one value says is checked here, what values say together in `load-policy.ts`. */

/** `{ error }` texts of zod are replaced by our own where a person would not understand them. */
const text = z
  .string({ error: (issue) => (issue.input === undefined ? undefined : 'expected a text') })
  .min(1, { error: 'must not be empty' })

function pattern(most: number, least = 1) {
  return text.superRefine((source, context) => {
    const parsed = parseNamePattern(source, most)
    if (typeof parsed === 'string') context.addIssue({ code: 'custom', message: parsed })
    else if (parsed.parts.length < least)
      context.addIssue({ code: 'custom', message: `\`${source}\` names no table; write \`*.${source}\` for any table` })
  })
}

/** One or several; a lone word may stand without its brackets. */
function some<T extends z.ZodType>(item: T) {
  return z
    .array(item, { error: 'expected a list' })
    .min(1, { error: 'must name at least one; leave the key out for all' })
}

/** A user, group or database: one name in which dots are ordinary characters. */
const plainName = text

const verb = text.superRefine((word, context) => {
  if (VERB_WORDS.has(word) || (CLASS_WORDS as readonly string[]).includes(word)) return
  context.addIssue({
    code: 'custom',
    message: suggesting(`unknown verb or class \`${word}\``, word, [...CLASS_WORDS, ...VERB_WORDS]),
  })
})

const who = z.strictObject({ users: some(plainName).optional(), groups: some(plainName).optional() })

const duration = text.superRefine((value, context) => {
  if (parseDuration(value) === undefined)
    context.addIssue({
      code: 'custom',
      message: `\`${value}\` is not a time; write \`30s\`, \`10m\`, \`2h\` or \`1d\``,
    })
})

const approvers = z.strictObject({
  users: some(plainName).optional(),
  groups: some(plainName).optional(),
  count: z.int({ error: 'expected a whole number' }).min(1, { error: 'must be at least 1' }).optional(),
  within: duration.optional(),
})

const masks = z
  .record(z.string(), z.unknown(), { error: 'expected `table.column: mask` pairs' })
  .superRefine((given, context) => {
    if (Object.keys(given).length === 0) context.addIssue({ code: 'custom', message: 'must name at least one column' })
    for (const [column, value] of Object.entries(given)) {
      const name = pattern(3, 2).safeParse(column)
      for (const issue of name.error?.issues ?? [])
        context.addIssue({ code: 'custom', message: issue.message, path: [column], params: { ofKey: true } })
      const mask = parseMask(value)
      if (typeof mask === 'string') context.addIssue({ code: 'custom', message: mask, path: [column] })
    }
  })

const condition = text.superRefine((source, context) => {
  const compiled = compileCondition(source)
  if (typeof compiled === 'string') context.addIssue({ code: 'custom', message: compiled })
})

const RULE = z.strictObject({
  name: text,
  for: who.optional(),
  except: who.optional(),
  on: z
    .strictObject({
      databases: some(plainName).optional(),
      tables: some(pattern(2)).optional(),
      functions: some(pattern(2)).optional(),
    })
    .optional(),
  allow: some(verb).optional(),
  deny: some(verb).optional(),
  approve: some(verb).optional(),
  by: approvers.optional(),
  mask: masks.optional(),
  when: condition.optional(),
})

export const POLICY_FILE = z.strictObject({ rules: z.array(RULE, { error: 'expected a list of rules' }) })

export type PolicyFileRule = z.infer<typeof RULE>

/** Valid keys by the name of the key that holds them (`''`: the whole file), for corrections of mistyped ones. */
export const KEYS: Record<string, readonly string[]> = {
  '': ['rules'],
  rules: Object.keys(RULE.shape),
  for: Object.keys(who.shape),
  except: Object.keys(who.shape),
  on: ['databases', 'tables', 'functions'],
  by: Object.keys(approvers.shape),
}

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `10m` to milliseconds. */
export function parseDuration(value: string): number | undefined {
  const found = /^([1-9]\d{0,5})([smhd])$/.exec(value)
  return found === null ? undefined : Number(found[1]) * (UNITS[found[2] as string] as number)
}
