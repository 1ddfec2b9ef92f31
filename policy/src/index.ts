export type { Decision, Request } from './decision.js'
export type { ColumnOrigin, Mask, ValueMasker } from './mask.js'
