export { type FollowedFile, followFile } from '@sluice/domain'
export { type CheckedConfiguration, checkConfiguration } from './check-configuration.js'
export type {
  Address,
  Configuration,
  DatabaseConfiguration,
  Limits,
  ListenConfiguration,
  RecorderConfiguration,
  TlsConfiguration,
  UpstreamTls,
  VaultConfiguration,
} from './configuration.js'
export { loadConfiguration } from './load-configuration.js'
export { formatProblem, type Problem } from './problem.js'
