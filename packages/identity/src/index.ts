export type { ScramVerifier, UserDirectory, UserRecord } from './user-directory.js'
