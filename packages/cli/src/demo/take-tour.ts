import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadConfiguration } from '@sluice/config'
import { Secret, SluiceError } from '@sluice/domain'
import { addUser } from '@sluice/identity'
import { openArchive, replay } from '@sluice/recorder'
import { createLogger, createMetrics } from '@sluice/telemetry'
import { putCredential } from '@sluice/vault'
import { print } from '../print.js'
import { type DemoServer, startDemoServer } from './demo-server.js'
import { POLICY, SHOP } from './shop.js'
import { runTour } from './tour.js'

/** Where the gateway listens if nobody else does; else on any free port. */
const PORT = 6432

const CONFIGURATION = (server: DemoServer, port: number) => `# What the demo runs with.
listen: { postgres: "127.0.0.1:${port}" }
databases:
  shop: { dialect: postgres, address: "127.0.0.1:${server.port}", credential: shop-owner, tls: off }
vault: { file: vault.json, keyFile: vault.key }
identity: { users: users.json }
policy: policy.yaml
recorder: { journal: sessions, durability: strict }
`

/**
 * Starts the server and the gateway in `folder`, shows the tour and, with `stay`, waits for Ctrl-C. What must be undone at the
 * end is added to `undo`, the last first.
 */
export async function takeTour(folder: string, stay: boolean, undo: (() => Promise<unknown>)[]): Promise<void> {
  const server = await startDemoServer(folder, 'shop', SHOP)
  undo.push(() => server.stop())
  print(`A real PostgreSQL ${server.version} runs on port ${server.port}, with a sample shop in it.`)

  const password = randomBytes(9).toString('base64url')
  const gateway = await startDemoGateway(folder, server, password)
  undo.push(() => gateway.close())
  const { port } = gateway.listeners[0]!
  print(`The gateway is in front of it on port ${port}. It records to ${join(folder, 'sessions')}.`)
  print(`Its policy, ${join(folder, 'policy.yaml')}:\n\n${POLICY.replaceAll(/^/gm, '   ').trimEnd()}`)

  const { default: pg } = await import('pg')
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'alice', password, database: 'shop' })
  await client.connect()
  const surprises = await runTour((query) => client.query(query as never) as never)
  await client.end()
  await showRecording(folder)
  if (surprises > 0)
    throw new SluiceError('internal', `${surprises} steps of the tour did not go as they should: please report it`)
  if (stay) await stayUp(port, password, folder)
  else print('\nThat was the tour. `npx pnpm demo` in a terminal stays up, so that you can connect yourself.')
}

async function startDemoGateway(folder: string, server: DemoServer, password: string) {
  const files = { 'policy.yaml': POLICY, 'sluice.yaml': CONFIGURATION(server, PORT) }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  const native = { nativePassword: false }
  await addUser(join(folder, 'users.json'), {
    name: 'alice',
    groups: ['analysts'],
    password: new Secret(password),
    ...native,
  })
  await addUser(join(folder, 'users.json'), {
    name: 'dana',
    groups: ['analysts', 'privacy'],
    password: new Secret(password),
    ...native,
  })
  await putCredential({ file: join(folder, 'vault.json'), keyFile: join(folder, 'vault.key') }, 'shop-owner', {
    username: server.user,
    password: new Secret(server.password),
  })
  const { startGateway } = await import('@sluice/proxy')
  const telemetry = { logger: createLogger({ level: 'warn' }), metrics: createMetrics() }
  try {
    return await startGateway(await loadConfiguration(join(folder, 'sluice.yaml')), telemetry)
  } catch (error) {
    if (!(error instanceof SluiceError) || !error.message.includes(`:${PORT}`)) throw error
    await writeFile(join(folder, 'sluice.yaml'), CONFIGURATION(server, 0)) // somebody listens on the usual port
    return await startGateway(await loadConfiguration(join(folder, 'sluice.yaml')), telemetry)
  }
}

async function showRecording(folder: string): Promise<void> {
  print('\nEverything is on record, refused statements too, with the values as they were shown. `sluice replay`:\n')
  const archive = await openArchive({ journal: join(folder, 'sessions') }, { sealKey: join(folder, 'seal.key') })
  try {
    for await (const session of archive.sessions({})) {
      const options = {
        speed: 'instant',
        color: process.stdout.isTTY === true,
        columns: process.stdout.columns ?? 100,
      } as const
      await replay(archive.events(session.id), options, (text) => process.stdout.write(`   ${text}`))
      const verification = await archive.verify(session.id)
      print(`\n\`sluice verify\`: session ${session.id} is ${verification.state}.`)
    }
  } finally {
    await archive.close()
  }
}

async function stayUp(port: number, password: string, folder: string): Promise<void> {
  print(`
Now you. The gateway stays up until Ctrl-C:

   PGPASSWORD=${password} psql -h 127.0.0.1 -p ${port} -U alice shop      an analyst: sees masked data
   PGPASSWORD=${password} psql -h 127.0.0.1 -p ${port} -U dana shop       in group privacy: sees it in the clear

   npx pnpm sluice --config ${join(folder, 'sluice.yaml')} sessions
   npx pnpm sluice --config ${join(folder, 'sluice.yaml')} replay <session>`)
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
  })
}
