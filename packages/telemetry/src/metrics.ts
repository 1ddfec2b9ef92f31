import { createRegistry } from './registry.js'

/** The gateway's metrics. Labels come from the configuration or from closed sets, never from what a client sends. */
export type Metrics = ReturnType<typeof createMetrics>

/** Makes all metrics of a gateway process, at zero. */
export function createMetrics() {
  const registry = createRegistry()
  const started = Date.now()
  registry.observed('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss())
  registry.observed('process_start_time_seconds', 'When the process started.', () => started / 1000)
  return {
    /** Connections that have not logged in yet. */
    connectionsPending: registry
      .gauge('sluice_connections_pending', 'Connections that have not logged in yet.')
      .with({}),
    sessionsOpen: registry.gauge('sluice_sessions_open', 'Sessions open now.', ['dialect', 'database']),
    sessions: registry.counter('sluice_sessions_total', 'Sessions since the start.', ['dialect', 'database']),
    /** `result`: `ok` or the code of the error. */
    logins: registry.counter('sluice_logins_total', 'Logins by their result.', ['dialect', 'result']),
    /** `decision`: allow or deny. */
    statements: registry.counter('sluice_statements_total', 'Statements by decision.', ['dialect', 'decision']),
    /** `code`: an `ErrorCode`; `kind`: its `ErrorKind`. */
    refusals: registry.counter('sluice_refusals_total', 'Statements and connections refused, by cause.', [
      'kind',
      'code',
    ]),
    /** `direction`: `client` (towards the client) or `server`. */
    bytes: registry.counter('sluice_bytes_total', 'Bytes passed on.', ['dialect', 'direction']),
    upstreamErrors: registry.counter('sluice_upstream_errors_total', 'Servers that failed us, by cause.', [
      'database',
      'code',
    ]),
    /** 1 while the store takes what is recorded. */
    recorderUp: registry.gauge('sluice_recorder_up', 'Whether the recorder’s store answers.').with({}),
    /** Times a file was taken over (`ok`) or found broken (`failed`). `file`: policy or users. */
    reloads: registry.counter('sluice_reloads_total', 'Reloads of the policy and users files.', ['file', 'result']),
    /** Prometheus text, for `GET /metrics` (`text/plain; version=0.0.4`). */
    render: () => registry.render(),
  }
}
