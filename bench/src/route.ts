/** A way to a server: straight, or through something whose cost we want to know. */
export interface Route {
  readonly name: RouteName
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  /** The process in between; undefined where there is none. */
  readonly pid: number | undefined
}

export const ROUTE_NAMES = ['direct', 'bare relay', 'pgbouncer', 'sluice strict', 'sluice relaxed'] as const

export type RouteName = (typeof ROUTE_NAMES)[number]

/** A server with what measures it: all routes to it, and the processes behind every route. */
export interface Bed {
  readonly routes: readonly Route[]
  /** The database server's first process and Redis; undefined where they are in a container. */
  readonly serverPid: number | undefined
  readonly redisPid: number | undefined
}
