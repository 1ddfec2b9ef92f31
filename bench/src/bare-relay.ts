/** A TCP relay that looks at nothing, a process of its own: what Node's sockets alone cost. Usage: bare-relay HOST PORT. */
import { connect, createServer, type Socket } from 'node:net'

const [host, port] = process.argv.slice(2)
const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  const upstream = connect({ host: host!, port: Number(port), allowHalfOpen: true, noDelay: true })
  join(client, upstream)
  join(upstream, client)
})
server.listen(0, '127.0.0.1', () => console.log(`relaying on ${(server.address() as { port: number }).port}`))

/** `pipe` stops reading while the other side does not write, and passes an end on. */
function join(from: Socket, to: Socket): void {
  from.pipe(to)
  from.on('error', () => to.destroy())
  from.on('close', () => to.destroySoon())
}
