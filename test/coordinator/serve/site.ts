// A site as a test needs it: a NATS server, agents, daemons here and in processes of their own. In: a test. Out: ways to start them.
// Always true: all of it ends with the test.
import { type ChildProcess, spawn } from 'node:child_process'
import { setMaxListeners } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { startAgent } from '../../../agent/main.js'
import { openClient } from '../../../coordinator/client.js'
import { openControl } from '../../../coordinator/control.js'
import { jsonlFormat } from '../../../coordinator/output/jsonl.js'
import { type Daemon, type DaemonOptions, openDaemon } from '../../../coordinator/serve/daemon.js'
import type { AskedPart, Desk, JobAsked, JobView, ResultsAsked } from '../../../coordinator/serve/desk.js'
import { type Log, silentLog } from '../../../proto/log.js'
import type { ItemFailure } from '../../../proto/outcome.js'
import { type NatsBinary, stableServer } from '../../support/nats-binaries.js'
import { NatsServer } from '../../support/nats-server.js'
import type { Order } from './tiny-daemon.js'

const DAEMON = fileURLToPath(new URL('./tiny-daemon.js', import.meta.url))

export const never: AbortSignal = new AbortController().signal
// All tests of a file listen to it.
setMaxListeners(0, never)

/** Writes what it is given, as a Node module that travels as one file. */
export const moduleOf = (source: string): AskedPart => ({
  type: 'file',
  path: 'job.mjs',
  data: new TextEncoder().encode(source),
})

/** A function of such a module. */
export const NODE_JOB = { runner: 'node', entry: 'job.mjs', function: 'default' } as const

export const inputOf = (text: string): AskedPart => ({ type: 'input', data: new TextEncoder().encode(text) })

export async function* parts(...all: AskedPart[]): AsyncGenerator<AskedPart> {
  yield* all
}

/** A daemon in a process of its own. */
export interface DaemonProcess {
  readonly child: ChildProcess
  /** Resolves with the job's id. */
  submit(order: Order): Promise<string>
  /** Its log. */
  said(): string
}

export const startDaemon = async (
  t: ExecutionContext,
  nats: string,
  name: string,
  replicas = 1,
): Promise<DaemonProcess> => {
  const child = spawn(process.execPath, [DAEMON, nats, name, String(replicas)], { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.on('data', text => {
    said += text
  })
  t.teardown(() => {
    child.kill('SIGKILL')
    if (!t.passed) t.log(`${name}:\n${said}`)
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  await lines.next()
  return {
    child,
    submit: async order => {
      child.stdin.write(`${JSON.stringify(order)}\n`)
      return (await lines.next()).value
    },
    said: () => said,
  }
}

export class Site {
  readonly nats: NatsServer
  readonly #t: ExecutionContext

  private constructor(t: ExecutionContext, nats: NatsServer) {
    this.#t = t
    this.nats = nats
  }

  static async open(t: ExecutionContext, binary: () => Promise<NatsBinary> = stableServer): Promise<Site> {
    const nats = await NatsServer.start(await binary())
    t.teardown(() => nats.stop())
    return new Site(t, nats)
  }

  async agent(slots = 2): Promise<void> {
    const agent = await startAgent({ nats: this.nats.url, slots, log: silentLog, onPrint: () => {} })
    this.#t.teardown(() => agent.stop())
  }

  async daemon(options: Partial<DaemonOptions> = {}): Promise<Daemon> {
    const lines: string[] = []
    const log: Log = (level, message) => void lines.push(`${level} ${message}`)
    const daemon = await openDaemon({ nats: this.nats.url, name: 'here', log, ...options })
    this.#t.teardown(async () => {
      await daemon.close()
      if (!this.#t.passed) this.#t.log(lines.join('\n'))
    })
    return daemon
  }

  /** The desk of a daemon of its own, in this process or as a client has it. */
  async desk(how: 'the desk itself' | 'the desk over gRPC', options: Partial<DaemonOptions> = {}): Promise<Desk> {
    const { desk } = await this.daemon(options)
    if (how === 'the desk itself') return desk
    const control = await openControl(desk, { host: '127.0.0.1', port: 0, log: silentLog })
    const client = await openClient(control.address)
    this.#t.teardown(async () => {
      client.close()
      await control.close(1)
    })
    return client
  }

  /** One that can be killed; resolves when it is open. */
  process(name: string): Promise<DaemonProcess> {
    return startDaemon(this.#t, this.nats.url, name)
  }
}

/** All outcomes as text, as a plain loop would write them, and the failures. */
export const allOf = async (
  desk: Desk,
  job: string,
  asked: ResultsAsked = {},
): Promise<{ text: string; items: number[]; failures: ItemFailure[] }> => {
  const format = jsonlFormat({ tagged: true, unordered: asked.ordered === false })
  const pieces: Uint8Array[] = []
  const items: number[] = []
  const failures: ItemFailure[] = []
  for await (const outcomes of desk.results(job, asked, never)) {
    for (let item = outcomes.start; item < outcomes.end; item++) items.push(item)
    failures.push(...outcomes.failures)
    pieces.push(...format.encode(outcomes))
  }
  return { text: Buffer.concat(pieces).toString(), items, failures }
}

/** The end of a job. */
export const endOf = async (desk: Desk, job: string): Promise<JobView> => {
  let last: JobView | undefined
  for await (const view of desk.watch(job, never)) last = view
  if (last === undefined) throw new Error(`job ${job} was never seen`)
  return last
}

/** Waits until a job is seen so. */
export const until = async (desk: Desk, job: string, isSo: (view: JobView) => boolean): Promise<JobView> => {
  for await (const view of desk.watch(job, never)) if (isSo(view)) return view
  throw new Error(`job ${job} ended before`)
}

/** The values of a job that maps x to x * 3, item by item. */
export const tripled = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, nth) => `{"index":${nth},"value":${(from + nth) * 3}}\n`).join('')

/** Takes that long for each item. */
export const slowTriple = (milliseconds: number, input: JobAsked['input'], more: Partial<JobAsked> = {}): Order => ({
  asked: { name: 'triple', ...NODE_JOB, ...more, input },
  source: `export default x => { const until = performance.now() + ${milliseconds}; while (performance.now() < until); return x * 3 }`,
})
