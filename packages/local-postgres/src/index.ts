export { freePort } from './free-port.js'
export { type LocalPostgres, type LocalPostgresOptions, startLocalPostgres } from './local-postgres.js'
