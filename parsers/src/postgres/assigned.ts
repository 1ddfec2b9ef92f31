import type { Fields } from './grammar.js'
import { namesOf } from './tree.js'

const WHOLE_ROW = '*'

/**
 * The columns of the changed relation that the values of SET may come from; `*` for its whole row.
 *
 * @param target the changed relation (a RangeVar)
 * @param list the SET list, or anything that holds expressions
 */
export function assignedFrom(target: unknown, list: unknown): string[] {
  const { relname, alias } = target as Fields
  const columns = new Set<string>()
  gather(list, String((alias as Fields | undefined)?.aliasname ?? relname), columns)
  return [...columns]
}

function gather(value: unknown, target: string, columns: Set<string>): void {
  if (typeof value !== 'object' || value === null) return
  for (const key in value) {
    const inner = (value as Fields)[key]
    if (key === 'ColumnRef') note((inner as Fields).fields as unknown[], target, columns)
    else gather(inner, target, columns)
  }
}

function note(fields: readonly unknown[], target: string, columns: Set<string>): void {
  const names = namesOf(fields)
  const qualifiers = names.length === fields.length ? names.slice(0, -1) : names
  // `x.name` of another relation is that relation's affair; so is EXCLUDED, which the client itself sent.
  if (qualifiers.length > 0 && !names.includes(target)) return
  // A star has no name; a relation's name alone is its row.
  const column = names.length < fields.length ? undefined : names.at(-1)
  columns.add(column === undefined || column === target ? WHOLE_ROW : column)
}
