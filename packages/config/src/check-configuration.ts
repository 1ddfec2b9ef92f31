import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Document, LineCounter, parseDocument } from 'yaml'
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
  /** A problem with a key that was found elsewhere, at the place of the key. */
  locate(key: readonly string[], message: string): Problem
}

/** Reads sluice.yaml and gathers all problems in the order of the file. `files: false` leaves out the files that it names. */
export async function checkConfiguration(
  path: string,
  { files = true }: { files?: boolean } = {},
): Promise<CheckedConfiguration> {
  const file = resolve(path)
  const content = await readYaml(path, file)
  if ('problems' in content) {
    const unlocated = (_: unknown, message: string) => ({ file: path, line: 1, column: 1, message })
    return { configuration: undefined, problems: content.problems, locate: unlocated }
  }
  const { raw, document, lines } = content
  const parsed = shape.safeParse(raw, { reportInput: true })
  const findings = [...(parsed.success ? [] : parsed.error.issues.flatMap(findingsOf)), ...checkTogether(raw)]
  const configuration = parsed.success && findings.length === 0 ? completeConfiguration(file, parsed.data) : undefined
  if (configuration && files) findings.push(...(await checkFiles(configuration)))

  const locate = (key: readonly PropertyKey[], message: string): Problem => {
    const name = key.length === 0 ? 'the file' : `\`${key.map(String).join('.')}\``
    return { file: path, ...placeOf(document, lines, key), message: `${name} ${message}` }
  }
  const problems = findings.map(({ path: key, message }) => locate(key, message))
  problems.sort((a, b) => a.line - b.line || a.column - b.column)
  return { configuration, problems, locate }
}

type Content =
  | { readonly raw: unknown; readonly document: Document; readonly lines: LineCounter }
  | { readonly problems: readonly Problem[] }

async function readYaml(path: string, file: string): Promise<Content> {
  const at = (message: string, line = 1, column = 1): Problem => ({ file: path, line, column, message })
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`
    const message = `the configuration \`${path}\` ${why}: name one with \`--config\` or SLUICE_CONFIG`
    return { problems: [at(message)] }
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const faults = [...document.errors, ...document.warnings].map((fault) => {
    const { line, col } = lines.linePos(fault.pos[0])
    return at(`is not YAML: ${lowerFirst(fault.message)}`, line, col)
  })
  if (faults.length > 0) return { problems: faults }
  try {
    return { raw: withoutEmptySections(document.toJS({ maxAliasCount: 100 })), document, lines }
  } catch (error) {
    return { problems: [at(`is not YAML: ${lowerFirst((error as Error).message)}`)] }
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
