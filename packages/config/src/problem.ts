import { type Document, isMap, isNode, isPair, isScalar, isSeq, type LineCounter } from 'yaml'

/** A problem by the path of its key; `message` reads on from the key's name. */
export interface Finding {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** A problem in a file, ready to print; lines and columns count from 1. */
export interface Problem {
  readonly file: string
  readonly line: number
  readonly column: number
  /** Lower case, no final period, the offending key in backticks. */
  readonly message: string
}

/** `sluice.yaml:12:5: ...`, as compilers and editors write places. */
export function formatProblem(problem: Problem): string {
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.message}`
}

/** Where the key at `path` stands, or the nearest mapping around it that is there. */
export function placeOf(
  document: Document,
  lines: LineCounter,
  path: readonly PropertyKey[],
): { line: number; column: number } {
  let node: unknown = document.contents
  let offset = isNode(node) ? node.range?.[0] : undefined
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(step),
      )
      if (!pair) break
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(step)]
      if (!isNode(node)) break
      offset = node.range?.[0] ?? offset
    } else break
  }
  const { line, col } = lines.linePos(offset ?? 0)
  return { line: Math.max(1, line), column: Math.max(1, col) }
}
