// A bad link between a client and a server, on 127.0.0.1: slow, late, cut in the middle of a message, frozen, half closed.
// In: a target; settings that may change at any time. Out: a port to connect to instead.
// Always true: bytes that are passed on arrive in their order and unchanged; whatever is cut is cut for good.
import { createServer, connect as dial, type Server, type Socket } from 'node:net'

export interface LinkQuality {
  /** Each chunk is held back so long, in both directions. */
  delayMs: number
  /** In each direction of a connection; 0 for no limit. */
  bytesPerSecond: number
  /** Both sides are cut off hard once so many bytes have gone to the target; 0 for never. Applies to each connection. */
  cutAfterBytes: number
  /** Nothing is passed on, and nobody is told: a black hole. */
  frozen: boolean
}

export class TcpProxy {
  /** May be changed at any time. */
  readonly quality: LinkQuality = { delayMs: 0, bytesPerSecond: 0, cutAfterBytes: 0, frozen: false }
  readonly port: number
  readonly #server: Server
  readonly #pairs = new Set<{ client: Socket; target: Socket }>()
  #connections = 0

  private constructor(server: Server, port: number) {
    this.#server = server
    this.port = port
  }

  static async start(targetPort: number, targetHost = '127.0.0.1'): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', resolve)
    })
    const address = server.address()
    if (!address || typeof address === 'string') throw new Error('the proxy has no port')
    const proxy = new TcpProxy(server, address.port)
    server.on('connection', client => proxy.#join(client, targetPort, targetHost))
    return proxy
  }

  /** How many connections were ever made. */
  get connections(): number {
    return this.#connections
  }

  /** Resets all connections, as a killed peer would. */
  cut(): void {
    for (const { client, target } of this.#pairs) {
      client.resetAndDestroy()
      target.resetAndDestroy()
    }
  }

  /** Ends one direction of all connections: the other side hears the end, and may still send. */
  halfClose(side: 'client' | 'target'): void {
    for (const pair of this.#pairs) pair[side].end()
  }

  async stop(): Promise<void> {
    this.cut()
    await new Promise<void>(resolve => this.#server.close(() => resolve()))
  }

  #join(client: Socket, port: number, host: string): void {
    this.#connections++
    const target = dial({ port, host, allowHalfOpen: true })
    const pair = { client, target }
    this.#pairs.add(pair)
    let sent = 0
    for (const socket of [client, target]) {
      socket.setNoDelay()
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#pairs.delete(pair)
        client.destroy()
        target.destroy()
      })
    }
    this.#pass(client, target, bytes => {
      const limit = this.quality.cutAfterBytes
      const rest = limit === 0 ? bytes.length : Math.max(0, limit - sent)
      sent += bytes.length
      if (rest >= bytes.length) return bytes
      // What is left goes out first, so that the cut falls in the middle of a message.
      target.write(bytes.subarray(0, rest), () => {
        client.resetAndDestroy()
        target.destroy()
      })
      return undefined
    })
    this.#pass(target, client, bytes => bytes)
  }

  #pass(from: Socket, to: Socket, filter: (bytes: Buffer) => Buffer | undefined): void {
    let last = Promise.resolve()
    // The delay is a pipeline: chunks wait side by side, and leave in their order.
    from.on('data', chunk => {
      const due = performance.now() + this.quality.delayMs
      from.pause()
      last = last.then(() => this.#forward(chunk, due, to, filter))
      if (this.quality.bytesPerSecond === 0 && !this.quality.frozen) from.resume()
      else void last.then(() => from.resume())
    })
    from.on('end', () => void last.then(() => to.end()))
  }

  async #forward(chunk: Buffer, due: number, to: Socket, filter: (bytes: Buffer) => Buffer | undefined): Promise<void> {
    const wait = due - performance.now()
    if (wait > 0) await pause(wait)
    while (this.quality.frozen && !to.destroyed) await pause(10)
    const rate = this.quality.bytesPerSecond
    const step = rate === 0 ? chunk.length : Math.max(1, Math.ceil(rate / 50))
    for (let at = 0; at < chunk.length && !to.destroyed; at += step) {
      const part = filter(chunk.subarray(at, at + step))
      if (!part) return
      if (!to.write(part) && !to.destroyed)
        await new Promise<void>(resolve => {
          to.once('drain', resolve)
          to.once('close', resolve)
        })
      if (rate > 0) await pause((part.length / rate) * 1000)
    }
  }
}

const pause = (milliseconds: number): Promise<void> => new Promise(resolve => setTimeout(resolve, milliseconds))
