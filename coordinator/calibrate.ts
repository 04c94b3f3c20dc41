// What handing work over costs, measured by real jobs that compute nothing. In: hands, a runner. Out: the costs of that
// place. Always true: only durations of this process's clock are subtracted; a measurement takes tens of milliseconds, and
// all of them together well below a second, start-up of workers apart.
import type { RunnerName } from '../proto/shard.js'
import { monotonicSeconds } from '../proto/timing.js'
import type { ClusterCosts, PlaceCosts } from './costs.js'
import type { JobFunction } from './function/function.js'
import type { Input } from './input/input.js'
import { openRange, range } from './input/range.js'
import { openValues } from './input/values.js'
import { type Hands, JOB_DEFAULTS, type JobEnd } from './job.js'
import type { Output } from './output/output.js'

const NOWHERE: Output = { write: async () => {}, commit: async () => {}, abandon: async () => {} }

/** A measurement lasts about so long. Shorter: timers and other processes show. Longer: people wait. */
const MEASURE_SECONDS = 0.08
/** Shards go through more code than items do, which takes longer to be compiled well. */
const SHARD_SECONDS = 0.25
const LONE_JOBS = { node: 9, exec: 9, python: 3 } as const
const MOST_GROWTHS = 5
const FIRST_SHARDS = 100
const FIRST_ITEMS = 20_000
const MOST_ITEMS = 2_000_000
const TEXT_BYTES = 1024
const FIRST_TEXTS = 1000
const MOST_TEXTS = 20_000

/** Functions that give back what they are given: all that is measured is the way there and back. */
const IDENTITY: Readonly<Record<RunnerName, { readonly number: JobFunction; readonly text: JobFunction }>> = {
  node: {
    number: { runner: 'node', name: 'Math.abs', entry: '', function: 'Math.abs' },
    text: { runner: 'node', name: 'String', entry: '', function: 'String' },
  },
  python: (() => {
    const content = new TextEncoder().encode('def identity(item):\n    return item\n')
    const fn = { runner: 'python', name: 'identity', entry: 'identity.py', function: 'identity' } as const
    const identity: JobFunction = { ...fn, bundle: [{ path: 'identity.py', content }] }
    return { number: identity, text: identity }
  })(),
  exec: (() => {
    const echo = { argv: ['echo', '{}'], shell: false }
    const identity: JobFunction = { runner: 'exec', name: 'echo', entry: '', function: '', command: echo }
    return { number: identity, text: identity }
  })(),
}

export interface CalibrateOptions {
  readonly hands: Hands
  readonly runner: RunnerName
  /** Ends it, with an error. */
  readonly signal?: AbortSignal
}

interface Measured {
  readonly end: JobEnd
  readonly seconds: number
  /** This process's own processor time. */
  readonly callerSeconds: number
}

class Calibration {
  readonly #options: CalibrateOptions

  constructor(options: CalibrateOptions) {
    this.#options = options
  }

  async job(fn: JobFunction, input: Input, shardSize?: number): Promise<Measured> {
    const { hands, signal } = this.#options
    const options = { ...JOB_DEFAULTS, unordered: true, ...(shardSize === undefined ? {} : { shardSize }) }
    const before = process.cpuUsage()
    const started = monotonicSeconds()
    const end = await hands.run({
      function: fn,
      operation: 'map',
      input,
      output: NOWHERE,
      options,
      ...(signal && { abort: signal }),
    })
    const seconds = monotonicSeconds() - started
    const { user, system } = process.cpuUsage(before)
    if (end.state !== 'done' || end.failed > 0) {
      const why = end.why ?? end.failures[0]?.message ?? end.state
      throw new Error(`what handing over costs could not be measured: ${why}`)
    }
    return { end, seconds, callerSeconds: (user + system) / 1e6 }
  }

  /** Runs jobs of more and more pieces until one fills the time; that one counts, since its code was run before. */
  async filled(
    first: number,
    most: number,
    run: (pieces: number) => Promise<Measured>,
    seconds = MEASURE_SECONDS,
  ): Promise<Measured & { readonly pieces: number }> {
    let pieces = first
    let measured = await run(pieces)
    for (let nth = 1; nth < MOST_GROWTHS && pieces < most && workedOf(measured) < seconds; nth++) {
      const growth = Math.max(2, Math.min(16, (1.2 * seconds) / Math.max(workedOf(measured), 1e-4)))
      pieces = Math.min(most, Math.round(pieces * growth))
      measured = await run(pieces)
    }
    // Other processes only ever make it longer.
    const again = await run(pieces)
    return { ...(workedOf(again) < workedOf(measured) ? again : measured), pieces }
  }
}

/** Without the time in which workers were started. */
const workedOf = ({ end, seconds }: Measured): number =>
  seconds - end.receipt.core_seconds.start / Math.max(1, end.receipt.slots)

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

/** What a job took beyond its function, of all slots together. */
const besides = ({ end, seconds }: Measured, slots: number, jobSeconds: number): number => {
  const { core_seconds: phases } = end.receipt
  return Math.max(0, (seconds - jobSeconds) * slots - phases.compute - phases.start)
}

/** Rejects when it is called off before. */
const unless = <T>(signal: AbortSignal | undefined, promise: Promise<T>): Promise<T> =>
  signal === undefined
    ? promise
    : Promise.race([
        promise,
        new Promise<never>((_, reject) => {
          if (signal.aborted) reject(signal.reason)
          signal.addEventListener('abort', () => reject(signal.reason), { once: true })
        }),
      ])

/** The costs of a place whose workers have not been started yet, when their start is to be seen. */
const measure = async (options: CalibrateOptions): Promise<ClusterCosts> => {
  const { hands, runner, signal } = options
  const claim = hands.claim(runner)
  try {
    const readySeconds = await unless(signal, claim.workers(1))
    const first = await new Calibration(options).job(IDENTITY[runner].number, openRange(range(1)))
    const slots = Number.isFinite(hands.slots) ? hands.slots : claim.ready
    // All slots, whether such small jobs are worth them or not.
    void claim.workers(slots)
    return await measureSlots(options, Math.max(1, slots), readySeconds + first.end.receipt.core_seconds.start)
  } finally {
    claim.release()
  }
}

const measureSlots = async (options: CalibrateOptions, slots: number, firstSeconds: number): Promise<ClusterCosts> => {
  const calibration = new Calibration(options)
  const { number, text } = IDENTITY[options.runner]
  const numbers = (count: number, shardSize?: number) => calibration.job(number, openRange(range(count)), shardSize)
  // Every slot gets a worker, and every path has been run once.
  await numbers(slots * 8, 1)
  const lone: Measured[] = []
  for (let nth = 0; nth < LONE_JOBS[options.runner]; nth++) lone.push(await numbers(1))
  // A Python worker serves one job: its start is no part of the job's own time.
  const startOf = ({ end }: Measured): number => end.receipt.core_seconds.start
  const jobSeconds = median(lone.map(job => Math.max(0, job.seconds - startOf(job))))
  const startSeconds = Math.max(firstSeconds, median(lone.map(startOf)))
  const isExec = options.runner === 'exec'
  const shards = await calibration.filled(FIRST_SHARDS, MOST_ITEMS, count => numbers(count, 1), SHARD_SECONDS)
  const many = (count: number): number => Math.max(1, Math.ceil(count / (4 * slots)))
  const items = await calibration.filled(isExec ? FIRST_SHARDS : FIRST_ITEMS, MOST_ITEMS, count =>
    numbers(count, many(count)),
  )
  const piece = 'x'.repeat(TEXT_BYTES)
  const texts = await calibration.filled(isExec ? FIRST_SHARDS : FIRST_TEXTS, MOST_TEXTS, count =>
    calibration.job(text, openValues(new Array<string>(count).fill(piece)), many(count)),
  )
  const bytes = 2 * TEXT_BYTES * texts.pieces
  const itemSeconds = besides(items, slots, jobSeconds) / items.pieces
  const callerItemSeconds = items.callerSeconds / items.pieces
  return {
    startSeconds,
    jobSeconds,
    shardSeconds: Math.max(0, besides(shards, slots, jobSeconds) / shards.pieces - itemSeconds),
    itemSeconds,
    byteSeconds: Math.max(0, besides(texts, slots, jobSeconds) - texts.pieces * itemSeconds) / bytes,
    callerShardSeconds: Math.max(0, shards.callerSeconds / shards.pieces - callerItemSeconds),
    callerItemSeconds,
    callerByteSeconds: Math.max(0, texts.callerSeconds - texts.pieces * callerItemSeconds) / bytes,
    measurements: 1,
    slots,
    bytesPerSecond: bytes / Math.max(texts.seconds - jobSeconds, 1e-4),
  }
}

/** On this machine; the hands should be fresh, so that the first claim shows what starting a worker costs. */
export const calibrateLocal = async (options: CalibrateOptions): Promise<PlaceCosts> => {
  const { slots: _, bytesPerSecond: __, ...costs } = await measure(options)
  return costs
}

/** On the agents that have joined; it waits for the first of them as any job does. */
export const calibrateCluster = (options: CalibrateOptions): Promise<ClusterCosts> => measure(options)

/** How many slots there are now; rejects when no agent has been heard of before it is called off. */
export const countSlots = async (options: CalibrateOptions): Promise<number> => {
  const claim = options.hands.claim(options.runner)
  try {
    await unless(options.signal, claim.workers(1))
    // While it runs, agents that answer a little later are heard of too.
    await new Calibration(options).job(IDENTITY[options.runner].number, openRange(range(1)))
    return claim.ready
  } finally {
    claim.release()
  }
}
