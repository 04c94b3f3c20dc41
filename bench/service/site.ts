// A site of its own for the daemon's figures: a NATS server, agents and daemons as processes, a client here.
// Always true: everything listens on 127.0.0.1, is ended by its own process id, and the server ends with this process.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type DeskClient, openClient } from '../../coordinator/client.js'
import type { AskedPart, JobAsked, JobView } from '../../coordinator/serve/desk.js'
import { stableServer } from '../../test/support/nats-binaries.js'
import { freePort, NatsServer } from '../../test/support/nats-server.js'
import { MANYHANDS, NODE } from '../root.js'

/** Longer than any start takes on a slow machine. */
const START_SECONDS = 20

export const never: AbortSignal = new AbortController().signal

export interface Program {
  readonly child: ChildProcess
  readonly pid: number
}

export interface DaemonProgram extends Program {
  readonly address: string
}

export class Site {
  readonly folder: string
  readonly nats: NatsServer
  readonly #programs: ChildProcess[] = []
  readonly #clients: DeskClient[] = []

  private constructor(folder: string, nats: NatsServer) {
    this.folder = folder
    this.nats = nats
  }

  /** Ends with what is done with it, whatever becomes of that. */
  static async with<T>(use: (site: Site) => Promise<T>): Promise<T> {
    const site = new Site(
      await mkdtemp(join(tmpdir(), 'manyhands-bench-')),
      await NatsServer.start(await stableServer()),
    )
    try {
      return await use(site)
    } finally {
      await site.#close()
    }
  }

  async daemon(name: string): Promise<DaemonProgram> {
    const address = `127.0.0.1:${await freePort('127.0.0.1')}`
    const program = this.#start('serve', '--listen', address, '--name', name)
    const client = await openClient(address)
    await until(`daemon ${name}`, async () => Array.isArray(await client.jobs().catch(() => undefined)))
    client.close()
    return { ...program, address }
  }

  /** Resolves when the daemon of `client` has heard of it. */
  async agent(client: DeskClient, slots: number): Promise<Program> {
    const before = (await client.agents()).length
    const program = this.#start('agent', '--slots', String(slots), '--cache', join(this.folder, 'cache'))
    await until('the agent', async () => (await client.agents()).length > before)
    return program
  }

  async client(...daemons: readonly DaemonProgram[]): Promise<DeskClient> {
    const client = await openClient(daemons.map(({ address }) => address).join(','))
    this.#clients.push(client)
    return client
  }

  #start(command: string, ...options: readonly string[]): Program {
    const argv = [MANYHANDS, command, '--nats', this.nats.url, ...options]
    const child = spawn(NODE, argv, { cwd: this.folder, stdio: 'ignore' })
    this.#programs.push(child)
    if (child.pid === undefined) throw new Error(`${command} did not start`)
    return { child, pid: child.pid }
  }

  async #close(): Promise<void> {
    for (const client of this.#clients) client.close()
    await Promise.all(this.#programs.map(killed))
    await this.nats.stop()
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** As a crash would; resolves when it is gone. */
export const killed = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

export const until = async (what: string, isSo: () => Promise<boolean>, seconds = START_SECONDS): Promise<void> => {
  const end = performance.now() + 1000 * seconds
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${seconds} s`)
    await sleep(50)
  }
}

/** The first view of a job that is so. */
export const seen = async (client: DeskClient, job: string, isSo: (view: JobView) => boolean): Promise<JobView> => {
  for await (const view of client.watch(job, never)) if (isSo(view)) return view
  throw new Error(`job ${job} ended before`)
}

export const isOver = ({ state }: JobView): boolean => state !== 'waiting' && state !== 'running'

/** Bytes of memory, now and at most so far; Linux only. */
export const memoryOf = async ({ pid }: Pick<Program, 'pid'>): Promise<{ now: number; peak: number }> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const of = (field: string): number => 1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
  return { now: of('VmRSS'), peak: of('VmHWM') }
}

const range = (items: number) => ({ start: 0, end: items, step: 1 })

/** `Math.sqrt`, which needs no code. */
export const roots = (items: number): JobAsked => ({
  name: 'roots',
  runner: 'node',
  entry: '',
  function: 'Math.sqrt',
  input: range(items),
})

/** Items that take so long, of waiting alone: other processes do not make them longer. */
export const waits = (
  milliseconds: number,
  items: number,
  more: Partial<JobAsked> = {},
): { readonly asked: JobAsked; readonly parts: AsyncIterable<AskedPart> } => {
  const source = `const cell = new Int32Array(new SharedArrayBuffer(4)); export default x => { Atomics.wait(cell, 0, 0, ${milliseconds}); return x }`
  return {
    asked: { name: 'waits', runner: 'node', entry: 'job.mjs', function: 'default', ...more, input: range(items) },
    parts: partsOf({ type: 'file', path: 'job.mjs', data: new TextEncoder().encode(source) }),
  }
}

export async function* partsOf(...parts: readonly AskedPart[]): AsyncGenerator<AskedPart> {
  yield* parts
}
