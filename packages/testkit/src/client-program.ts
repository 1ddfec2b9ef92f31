import { spawn } from 'node:child_process'
import type { CommandResult } from './sluice-process.js'

/** Runs a client program (psql, mysql, pg_dump ...) to its end, with input and a time limit. */
export function runClient(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; input?: string; milliseconds?: number } = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...options.env } })
    const timer = setTimeout(() => child.kill('SIGKILL'), options.milliseconds ?? 60_000)
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk))
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk))
    child.on('error', reject)
    child.on('close', (status) => {
      clearTimeout(timer)
      resolve({ status, stdout, stderr })
    })
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
  })
}
