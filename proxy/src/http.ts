import { createServer, type Server } from 'node:http'
import type { Metrics } from '@sluice/telemetry'
import type { GatewayServices } from './gateway-services.js'

/** The HTTP door: `/healthz` for those who ask whether the gateway is up, `/metrics` for Prometheus. Serves no data. */
export function startHttp(services: GatewayServices, metrics: Metrics): Server {
  return createServer(
    { headersTimeout: 5_000, requestTimeout: 5_000, maxHeaderSize: 8 * 1024 },
    (request, response) => {
      const path = request.url?.split('?')[0]
      if (request.method !== 'GET') {
        response.writeHead(405, { allow: 'GET' }).end()
      } else if (path === '/healthz') {
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(`${JSON.stringify({ status: 'ok', sessions: services.sessions.size })}\n`)
      } else if (path === '/metrics') {
        response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(metrics.render())
      } else {
        response.writeHead(404, { 'content-type': 'text/plain' }).end('not found: try /healthz or /metrics\n')
      }
    },
  ).on('connection', (socket) => socket.on('error', () => {}))
}
