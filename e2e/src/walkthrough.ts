import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { freePort, type ServerProcess, SLUICE, startProcess, temporaryFolder } from '@sluice/testkit'

/** Everybody's on these pages. */
export const PASSWORD = 'correct horse battery'
/** The gateway's own, on both servers. */
export const UPSTREAM_PASSWORD = 'only the gateway knows'

export interface WalkthroughOptions {
  readonly postgres: { readonly host: string; readonly port: number }
  readonly mysql: { readonly host: string; readonly port: number }
  readonly programs: { readonly psql: string; readonly mariadb: string }
}

export interface Ran {
  readonly status: number | null
  /** What came on stdout and stderr, in the pages' words: their ports and paths. */
  readonly output: string
}

/**
 * What a reader does with the pages, from the first command to the last: one folder, one gateway. Names of the pages (ports,
 * servers) are turned into the real ones on the way in and back on the way out.
 */
export class Walkthrough {
  readonly folder = temporaryFolder('docs')
  readonly #names: readonly (readonly [shown: string, real: string])[]
  readonly #environment: NodeJS.ProcessEnv
  #gateway: ServerProcess | undefined

  static async begin(options: WalkthroughOptions): Promise<Walkthrough> {
    const ports = await Promise.all([freePort(), freePort(), freePort()])
    return new Walkthrough(options, ports as [number, number, number])
  }

  private constructor({ postgres, mysql, programs }: WalkthroughOptions, ports: readonly [number, number, number]) {
    this.#names = [
      ['127.0.0.1:5432', `${postgres.host}:${postgres.port}`],
      ['127.0.0.1:3306', `${mysql.host}:${mysql.port}`],
      ['6432', String(ports[0])],
      ['6306', String(ports[1])],
      ['6480', String(ports[2])],
    ]
    const bin = join(this.folder, '.bin')
    mkdirSync(bin)
    const programsOnPath = {
      sluice: `"${process.execPath}" "${SLUICE}"`,
      psql: programs.psql,
      // MySQL's own asks the server some things for itself first, which would be in the record.
      mysql: `${programs.mariadb} --ssl`,
      mark: 'sh -c "echo ==mark==; echo ==mark== >&2"',
    }
    for (const [name, command] of Object.entries(programsOnPath)) {
      writeFileSync(join(bin, name), `#!/bin/sh\nexec ${command} "$@"\n`)
      chmodSync(join(bin, name), 0o755)
    }
    this.#environment = {
      ...process.env,
      PATH: `${bin}${delimiter}${process.env.PATH}`,
      PGPASSWORD: PASSWORD,
      MYSQL_PWD: PASSWORD,
      PSQLRC: '/dev/null',
      PSQL_HISTORY: '/dev/null',
      SLUICE_CONFIG: '',
      SLUICE_LOG: 'error',
      TZ: 'UTC',
    }
    delete this.#environment.SLUICE_CONFIG
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(join(this.folder, name)), { recursive: true })
    writeFileSync(join(this.folder, name), this.#real(text))
  }

  /** Starts the gateway as the pages do; resolves with what it printed until it was ready. */
  async serve(): Promise<string> {
    await this.#gateway?.stop()
    this.#gateway = startProcess(join(this.folder, '.bin', 'sluice'), ['serve'], {
      env: this.#environment,
      cwd: this.folder,
    })
    const deadline = Date.now() + 30_000
    while (!/^ready$/m.test(this.#gateway.output())) {
      const { exitCode } = this.#gateway.process
      if (exitCode !== null || Date.now() > deadline) throw new Error(`no gateway:\n${this.#gateway.output()}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return this.#shown(this.#gateway.output())
  }

  /** Runs a command line; where it is `psql` or `mysql`, `statements` are what is typed at its prompt, one answer each. */
  async run(command: string, statements: readonly string[] = []): Promise<Ran[]> {
    const line = this.#real(command)
    if (statements.length > 0)
      return this.#atPrompt(
        line,
        statements.map((sql) => this.#real(sql)),
      )
    // Passwords are asked for on the terminal, and there is none here.
    const asks = /^sluice (user add|vault put) /.test(line) && !/--(password-stdin|generate|certificate)/.test(line)
    const input = line.startsWith('sluice vault put ') ? UPSTREAM_PASSWORD : PASSWORD
    const whole = `exec 2>&1\n${asks ? `${line} --password-stdin` : line}`
    const { status, stdout } = await this.#shell(whole, asks ? input : '')
    return [{ status, output: this.#shown(stdout) }]
  }

  async end(): Promise<void> {
    await this.#gateway?.stop()
  }

  /** All in one session, parted by marks that the client itself prints on both of its outputs. */
  async #atPrompt(line: string, statements: readonly string[]): Promise<Ran[]> {
    const mysql = line.startsWith('mysql ')
    const mark = mysql ? '\\! mark' : '\\echo ==mark==\n\\warn ==mark=='
    const client = mysql ? `${line.replace(/ -p(?= |$)/, '')} --table --force --unbuffered` : line
    const { status, stdout, stderr } = await this.#shell(client, statements.map((sql) => `${sql}\n${mark}\n`).join(''))
    const [out, err] = [stdout.split('==mark==\n'), stderr.split('==mark==\n')]
    return statements.map((_, i) => {
      const printed = `${out[i] ?? ''}${err[i] ?? ''}`
      return { status, output: this.#shown(mysql ? asTyped(printed) : printed) }
    })
  }

  #shell(line: string, input: string): Promise<{ status: number | null; stdout: string; stderr: string }> {
    return new Promise((resolve, reject) => {
      const child: ChildProcess = spawn('sh', ['-c', line], { cwd: this.folder, env: this.#environment })
      const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
      let stdout = ''
      let stderr = ''
      child.stdout!.on('data', (chunk: Buffer) => (stdout += chunk))
      child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk))
      child.on('error', reject)
      child.on('close', (status) => {
        clearTimeout(timer)
        resolve({ status, stdout, stderr })
      })
      child.stdin!.on('error', () => {})
      child.stdin!.end(input)
    })
  }

  #real(text: string): string {
    return this.#names.reduce((so, [shown, real]) => so.replaceAll(shown, real), text)
  }

  #shown(text: string): string {
    return this.#names.reduce((so, [shown, real]) => so.replaceAll(real, shown), text).replaceAll(`${this.folder}/`, '')
  }
}

/** Without what mysql's client says only when its input is no terminal: the line, and the statement once more. */
function asTyped(printed: string): string {
  return printed.replace(/^(ERROR \d+ \(\w+\)) at line \d+/gm, '$1').replace(/^-+\n[\s\S]*?\n-+\n\n/, '')
}
