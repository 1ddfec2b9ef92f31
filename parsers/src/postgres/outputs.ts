/**
 * Which output columns of a SELECT hold nothing of any column: constants, parameters, `count(...)`, the time, and arithmetic,
 * comparisons and casts over these.
 */
import type { OutputKind } from '../facts.js'
import type { Fields } from './grammar.js'
import { namesOf } from './tree.js'

/** Undefined where the columns cannot be counted (a star, a set operation, VALUES), or none is safe. */
export function outputsOf(select: Fields): readonly OutputKind[] | undefined {
  const { op, withClause, intoClause, targetList } = select
  if (op !== 'SETOP_NONE' || withClause || intoClause || !targetList) return undefined
  if (holds(targetList, 'A_Star')) return undefined
  const outputs = (targetList as Fields[]).map((item): OutputKind => {
    const value = (item.ResTarget as Fields | undefined)?.val
    return value !== undefined && typeOf(value as Fields) !== undefined ? 'safe' : 'other'
  })
  return outputs.includes('safe') ? outputs : undefined
}

/**
 * `number`: an operator over such values is the server's own; `value`: may be shown, but no operator is taken for the server's
 * own, since users make operators for other types. Undefined: may hold anything.
 */
type SafeType = 'number' | 'value' | undefined

function typeOf(node: Fields): SafeType {
  const constant = node.A_Const as Fields | undefined
  if (constant) return constant.ival || constant.fval ? 'number' : 'value'
  if (node.ParamRef) return 'value'
  if (node.SQLValueFunction) return TIMES.has(String((node.SQLValueFunction as Fields).op)) ? 'value' : undefined
  if (node.FuncCall) return typeOfCall(node.FuncCall as Fields)
  if (node.TypeCast) return typeOfCast(node.TypeCast as Fields)
  if (node.A_Expr) return typeOfOperation(node.A_Expr as Fields)
  return undefined
}

function typeOfCall(call: Fields): SafeType {
  const names = namesOf(call.funcname)
  if (names.length > 2 || (names.length === 2 && names[0] !== 'pg_catalog')) return undefined
  if (call.over || call.agg_within_group || call.func_variadic) return undefined
  const name = names.at(-1)!
  // A user's own function of this name is the catalog's to know: it is among the statement's functions.
  if (name === 'count') return call.args || call.agg_star ? (holds(call, 'SubLink') ? undefined : 'number') : undefined
  return CONSTANT_FUNCTIONS.has(name) && !call.args && !call.agg_filter && !call.agg_star ? 'value' : undefined
}

function typeOfCast(cast: Fields): SafeType {
  const type = cast.typeName as Fields | undefined
  const from = typeOf((cast.arg ?? {}) as Fields)
  if (!type || from === undefined || type.arrayBounds || type.setof || type.pct_type) return undefined
  const names = namesOf(type.names)
  if (names.length > 2 || (names.length === 2 && names[0] !== 'pg_catalog')) return undefined
  const name = names.at(-1)!
  if (NUMBERS.has(name)) return 'number'
  return PLAIN_TYPES.has(name) ? 'value' : undefined
}

function typeOfOperation(operation: Fields): SafeType {
  const names = namesOf(operation.name)
  if (operation.kind !== 'AEXPR_OP') return undefined
  if (names.length > 2 || (names.length === 2 && names[0] !== 'pg_catalog')) return undefined
  const name = names.at(-1)!
  const sides = [operation.lexpr, operation.rexpr].filter((side) => side !== undefined)
  if (sides.some((side) => Array.isArray(side) || typeOf(side as Fields) !== 'number')) return undefined
  if (ARITHMETIC.has(name)) return 'number'
  return sides.length === 2 && COMPARISONS.has(name) ? 'value' : undefined
}

const TIMES: ReadonlySet<string> = new Set(
  `SVFOP_CURRENT_DATE SVFOP_CURRENT_TIME SVFOP_CURRENT_TIME_N SVFOP_CURRENT_TIMESTAMP SVFOP_CURRENT_TIMESTAMP_N SVFOP_LOCALTIME
   SVFOP_LOCALTIME_N SVFOP_LOCALTIMESTAMP SVFOP_LOCALTIMESTAMP_N`.split(/\s+/),
)
const CONSTANT_FUNCTIONS: ReadonlySet<string> = new Set([
  'now',
  'statement_timestamp',
  'transaction_timestamp',
  'version',
])
const NUMBERS: ReadonlySet<string> = new Set(['int2', 'int4', 'int8', 'float4', 'float8', 'numeric'])
const PLAIN_TYPES: ReadonlySet<string> = new Set([
  ...['text', 'varchar', 'bpchar', 'bool', 'date', 'time', 'timetz', 'timestamp', 'timestamptz', 'interval', 'uuid'],
])
const ARITHMETIC: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%'])
const COMPARISONS: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>='])

function holds(value: unknown, kind: string): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (kind in value) return true
  for (const key in value) if (holds((value as Record<string, unknown>)[key], kind)) return true
  return false
}
