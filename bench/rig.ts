// The processes that are measured: stations that stay warm, whole processes from spawn to exit, a nats-server with one agent.
// Always true: everything that was started is ended by its own process id, and nothing listens beyond 127.0.0.1.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { stableServer } from '../test/support/nats-binaries.js'
import { NatsServer } from '../test/support/nats-server.js'
import type { StationAnswer, StationRequest } from './stations/protocol.js'

/** The repository's root, from dist/bench/. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url))
export const NODE = process.execPath
export const MANYHANDS = join(ROOT, 'dist/coordinator/main.js')
const STATIONS = join(ROOT, 'dist/bench/stations')
const PYTHON_STATION = join(ROOT, 'bench/stations/python.py')
const PEERS = join(ROOT, '.cache/bench')
const PISCINA = 'piscina@5.3.2'

/** A version manager's shim in place of python3 would add tens of milliseconds to every start. */
export const PYTHON =
  process.env['MANYHANDS_PYTHON'] ?? (existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3')
const environment = { ...process.env, MANYHANDS_PYTHON: PYTHON }

/** From spawn to exit, in seconds; standard output goes nowhere. */
export const wholeProcess = (command: readonly string[]): Promise<number> =>
  new Promise((resolve, reject) => {
    const began = performance.now()
    const child = spawn(command[0] ?? '', command.slice(1), {
      cwd: ROOT,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: environment,
    })
    child.once('error', reject)
    child.once('exit', code => {
      const seconds = (performance.now() - began) / 1000
      if (code === 0) resolve(seconds)
      else reject(new Error(`${command.join(' ')} ended with exit code ${code}`))
    })
  })

/** A process that answers requests line by line. */
class Station {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  private constructor(child: ChildProcess, lines: Interface) {
    this.#child = child
    this.#lines = lines[Symbol.asyncIterator]()
  }

  static async start(command: readonly string[]): Promise<Station> {
    const child = spawn(command[0] ?? '', command.slice(1), {
      cwd: ROOT,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: environment,
    })
    const station = new Station(child, createInterface({ input: child.stdout }))
    await station.#line()
    return station
  }

  async measure(request: StationRequest): Promise<StationAnswer> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`)
    return JSON.parse(await this.#line()) as StationAnswer
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const gone = new Promise(resolve => this.#child.once('exit', resolve))
    this.#child.stdin?.end()
    await gone
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error(`a station ended: ${this.#child.spawnargs.join(' ')}`)
    return value
  }
}

export type StationName = 'local' | 'local python' | 'nats' | 'loop' | 'piscina' | 'python pool' | 'python loop'

/** Starts what a case asks for when it asks, and keeps it warm. */
export class Rig {
  readonly folder: string
  readonly #stations = new Map<StationName, Promise<Station>>()
  #cluster: Promise<{ server: NatsServer; agent: ChildProcess }> | undefined
  #peers: Promise<string> | undefined

  private constructor(folder: string) {
    this.folder = folder
  }

  static async open(): Promise<Rig> {
    return new Rig(await mkdtemp(join(tmpdir(), 'manyhands-bench-')))
  }

  async measure(name: StationName, request: StationRequest): Promise<StationAnswer> {
    let station = this.#stations.get(name)
    if (station === undefined) {
      station = this.#command(name).then(command => Station.start(command))
      this.#stations.set(name, station)
    }
    return (await station).measure(request)
  }

  /** The URL of a nats-server on which one agent with two slots serves. */
  async nats(): Promise<string> {
    this.#cluster ??= this.#openCluster()
    return (await this.#cluster).server.url
  }

  /** Where the peers' packages are; installed on first use. */
  peers(): Promise<string> {
    this.#peers ??= installPeers()
    return this.#peers
  }

  async piscina(...args: readonly string[]): Promise<string[]> {
    return [NODE, join(STATIONS, 'piscina.js'), await this.peers(), ...args]
  }

  python(...args: readonly string[]): string[] {
    return [PYTHON, PYTHON_STATION, ...args]
  }

  async close(): Promise<void> {
    const stations = await Promise.allSettled(this.#stations.values())
    for (const station of stations) if (station.status === 'fulfilled') await station.value.stop()
    const cluster = await this.#cluster?.catch(() => undefined)
    if (cluster !== undefined) {
      const gone = new Promise(resolve => cluster.agent.once('exit', resolve))
      cluster.agent.kill('SIGTERM')
      await gone
      await cluster.server.stop()
    }
    await rm(this.folder, { recursive: true, force: true })
  }

  async #command(name: StationName): Promise<string[]> {
    if (name === 'local') return [NODE, join(STATIONS, 'ours.js')]
    if (name === 'local python') return [NODE, join(STATIONS, 'ours-python.js')]
    if (name === 'nats') return [NODE, join(STATIONS, 'ours.js'), await this.nats()]
    if (name === 'loop') return [NODE, join(STATIONS, 'loop.js')]
    if (name === 'piscina') return this.piscina()
    return this.python(name === 'python pool' ? 'pool' : 'loop')
  }

  async #openCluster(): Promise<{ server: NatsServer; agent: ChildProcess }> {
    const server = await NatsServer.start(await stableServer())
    const command = [MANYHANDS, 'agent', '--nats', server.url, '--slots', '2', '--cache', join(this.folder, 'cache')]
    const agent = spawn(NODE, command, { cwd: this.folder, stdio: 'ignore', env: environment })
    return { server, agent }
  }
}

const installPeers = async (): Promise<string> => {
  if (!existsSync(join(PEERS, 'node_modules/piscina'))) {
    await mkdir(PEERS, { recursive: true })
    await writeFile(join(PEERS, 'package.json'), '{ "private": true }\n')
    await wholeProcess(['npm', 'install', '--prefix', PEERS, '--save-exact', '--no-audit', '--no-fund', PISCINA])
  }
  return PEERS
}
