import { freePort } from '@sluice/local-postgres'
import { dockerAnswers } from './docker.js'
import { needProgram } from './programs.js'
import { startProcess, whenListening } from './server-process.js'
import { temporaryFolder } from './workspace.js'

/** A real Redis of the tests' own, with an append-only file, so that a restart keeps what was acknowledged. */
export interface RedisTestServer {
  readonly url: string
  readonly port: number
  stop(): Promise<void>
  /** Starts it again on the same port with the same data; only for a Redis that is a process here. */
  restart(): Promise<void>
}

/** From the program on PATH or in SLUICE_TEST_REDIS_SERVER, else from Docker, else from apt. */
export async function startRedis(): Promise<RedisTestServer> {
  if (!process.env.SLUICE_TEST_REDIS_SERVER && (await dockerAnswers())) return fromDocker()
  const program = await needProgram('redis-server', 'redis-server', 'SLUICE_TEST_REDIS_SERVER')
  const port = await freePort()
  const folder = temporaryFolder('redis')
  const start = async () => {
    const server = startProcess(program, [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--save',
      '',
      '--appendonly',
      'yes',
      '--appendfsync',
      'always',
    ])
    await whenListening(port, server)
    return server
  }
  let server = await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    stop: () => server.stop(),
    restart: async () => {
      await server.stop()
      server = await start()
    },
  }
}

async function fromDocker(): Promise<RedisTestServer> {
  const { GenericContainer } = await import('testcontainers')
  const port = await freePort()
  const container = await new GenericContainer('redis:7')
    .withCommand(['redis-server', '--appendonly', 'yes'])
    .withExposedPorts({ container: 6379, host: port })
    .start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    stop: async () => void (await container.stop({ remove: false, removeVolumes: false })),
    restart: () => container.restart(),
  }
}
