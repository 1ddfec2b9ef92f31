import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { connect } from 'node:net'
import { atExit } from './at-exit.js'

export interface ServerProcess {
  readonly process: ChildProcess
  readonly output: () => string
  stop(): Promise<void>
}

/** Starts a server program and keeps the end of what it prints. It dies with this process. */
export function startProcess(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string; uid?: number; gid?: number } = {},
): ServerProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-64 * 1024)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  child.on('error', (error) => keep(Buffer.from(error.message)))
  const callOff = atExit(() => child.kill('SIGKILL'))
  return {
    process: child,
    output: () => output,
    stop: async () => {
      callOff()
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await gone
      clearTimeout(timer)
    },
  }
}

/** Resolves when something listens on the port; rejects with the server's output when it died or took too long. */
export async function whenListening(port: number, server: ServerProcess, milliseconds = 60_000): Promise<void> {
  const deadline = Date.now() + milliseconds
  while (!(await listens(port))) {
    const { exitCode, signalCode } = server.process
    if (exitCode !== null || signalCode !== null)
      throw new Error(`the server stopped (${exitCode ?? signalCode}):\n${server.output()}`)
    if (Date.now() > deadline) throw new Error(`the server does not listen on ${port}:\n${server.output()}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

/** Numbers of a system user that may own a server's files (database servers refuse root); undefined where we are not root. */
export function serverUser(name: string): { name: string; uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  try {
    execFileSync('id', [name], { stdio: 'ignore' })
  } catch {
    execFileSync('useradd', ['--system', '--no-create-home', name])
  }
  const number = (flag: string) => Number(execFileSync('id', [flag, name]).toString())
  return { name, uid: number('-u'), gid: number('-g') }
}
