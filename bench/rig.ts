// The stations and servers of one run of the bench. In: which subject, which request. Out: its answer.
// Always true: each is started when it is first asked for, everything is ended by its own process id, and nothing listens
// beyond 127.0.0.1.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stableServer } from '../test/support/nats-binaries.js'
import { NatsServer } from '../test/support/nats-server.js'
import { Station } from './process.js'
import { MANYHANDS, NODE, PEERS_FOLDER, PYTHON, ROOT } from './root.js'
import type { Answer } from './samples.js'
import type { StationRequest } from './stations/protocol.js'

const STATIONS = join(ROOT, 'dist/bench/stations')
const PYTHON_STATION = join(ROOT, 'bench/stations/python.py')
const MPI = ['mpiexec', '--oversubscribe', '--bind-to', 'none', '--mca', 'btl', 'self,vader', '-n', '3']

/** Longer than what it disturbs may take on a slow machine; then it ends, whatever became of the bench. */
const BUSY_SECONDS = 60
const BUSY = `process.stdout.write('busy'); const end = Date.now() + ${BUSY_SECONDS * 1000}; while (Date.now() < end);`

export type StationName =
  | 'ours'
  | 'ours nats'
  | 'ours python'
  | 'floor'
  | 'piscina'
  | 'poolifier'
  | 'bullmq'
  | `python ${'loop' | 'pool' | 'pool1' | 'joblib' | 'dask' | 'mpi4py'}`

const station = (file: string, ...args: readonly string[]): string[] => [
  NODE,
  '--expose-gc',
  join(STATIONS, file),
  ...args,
]

/** Python's own, as a station, or with (job, from, count) as one map in a process. */
export const python = (pool: string, ...args: readonly string[]): string[] => [PYTHON, PYTHON_STATION, pool, ...args]

interface Cluster {
  readonly server: NatsServer
  readonly agent: ChildProcess
}

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  await gone
}

export class Rig {
  readonly folder: string
  readonly #stations = new Map<StationName, Promise<Station>>()
  #cluster: Promise<Cluster> | undefined
  #busy: ChildProcess | undefined
  #redis: Promise<{ readonly child: ChildProcess; readonly port: number }> | undefined

  private constructor(folder: string) {
    this.folder = folder
  }

  static async open(): Promise<Rig> {
    return new Rig(await mkdtemp(join(tmpdir(), 'manyhands-bench-')))
  }

  async measure(name: StationName, request: StationRequest): Promise<Answer> {
    let warm = this.#stations.get(name)
    if (warm === undefined) {
      warm = this.#command(name).then(command => Station.start(command))
      this.#stations.set(name, warm)
    }
    return (await warm).measure(request)
  }

  /** In a process that has done nothing yet. */
  async measureFresh(name: StationName, request: StationRequest): Promise<Answer> {
    const fresh = await Station.start(await this.#command(name))
    try {
      return await fresh.measure(request)
    } finally {
      await fresh.stop()
    }
  }

  /** Beside another program, which keeps one core busy from before the run until it is over. */
  async besideBusyLoop<T>(run: (pid: number) => Promise<T>): Promise<T> {
    const busy = spawn(NODE, ['-e', BUSY], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#busy = busy
    try {
      await Promise.race([once(busy.stdout, 'data'), once(busy, 'exit')])
      const result = await run(busy.pid as number)
      if (busy.exitCode !== null || busy.signalCode !== null) throw new Error('the busy loop ended before the run did')
      return result
    } finally {
      await end(busy)
    }
  }

  /** The URL of a nats-server on which one agent with two slots serves. */
  async nats(): Promise<string> {
    this.#cluster ??= this.#openCluster()
    return (await this.#cluster).server.url
  }

  /** Ends the stations: each group begins with fresh ones, in which nothing but its own work was compiled. */
  async clear(): Promise<void> {
    const stations = await Promise.allSettled(this.#stations.values())
    this.#stations.clear()
    await Promise.all(stations.map(each => each.status === 'fulfilled' && each.value.stop()))
  }

  async close(): Promise<void> {
    await this.clear()
    if (this.#busy !== undefined) await end(this.#busy)
    const redis = await this.#redis?.catch(() => undefined)
    if (redis !== undefined) await end(redis.child)
    const cluster = await this.#cluster?.catch(() => undefined)
    if (cluster !== undefined) {
      await end(cluster.agent)
      await cluster.server.stop()
    }
    await rm(this.folder, { recursive: true, force: true })
  }

  async #command(name: StationName): Promise<string[]> {
    if (name === 'ours') return station('ours.js')
    if (name === 'ours nats') return station('ours.js', await this.nats())
    if (name === 'ours python') return station('ours-python.js')
    if (name === 'floor') return station('floor.js')
    if (name === 'bullmq') return station('bullmq.js', PEERS_FOLDER, String((await this.#openRedis()).port))
    if (name === 'piscina' || name === 'poolifier') return station('node-pools.js', name, PEERS_FOLDER)
    if (name === 'python mpi4py') return [...MPI, PYTHON, '-m', 'mpi4py.futures', PYTHON_STATION, 'mpi4py']
    return python(name.slice('python '.length))
  }

  async #openCluster(): Promise<Cluster> {
    const server = await NatsServer.start(await stableServer())
    const command = [MANYHANDS, 'agent', '--nats', server.url, '--slots', '2', '--cache', join(this.folder, 'cache')]
    const env = { ...process.env, MANYHANDS_PYTHON: PYTHON }
    const agent = spawn(NODE, command, { cwd: this.folder, stdio: 'ignore', env })
    return { server, agent }
  }

  #openRedis(): Promise<{ readonly child: ChildProcess; readonly port: number }> {
    this.#redis ??= freePort().then(port => {
      const options = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no']
      return { child: spawn('redis-server', [...options, '--dir', this.folder], { stdio: 'ignore' }), port }
    })
    return this.#redis
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
