// Coordinators and agents of a test on a NATS server, in this process; their workers are processes of their own.
// In: a server. Out: coordinators, agents, jobs of items that wait instead of computing, so that a busy machine says the same as an idle one.
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { Agent, type AgentOptions } from '../../agent/agent.js'
import { BundleCache } from '../../agent/bundles.js'
import { startWorker } from '../../agent/process.js'
import { Coordinator } from '../../coordinator/coordinator.js'
import { literalFunction } from '../../coordinator/function/literal.js'
import { openValues } from '../../coordinator/input/values.js'
import { JOB_DEFAULTS, type JobEnd, type JobOptions, type Progress } from '../../coordinator/job.js'
import { ArrayResults } from '../../coordinator/output/results.js'
import type { Log } from '../../proto/log.js'
import { monotonicSeconds } from '../../proto/timing.js'
import { openAgentTransport, openCoordinatorTransport } from '../../proto/transport/open.js'

const clock = monotonicSeconds

export const until = async (t: ExecutionContext, what: string, done: () => boolean): Promise<void> => {
  const end = performance.now() + 20_000
  while (!done()) {
    if (performance.now() > end) throw t.fail(what)
    await sleep(5)
  }
}

export interface Lines {
  readonly lines: string[]
  readonly log: Log
}

export const listen = (): Lines => {
  const lines: string[] = []
  return { lines, log: (level, message) => void (level !== 'debug' && lines.push(message)) }
}

export const openCoordinator = async (t: ExecutionContext, url: string, log = listen().log): Promise<Coordinator> => {
  const coordinator = new Coordinator({
    transport: await openCoordinatorTransport({ url, insecure: false }, 'test'),
    placement: 'cluster',
    inlineBytes: 256 * 1024,
    aheadSeconds: 0,
    changeSeconds: 0.01,
    clock,
    log,
  })
  t.teardown(() => coordinator.close())
  return coordinator
}

export const openAgent = async (
  t: ExecutionContext,
  url: string,
  name: string,
  slots: number,
  more: Partial<Pick<AgentOptions, 'labels' | 'onDrainAsked' | 'log' | 'cwd' | 'startWorker'>> = {},
): Promise<Agent> => {
  const agent = new Agent({
    name,
    slots,
    depth: 2,
    transport: await openAgentTransport({ url, insecure: false }, name),
    cache: new BundleCache(),
    clock,
    log: listen().log,
    startWorker,
    onPrint: () => {},
    cwd: process.cwd(),
    ...more,
  })
  agent.start()
  t.teardown(() => agent.stop())
  return agent
}

/** Waits for so many ms, and gives them back. */
export const wait = (ms: number): number => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  return ms
}

export interface Running {
  readonly progress: () => Progress | undefined
  /** When the first of its items was settled, in seconds since it began; undefined before. */
  readonly firstSeconds: () => number | undefined
  /** Ends it at once. */
  readonly cancel: () => void
  readonly end: Promise<JobEnd & { readonly values: readonly unknown[] }>
}

export const start = async <T>(
  coordinator: Coordinator,
  fn: (item: T) => unknown,
  items: readonly T[],
  options: Partial<JobOptions> = {},
): Promise<Running> => {
  let progress: Progress | undefined
  let firstSeconds: number | undefined
  const stop = new AbortController()
  const output = new ArrayResults()
  const began = clock()
  const write = output.write.bind(output)
  output.write = outcomes => {
    firstSeconds ??= clock() - began
    return write(outcomes)
  }
  const running = coordinator.run({
    function: await literalFunction(fn),
    operation: 'map',
    input: openValues(items),
    output,
    options: { ...JOB_DEFAULTS, ...options },
    abort: stop.signal,
    onProgress: newest => {
      progress = newest
    },
  })
  return {
    progress: () => progress,
    firstSeconds: () => firstSeconds,
    cancel: () => stop.abort(),
    end: running.then(end => ({ ...end, values: end.state === 'done' ? output.values() : [] })),
  }
}
