import type { OutputKind } from '@sluice/parsers'
import type { ColumnOrigin, Mask } from './mask.js'
import type { MaskSet } from './mask-set.js'

const REDACT: Mask = { kind: 'redact' }

/**
 * The mask of each output column, in order; undefined as a whole where none is masked.
 *
 * @param touched does the statement read a relation with masked columns; `unknown` counts as yes
 * @param plainOutput false: what the wire says of a column's origin is not to be trusted (MySQL reports derived tables'
 *   aliases), so that it can add a mask and never save from one. Undefined: the wire is exact (PostgreSQL)
 * @param outputs what the analysis says of the columns, if it can: a safe one that the wire takes for an expression is shown.
 *   Not heard where it counts other columns than the wire
 */
export function planMasks(
  masks: MaskSet,
  touched: 'masked' | 'clean' | 'unknown',
  plainOutput: boolean | undefined,
  origins: readonly ColumnOrigin[],
  outputs?: readonly OutputKind[],
): readonly (Mask | undefined)[] | undefined {
  if (masks.empty) return undefined
  const untrusted = touched !== 'clean'
  const told = outputs?.length === origins.length && plainOutput !== false ? outputs : undefined
  let any = false
  const plan = origins.map((origin, i) => {
    if (origin.kind === 'expression' && told?.[i] === 'safe') return undefined
    const mask = maskOf(masks, untrusted, plainOutput, origin)
    any ||= mask !== undefined
    return mask
  })
  return any ? plan : undefined
}

function maskOf(
  masks: MaskSet,
  untrusted: boolean,
  plainOutput: boolean | undefined,
  origin: ColumnOrigin,
): Mask | undefined {
  switch (origin.kind) {
    case 'unknown':
      // The name of a CTE or derived table, over relations that the analysis knows to have no masked column.
      return plainOutput === false && !untrusted ? undefined : REDACT
    case 'expression':
      return untrusted ? REDACT : undefined
    case 'column': {
      const own = masks.forColumn(origin.schema, origin.table, origin.column)
      // A column that is known to be masked keeps its own look only where it is sure to be that column.
      if (untrusted && plainOutput === false) return own?.kind === 'null' ? own : REDACT
      return own
    }
  }
}
