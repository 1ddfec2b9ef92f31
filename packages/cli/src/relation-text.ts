import type { RelationName } from '@sluice/parsers'

/** `public.orders`, or `orders` where the statement names no schema. */
export function relationText({ schema, name }: RelationName): string {
  return schema === undefined ? name : `${schema}.${name}`
}
