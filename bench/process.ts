// The processes that are measured: whole ones, from spawn to exit, and stations, which stay and answer requests.
// Always true: each has a time limit, and what was started is ended by its own process id.
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { PEERS_FOLDER, PYTHON, ROOT } from './root.js'
import type { Answer } from './samples.js'
import type { StationRequest } from './stations/protocol.js'

/** Of one whole process and of one answer. Shorter would end honest measurements on a slow machine. */
const LIMIT_SECONDS = 120

const environment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  MANYHANDS_PYTHON: PYTHON,
  PYTHONPATH: [join(PEERS_FOLDER, 'python'), process.env['PYTHONPATH'] ?? ''].filter(Boolean).join(':'),
  // Open MPI refuses root without being told twice.
  OMPI_ALLOW_RUN_AS_ROOT: '1',
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
})

/** From spawn to exit, in seconds; standard output goes nowhere. */
export const wholeProcess = (command: readonly string[]): Promise<number> =>
  new Promise((resolve, reject) => {
    const began = performance.now()
    const child = spawn(command[0] ?? '', command.slice(1), {
      cwd: ROOT,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: environment(),
    })
    let said = ''
    child.stderr.on('data', (bytes: Buffer) => {
      said = `${said}${bytes}`.slice(-500)
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_SECONDS * 1000)
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      const seconds = (performance.now() - began) / 1000
      clearTimeout(timer)
      if (code === 0) resolve(seconds)
      else reject(new Error(`${command.join(' ')} ended with ${code ?? signal}: ${said.trim()}`))
    })
  })

/** A process that answers requests line by line. */
export class Station {
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
      env: environment(),
    })
    child.stdin.on('error', () => {})
    const failed = new Promise<never>((_, reject) => child.once('error', reject))
    const station = new Station(child, createInterface({ input: child.stdout }))
    await Promise.race([station.#line(), failed])
    return station
  }

  async measure(request: StationRequest): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`)
    return JSON.parse(await this.#line()) as Answer
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = new Promise(resolve => this.#child.once('exit', resolve))
    this.#child.stdin?.end()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000)
    await gone
    clearTimeout(timer)
  }

  async #line(): Promise<string> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), LIMIT_SECONDS * 1000)
    const { value, done } = await this.#lines.next()
    clearTimeout(timer)
    if (done) throw new Error(`a station ended: ${this.#child.spawnargs.slice(1).join(' ')}`)
    return value
  }
}
