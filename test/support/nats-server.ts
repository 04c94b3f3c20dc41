// A nats-server of the test's own, on 127.0.0.1 at a free port, with a private store.
// In: a program, extra configuration. Out: its URL, and ways to do it harm: kill, freeze, wipe its store.
// Always true: it is ended by its own process id, and when the test's process ends it ends too.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectNats } from 'nats'
import type { NatsBinary } from './nats-binaries.js'

export interface NatsServerOptions {
  readonly host?: string
  /** Lines for the configuration file, such as an authorization block. */
  readonly configuration?: string
  readonly storeLimit?: string
  readonly jetStream?: boolean
  /** In another network namespace: how a process is started there, and a port that is free there. */
  readonly there?: { readonly spawn: SpawnThere; readonly port: number }
}

type SpawnThere = (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess

const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find(path => existsSync(path))

export class NatsServer {
  readonly version: string
  readonly port: number
  readonly host: string
  readonly folder: string
  readonly #binary: NatsBinary
  readonly #spawn: SpawnThere
  #child: ChildProcess | undefined

  private constructor(binary: NatsBinary, folder: string, host: string, port: number, spawnThere: SpawnThere) {
    this.#binary = binary
    this.#spawn = spawnThere
    this.version = binary.version
    this.folder = folder
    this.host = host
    this.port = port
  }

  static async start(binary: NatsBinary, options: NatsServerOptions = {}): Promise<NatsServer> {
    const host = options.host ?? '127.0.0.1'
    // Another process may take the port between the look and the start.
    for (let attempt = 1; ; attempt++) {
      const folder = await mkdtemp(join(tmpdir(), 'manyhands-nats-'))
      const port = options.there?.port ?? (await freePort(host))
      const server = new NatsServer(binary, folder, host, port, options.there?.spawn ?? spawn)
      const lines = [
        `host: "${host}"`,
        `port: ${server.port}`,
        options.jetStream === false
          ? ''
          : `jetstream { store_dir: "${join(folder, 'store')}", max_file_store: ${options.storeLimit ?? '16GB'}, max_memory_store: 64MB }`,
        `log_file: "${join(folder, 'log')}"`,
        options.configuration ?? '',
      ]
      await writeFile(join(folder, 'nats.conf'), lines.join('\n'))
      try {
        await server.restart()
        return server
      } catch (error) {
        await server.stop()
        if (attempt === 3) throw error
      }
    }
  }

  get url(): string {
    return `nats://${this.host}:${this.port}`
  }

  get pid(): number {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error('this nats-server does not run')
    return pid
  }

  /** Starts it again at the same port with the same store; returns when it takes clients. */
  async restart(): Promise<void> {
    const command = [this.#binary.path, '-c', join(this.folder, 'nats.conf')]
    const argv = SETPRIV ? [SETPRIV, '--pdeathsig', 'KILL', ...command] : command
    const child = this.#spawn(argv[0] ?? '', argv.slice(1), { stdio: 'ignore' })
    this.#child = child
    const end = performance.now() + 10_000
    while (!(await greets(this.host, this.port))) {
      if (child.exitCode !== null || performance.now() > end) {
        const log = await readFile(join(this.folder, 'log'), 'utf8').catch(() => '')
        throw new Error(`nats-server ${this.version} did not start:\n${log.slice(-2000)}`)
      }
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }

  /** Ends it as a crash would; returns when it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise(resolve => child.once('exit', resolve))
    child.kill(signal)
    await gone
    this.#child = undefined
  }

  /** Stops it as it stands; returns when none of its threads runs any more. */
  async freeze(): Promise<void> {
    process.kill(this.pid, 'SIGSTOP')
    await new Promise(resolve => setTimeout(resolve, 100))
  }

  thaw(): void {
    process.kill(this.pid, 'SIGCONT')
  }

  /** Keeps a copy of all that it has stored, or puts the last copy back, as a power cut might; only while it is killed. */
  async saveStore(): Promise<void> {
    await this.#replace('saved', 'store')
  }

  /** Puts back all, or one stream alone. */
  async restoreStore(stream?: string): Promise<void> {
    const part = stream ? `/jetstream/$G/streams/${stream}` : ''
    await this.#replace(`store${part}`, `saved${part}`)
  }

  async #replace(target: string, source: string): Promise<void> {
    if (this.#child) throw new Error('kill the server before its store is touched')
    await rm(join(this.folder, target), { recursive: true, force: true })
    await cp(join(this.folder, source), join(this.folder, target), { recursive: true })
  }

  /** Deletes all that it has stored; only while it is killed. */
  async wipe(): Promise<void> {
    if (this.#child) throw new Error('kill the server before its store is wiped')
    await rm(join(this.folder, 'store'), { recursive: true, force: true })
  }

  /** The names of all its streams. */
  async streams(): Promise<string[]> {
    const connection = await connectNats({ servers: `${this.host}:${this.port}` })
    const names: string[] = []
    for await (const stream of (await connection.jetstreamManager()).streams.list()) names.push(stream.config.name)
    await connection.close()
    return names
  }

  /** What is in JetStream, in order: the names of all streams, and the keys of the daemons' jobs. */
  async left(): Promise<string[]> {
    const connection = await connectNats({ servers: `${this.host}:${this.port}` })
    try {
      const { streams } = await connection.jetstreamManager()
      const names: string[] = []
      for await (const { config } of streams.list()) {
        names.push(config.name)
        if (!config.name.startsWith('KV_mh_jobs')) continue
        const { state } = await streams.info(config.name, { subjects_filter: '>' })
        names.push(...Object.keys(state.subjects ?? {}))
      }
      return names.sort()
    } finally {
      await connection.close()
    }
  }

  async stop(): Promise<void> {
    await this.kill('SIGKILL')
    await rm(this.folder, { recursive: true, force: true })
  }
}

export const freePort = (host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, host, () => {
      const address = probe.address()
      probe.close(() => (address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port'))))
    })
  })

const greets = (host: string, port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect({ host, port })
    const answer = (is: boolean): void => {
      socket.destroy()
      resolve(is)
    }
    socket.setTimeout(500, () => answer(false))
    socket.once('error', () => answer(false))
    socket.once('data', () => answer(true))
  })
