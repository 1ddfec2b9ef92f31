import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { checkFiles } from './check-files.js'
import { completeConfiguration } from './complete.js'
import type { Configuration } from './configuration.js'
import { nearest } from './nearest.js'
import { type Finding, type Problem, placeOf } from './problem.js'
import { keysAt, shape } from './shape.js'
import { checkTogether } from './together.js'

/** `configuration` is there if the file itself has no problem; the files that it names may still have some. */
export interface CheckedConfiguration {
  readonly configuration: Configuration | undefined
  readonly problems: readonly Problem[]
}

/** Reads sluice.yaml and gathers all problems in the order of the file. `files: false` leaves out the files that it names. */
export async function checkConfiguration(
  path: string,
  { files = true }: { files?: boolean } = {},
): Promise<CheckedConfiguration> {
  const file = resolve(path)
  const at = (message: string, place = { line: 1, column: 1 }): Problem => ({ file: path, ...place, message })
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const why =
      (error as NodeJS.ErrnoException).code === 'ENOENT'
        ? 'does not exist'
        : `cannot be read (${(error as NodeJS.ErrnoException).code})`
    const message = `the configuration \`${path}\` ${why}: name one with \`--config\` or SLUICE_CONFIG`
    return { configuration: undefined, problems: [at(message)] }
  }

  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const faults = [...document.errors, ...document.warnings]
  if (faults.length > 0) {
    const problems = faults.map((fault) => {
      const { line, col } = lines.linePos(fault.pos[0])
      return at(`is not YAML: ${lowerFirst(fault.message)}`, { line, column: col })
    })
    return { configuration: undefined, problems }
  }

  const raw = read(() => withoutEmptySections(document.toJS({ maxAliasCount: 100 })))
  if (raw instanceof Error)
    return { configuration: undefined, problems: [at(`is not YAML: ${lowerFirst(raw.message)}`)] }
  const parsed = shape.safeParse(raw, { reportInput: true })
  const findings = [...(parsed.success ? [] : parsed.error.issues.flatMap(findingsOf)), ...checkTogether(raw)]
  const configuration = parsed.success && findings.length === 0 ? completeConfiguration(file, parsed.data) : undefined
  if (configuration && files) findings.push(...(await checkFiles(configuration)))

  const problems = findings.map(({ path: keys, message }) => {
    const name = keys.length === 0 ? 'the file' : `\`${keys.map(String).join('.')}\``
    return at(`${name} ${message}`, placeOf(document, lines, keys))
  })
  problems.sort((a, b) => a.line - b.line || a.column - b.column)
  return { configuration, problems }
}

function read(parse: () => unknown): unknown {
  try {
    return parse()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** A section whose keys are all commented out reads as null and means that there is none. */
function withoutEmptySections(raw: unknown): unknown {
  if (raw === null) return {}
  if (typeof raw !== 'object' || Array.isArray(raw)) return raw
  return Object.fromEntries(Object.entries(raw).filter(([, section]) => section !== null))
}

type Issue = NonNullable<ReturnType<typeof shape.safeParse>['error']>['issues'][number]

function findingsOf(issue: Issue): Finding[] {
  const { path } = issue
  switch (issue.code) {
    case 'custom':
      return [{ path, message: issue.message }]
    case 'unrecognized_keys':
      return issue.keys.map((key) => {
        const known = keysAt(path)
        const near = nearest(key, known)
        const hint =
          near === undefined ? `known are ${known.map((k) => `\`${k}\``).join(', ')}` : `did you mean \`${near}\`?`
        return { path: [...path, key], message: `is not a key of this file: ${hint}` }
      })
    case 'invalid_union': {
      // The alternatives of `vault`: a word, or a mapping with problems of its own.
      const within = issue.errors.find((issues) =>
        issues.every((each) => each.code !== 'invalid_type' && each.code !== 'invalid_value'),
      )
      if (within) return within.flatMap((each) => findingsOf({ ...each, path: [...path, ...each.path] } as Issue))
      return [{ path, message: describe(issue.input, 'must be `{ file, keyFile }` or `env`') }]
    }
    default:
      return [
        {
          path,
          message: describe(
            issue.input,
            `must be a mapping: ${
              keysAt(path)
                .slice(0, 3)
                .map((k) => `\`${k}\``)
                .join(', ') || 'names'
            }, ...`,
          ),
        },
      ]
  }
}

function describe(input: unknown, expectation: string): string {
  return input === undefined ? `is missing: it ${expectation}` : expectation
}

function lowerFirst(text: string): string {
  const line = text.split('\n', 1)[0]!
  return (line.charAt(0).toLowerCase() + line.slice(1)).replace(/[.:]$/, '')
}
