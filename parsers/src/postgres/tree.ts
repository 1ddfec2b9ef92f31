import type { Fields } from './grammar.js'

/** `{ Kind: fields }`, or undefined where the object is the fields themselves. */
export function unwrap(value: object): [kind: string, fields: Fields] | undefined {
  let only: string | undefined
  for (const key in value) {
    if (only !== undefined) return undefined
    only = key
  }
  if (only === undefined) return undefined
  const first = only.charCodeAt(0)
  return first >= 65 && first <= 90 ? [only, (value as Record<string, Fields>)[only]!] : undefined
}

/** The strings of a list of String nodes (a qualified name); other nodes are left out. */
export function namesOf(list: unknown): string[] {
  if (!Array.isArray(list)) return []
  const names: string[] = []
  for (const item of list as Fields[]) {
    const text = (item.String as Fields | undefined)?.sval
    if (typeof text === 'string') names.push(text)
  }
  return names
}

/** The text of a constant, through casts; undefined for anything else. */
export function constantText(node: Fields | undefined): string | undefined {
  if (!node) return undefined
  if (node.TypeCast) return constantText((node.TypeCast as Fields).arg as Fields)
  const constant = node.A_Const as Fields | undefined
  if (!constant) return undefined
  for (const kind of ['sval', 'ival', 'fval', 'boolval', 'bsval']) {
    const value = constant[kind] as Fields | undefined
    // Zero and false are left out of the tree.
    if (value) return String(Object.values(value)[0] ?? (kind === 'ival' ? 0 : kind === 'boolval' ? false : ''))
  }
  return undefined
}

/** The value of a SET; undefined for RESET, DEFAULT, FROM CURRENT. */
export function settingValue(fields: Fields): string | undefined {
  if (fields.kind !== 'VAR_SET_VALUE') return undefined
  const values = ((fields.args ?? []) as Fields[]).map(constantText)
  return values.includes(undefined) ? undefined : values.join(', ')
}
