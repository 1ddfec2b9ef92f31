/** Capability flags, as both ends announce them. Manual: "Capabilities Flags"; the sets are unsigned 32-bit numbers. */
export const CAPABILITY = {
  /** MySQL: CLIENT_LONG_PASSWORD. MariaDB: CLIENT_MYSQL; a server or client that clears it announces MariaDB's own flags. */
  mysql: 2 ** 0,
  foundRows: 2 ** 1,
  longFlag: 2 ** 2,
  connectWithDatabase: 2 ** 3,
  noSchema: 2 ** 4,
  compress: 2 ** 5,
  odbc: 2 ** 6,
  localFiles: 2 ** 7,
  ignoreSpace: 2 ** 8,
  protocol41: 2 ** 9,
  interactive: 2 ** 10,
  ssl: 2 ** 11,
  ignoreSigpipe: 2 ** 12,
  transactions: 2 ** 13,
  /** Bit 14, once CLIENT_PROTOCOL_41: without meaning. */
  reserved: 2 ** 14,
  secureConnection: 2 ** 15,
  multiStatements: 2 ** 16,
  multiResults: 2 ** 17,
  preparedMultiResults: 2 ** 18,
  pluginAuth: 2 ** 19,
  connectAttributes: 2 ** 20,
  pluginAuthLengthEncoded: 2 ** 21,
  expiredPasswords: 2 ** 22,
  sessionTrack: 2 ** 23,
  deprecateEof: 2 ** 24,
  optionalResultMetadata: 2 ** 25,
  zstd: 2 ** 26,
  queryAttributes: 2 ** 27,
  multiFactorAuthentication: 2 ** 28,
  capabilityExtension: 2 ** 29,
  sslVerifyServerCertificate: 2 ** 30,
  rememberOptions: 2 ** 31,
} as const

export type CapabilityName = keyof typeof CAPABILITY

/** MariaDB's extended flags (its bits 32 and up), in the greeting's and the response's once reserved bytes. */
export const MARIADB_CAPABILITY = {
  progress: 2 ** 0,
  comMulti: 2 ** 1,
  bulkOperations: 2 ** 2,
  extendedMetadata: 2 ** 3,
  cacheMetadata: 2 ** 4,
  bulkUnitResults: 2 ** 5,
} as const

/** Whether a set of flags has this one. Arithmetic on bit 31 makes JavaScript's numbers negative, so sets are tested here. */
export function hasCapability(set: number, flag: number): boolean {
  return (set & flag) !== 0
}

/** The union of flags, unsigned. */
export function capabilities(...flags: readonly number[]): number {
  return flags.reduce((set, flag) => set | flag, 0) >>> 0
}

/** What is in both sets, unsigned. */
export function commonCapabilities(a: number, b: number): number {
  return (a & b) >>> 0
}

/** What is in the first set alone, unsigned. */
export function withoutCapabilities(set: number, flags: number): number {
  return (set & ~flags) >>> 0
}

/** The names of the flags of a set, for messages. */
export function capabilityNames(set: number): CapabilityName[] {
  return (Object.keys(CAPABILITY) as CapabilityName[]).filter((name) => hasCapability(set, CAPABILITY[name]))
}
