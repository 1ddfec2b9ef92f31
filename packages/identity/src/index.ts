export {
  cachingSha2Digest,
  cachingSha2Response,
  checkCachingSha2,
  decryptPassword,
  encryptPassword,
} from './caching-sha2.js'
export { checkNativePassword, nativePasswordResponse, nativePasswordVerifier } from './native-password.js'
export { openUserDirectory } from './open-user-directory.js'
export { deriveScramVerifier, SCRAM_ITERATIONS, type ScramMechanism, verifyPassword } from './scram.js'
export { ScramClient, type ScramClientOptions } from './scram-client.js'
export { ScramServer, type ScramServerOptions } from './scram-server.js'
export {
  createUserDirectory,
  type ReplaceableUserDirectory,
  type ScramVerifier,
  type UserDirectory,
  type UserRecord,
} from './user-directory.js'
export {
  addUser,
  listUsers,
  type NewUser,
  parseUsers,
  readUsers,
  removeUser,
  type UserSummary,
  type Users,
} from './users-file.js'
