import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A line to a real server that a test can cut, freeze, or make deaf on the way back. */
export class FlakyLine {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** `deaf`: requests arrive, answers are lost. `frozen`: nothing passes. `cut`: connections are refused. */
  #state: 'up' | 'deaf' | 'frozen' | 'cut' = 'up'

  private constructor(host: string, port: number) {
    this.#server = createServer((near) => {
      if (this.#state === 'cut') {
        near.destroy()
        return
      }
      const far = connect(port, host)
      near.on('data', (chunk) => this.#state !== 'frozen' && far.write(chunk))
      far.on('data', (chunk) => this.#state === 'up' && near.write(chunk))
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(one)
        one.on('error', () => undefined)
        one.on('close', () => {
          this.#sockets.delete(one)
          other.destroy()
        })
      }
    })
  }

  static async to(host: string, port: number): Promise<FlakyLine> {
    const line = new FlakyLine(host, port)
    line.#server.listen(0, '127.0.0.1')
    await once(line.#server, 'listening')
    return line
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Changes the line's state; all connections but those of a line that is only `deaf` or `frozen` are lost. */
  set(state: 'up' | 'deaf' | 'frozen' | 'cut'): void {
    this.#state = state
    if (state === 'up' || state === 'cut') for (const socket of [...this.#sockets]) socket.destroy()
  }

  async close(): Promise<void> {
    this.set('cut')
    this.#server.close()
    await once(this.#server, 'close')
  }
}
