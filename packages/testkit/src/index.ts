export { freePort } from '@sluice/local-postgres'
export { type Certificates, makeCertificates } from './certificates.js'
export { runClient } from './client-program.js'
export { type Flavour, type MysqlTestServer, startMysql } from './mysql-server.js'
export { startPostgres, type TestServer } from './postgres-server.js'
export { findProgram, needProgram } from './programs.js'
export { type RedisTestServer, startRedis } from './redis-server.js'
export { type ServerProcess, serverUser, startProcess, whenListening } from './server-process.js'
export {
  type CommandResult,
  readFrom,
  runSluice,
  type SluiceProcess,
  startSluice,
  type TestUser,
} from './sluice-process.js'
export { SLUICE, temporaryFolder } from './workspace.js'
