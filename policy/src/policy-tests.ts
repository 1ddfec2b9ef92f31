/**
 * What a policy is expected to say, in a file beside it:
 *
 *     tests:
 *       - name: analysts see masked e-mail addresses     # left out: the SQL
 *         user: alice
 *         groups: [analysts]                             # left out: those of the users file
 *         database: shop
 *         sql: select email from users
 *         expect: allow                                  # or deny
 *         rule: analysts read the shop                   # left out: any
 *         masks: { users.email: partial }                # left out: any; all masks of the relations, as `explain` names them
 */
import { isNode, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import type { PolicyProblem } from './load-policy.js'
import { suggesting } from './nearest-word.js'

const text = z.string().min(1)

const SHAPE = {
  name: text.optional(),
  user: text,
  groups: z.array(text).optional(),
  database: text,
  sql: text,
  expect: z.enum(['allow', 'deny']),
  rule: text.optional(),
  masks: z.record(text, z.enum(['redact', 'partial', 'email', 'hash', 'null', 'fixed'])).optional(),
}

const EXPECTED: Readonly<Record<string, string>> = {
  tests: 'a list of tests',
  groups: 'a list of groups',
  expect: '`allow` or `deny`',
  masks: 'a mask for each column, such as `{ users.email: partial }`',
}

const FILE = z.strictObject({ tests: z.array(z.strictObject(SHAPE)) })

/** One expectation. */
export type PolicyTest = z.output<typeof FILE>['tests'][number] & { readonly line: number; readonly column: number }

/** Reads a file of expectations; tells all that is wrong with it. */
export function loadPolicyTests(
  yamlText: string,
  fileName: string,
): { readonly tests: readonly PolicyTest[] } | { readonly problems: readonly PolicyProblem[] } {
  const lines = new LineCounter()
  const document = parseDocument(yamlText, { lineCounter: lines, prettyErrors: false })
  const placeAt = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const placeOf = (path: readonly PropertyKey[]) => {
    const node = document.getIn(path, true)
    return placeAt(isNode(node) ? (node.range?.[0] ?? 0) : 0)
  }
  const faults = [...document.errors, ...document.warnings].map(({ pos, message }) => {
    const what = message.charAt(0).toLowerCase() + message.slice(1)
    return { file: fileName, ...placeAt(pos[0]), message: `not valid YAML: ${what}` }
  })
  if (faults.length > 0) return { problems: faults }
  // `null` is a word of YAML's own, and here the name of a mask.
  const parsed = FILE.safeParse(
    document.toJS({ maxAliasCount: 100, reviver: (_, value) => (value === null ? 'null' : value) }),
  )
  if (parsed.success) {
    return { tests: parsed.data.tests.map((test, index) => ({ ...test, ...placeOf(['tests', index]) })) }
  }
  const problems = parsed.error.issues.flatMap((issue) => {
    const place = placeOf(document.hasIn(issue.path) ? issue.path : issue.path.slice(0, -1))
    return messagesOf(issue).map((message) => ({ file: fileName, ...place, message }))
  })
  return { problems }
}

function messagesOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') {
    const known = issue.path.length === 0 ? ['tests'] : Object.keys(SHAPE)
    return issue.keys.map((key) => suggesting(`unknown key \`${key}\``, key, known))
  }
  const key = issue.path.findLast((step) => typeof step === 'string' && (step in EXPECTED || step in SHAPE))
  const expected = EXPECTED[String(key ?? 'tests')] ?? 'a text'
  return [`${key === undefined ? 'the file' : `\`${String(key)}\``} must be ${expected}`]
}
