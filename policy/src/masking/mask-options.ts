/** What makers of maskers need besides the mask. */
export interface MaskOptions {
  /** Key of `hash`: the same value gives the same hash under one key, and none can be tried out without it. */
  readonly hashKey: Buffer
}
