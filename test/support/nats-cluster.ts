// Three nats-servers of the test's own that are one cluster, on 127.0.0.1 at free ports, each with a private store.
// In: a program. Out: their URLs, which of them leads a stream, what they store; each can be killed and started again.
// Always true: when `start` returns the cluster stores; each server is ended by its own process id.
import { setTimeout as sleep } from 'node:timers/promises'
import { type ClusterInfo, connect, type JetStreamManager, type StreamInfo } from 'nats'
import type { NatsBinary } from './nats-binaries.js'
import { freePort, NatsServer } from './nats-server.js'

const HOST = '127.0.0.1'
const PATIENCE_SECONDS = 15

const memberOf = async (binary: NatsBinary, index: number, ports: readonly number[]): Promise<NatsServer> => {
  const routes = ports.map(port => `"nats://${HOST}:${port}"`).join(', ')
  return NatsServer.start(binary, {
    configuration: `server_name: "n${index}"
      cluster { name: "hands", listen: "${HOST}:${ports[index]}", routes: [${routes}] }`,
  })
}

export class NatsCluster {
  readonly servers: readonly NatsServer[]
  readonly #down = new Set<NatsServer>()

  private constructor(servers: readonly NatsServer[]) {
    this.servers = servers
  }

  static async start(binary: NatsBinary, size = 3): Promise<NatsCluster> {
    const ports: number[] = []
    // One after the other, each port being free only until the next look.
    for (let index = 0; index < size; index++) ports.push(await freePort(HOST))
    const started = await Promise.allSettled(ports.map((_, index) => memberOf(binary, index, ports)))
    const servers = started.flatMap(member => (member.status === 'fulfilled' ? [member.value] : []))
    const cluster = new NatsCluster(servers)
    try {
      for (const member of started) if (member.status === 'rejected') throw member.reason
      await cluster.#ready()
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  /** All of them, with commas: what --nats takes. */
  get url(): string {
    return this.servers.map(({ url }) => url).join(',')
  }

  get up(): readonly NatsServer[] {
    return this.servers.filter(server => !this.#down.has(server))
  }

  /** What leads a stream, once something does. */
  async leaderOf(stream: string): Promise<NatsServer> {
    return this.ask(async manager => {
      for (;;) {
        const { cluster } = await manager.streams.info(stream).catch((): Partial<StreamInfo> => ({}))
        const leader = this.servers.find((_, index) => cluster?.leader === `n${index}`)
        if (leader !== undefined) return leader
        await sleep(50)
      }
    }, 500)
  }

  async kill(server: NatsServer): Promise<void> {
    this.#down.add(server)
    await server.kill()
  }

  async restart(server: NatsServer): Promise<void> {
    await server.restart()
    this.#down.delete(server)
  }

  /** Their names, once the whole has a leader again. */
  streams(): Promise<string[]> {
    return this.#patiently(async manager => {
      const found: string[] = []
      for await (const { config } of manager.streams.list()) found.push(config.name)
      return found
    })
  }

  /** Whether each server has all that these streams and their consumers hold: until then no other one can be spared. */
  isWhole(...streams: readonly string[]): Promise<boolean> {
    return this.ask(async manager => {
      const infos: { cluster?: ClusterInfo | undefined }[] = []
      for (const stream of streams) {
        infos.push(await manager.streams.info(stream))
        // Readers that come and go have no replicas.
        for await (const consumer of manager.consumers.list(stream))
          if (consumer.config.durable_name !== undefined) infos.push(consumer)
      }
      return infos.every(({ cluster }) => cluster?.leader && cluster.replicas?.every(({ current }) => current))
    }).catch(() => false)
  }

  /** Asks whichever of them are up. */
  async ask<T>(question: (manager: JetStreamManager) => Promise<T>, timeout = 5000): Promise<T> {
    const connection = await connect({ servers: this.up.map(({ port }) => `${HOST}:${port}`) })
    try {
      return await question(await connection.jetstreamManager({ checkAPI: false, timeout }))
    } finally {
      await connection.close()
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map(server => server.stop()))
  }

  /** A leader of the whole has to be found first, and to have heard of every server. */
  async #ready(): Promise<void> {
    const name = 'READY'
    await this.#patiently(async manager => {
      await manager.streams.add({ name, subjects: [name], num_replicas: this.servers.length })
      await manager.streams.delete(name)
    })
  }

  /** Asks again while nobody can answer. */
  async #patiently<T>(question: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    const end = performance.now() + PATIENCE_SECONDS * 1000
    for (;;) {
      try {
        return await this.ask(question)
      } catch (error) {
        if (performance.now() > end) throw new Error('the NATS cluster does not answer', { cause: error })
        await sleep(100)
      }
    }
  }
}
