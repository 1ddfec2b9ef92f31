import { createRegistry } from './registry.js'

/** The gateway's metrics. Labels come from the configuration or from closed sets, never from what a client sends. */
export type Metrics = ReturnType<typeof createMetrics>

/** Makes the metrics of a gateway process. */
export function createMetrics() {
  const registry = createRegistry()
  const started = Date.now()
  registry.observed('process_resident_memory_bytes', 'Resident memory.').follow(() => process.memoryUsage.rss())
  registry.observed('process_start_time_seconds', 'When the process started.').follow(() => started / 1000)
  return {
    sessions: registry.observed('sluice_sessions_open', 'Sessions open now.'),
    /** Connections that have not logged in yet. */
    pending: registry.observed('sluice_connections_pending', 'Connections that have not logged in yet.'),
    /** `decision`: `allow` or `deny`. */
    statements: registry.counter('sluice_statements_total', 'Statements by decision.', ['decision']),
    /** `kind`: an `ErrorKind`. */
    refusedLogins: registry.counter('sluice_logins_refused_total', 'Connections refused before login.', ['kind']),
    /** `code`: an `ErrorCode`. */
    upstreamErrors: registry.counter('sluice_upstream_errors_total', 'Servers that failed us.', ['database', 'code']),
    /** `file`: `policy` or `users`; `result`: `ok`, or `failed` where the file was broken. */
    reloads: registry.counter('sluice_reloads_total', 'Reloads of the policy and the users.', ['file', 'result']),
    /** Prometheus text, for `GET /metrics` (`text/plain; version=0.0.4`). */
    render: () => registry.render(),
  }
}
