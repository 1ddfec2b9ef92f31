import type { Socket } from 'node:net'
import type { Configuration } from '@sluice/config'
import type { Dialect, Identity, SluiceError } from '@sluice/domain'
import type { Analyser } from '@sluice/parsers'
import type { Decision, Policy } from '@sluice/policy'
import type { Recorder } from '@sluice/recorder'
import type { Logger } from '@sluice/telemetry'
import type { Database } from './database.js'
import type { LoginServices } from './protocol.js'
import type { Sessions } from './sessions.js'

/** What every connection of this process shares; made once, by `startGateway`. */
export interface GatewayServices {
  readonly configuration: Configuration
  readonly log: Logger
  readonly sessions: Sessions
  readonly analyser: Analyser
  readonly recorder: Recorder
  readonly databases: ReadonlyMap<string, Database>
  readonly policy: () => Policy
  readonly maskOptions: { readonly hashKey: Buffer }
  readonly loginServices: (dialect: Dialect, connectionId: number) => LoginServices
  /** MySQL's USE: the configured database for a schema on the same server, if the identity may enter it. */
  readonly databaseOf: (identity: Identity, current: Database, schema: string) => Database | undefined
  readonly onAuthenticated: (socket: Socket) => void
  /** `database` as the client named it, which may be none of ours. */
  readonly onRefusedLogin: (error: SluiceError, database?: string) => void
  readonly onDecision: (decision: Decision) => void
}
