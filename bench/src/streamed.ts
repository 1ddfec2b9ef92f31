import type { Work } from './measure-cell.js'
import type { Route } from './route.js'

/** A large result as it came from the wire. */
export interface Streamed {
  readonly rows: number
  readonly seconds: number
  /** The first row's message, header and all. */
  readonly firstRow: Buffer
}

const PLAIN_EMAIL = /person\.\d+@mail\.example/

/** The work done, once it is known that it was done: a short result, or one that was not masked, would look fast. */
export function workOf(
  route: Route,
  streamed: Streamed,
  expected: { readonly rows: number; readonly email: boolean },
): Work {
  const { rows, seconds } = streamed
  if (rows !== expected.rows) throw new Error(`${rows} rows came by ${route.name}, not ${expected.rows}`)
  const plain = PLAIN_EMAIL.test(streamed.firstRow.toString('latin1'))
  if (expected.email && plain === route.name.startsWith('sluice')) {
    throw new Error(`the e-mail came ${plain ? 'un' : ''}masked by ${route.name}`)
  }
  return { units: rows, seconds }
}

/** Does it again and again for some seconds, once at least. */
export async function forSeconds(seconds: number, once: () => Promise<Work>): Promise<Work> {
  let units = 0
  let spent = 0
  do {
    const work = await once()
    units += work.units
    spent += work.seconds
  } while (spent < seconds)
  return { units, seconds: spent }
}
