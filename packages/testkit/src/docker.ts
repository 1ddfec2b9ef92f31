import { execFile } from 'node:child_process'

let answer: Promise<boolean> | undefined

/** True where a Docker engine answers: then test servers come from it. Asked once. */
export function dockerAnswers(): Promise<boolean> {
  answer ??= new Promise((resolve) => {
    execFile('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 5_000 }, (error, stdout) =>
      resolve(!error && stdout.trim() !== ''),
    )
  })
  return answer
}
