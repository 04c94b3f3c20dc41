// Efficiency against the duration of a task, by real jobs. In: hands, a runner, how items are cut into shards. Out: a curve, from
// long tasks to short ones, as far as its time allows. Always true: a point is useful work over slots x wall, start-up of
// workers and of the job apart, as Task Bench has it, and apart from what other processes are seen to have taken; the better of two runs counts.
import { monotonicSeconds } from '../../proto/timing.js'
import { openRange, range } from '../input/range.js'
import { type Hands, JOB_DEFAULTS } from '../job.js'
import { type GrainPoint, type Metg, metg } from '../metg.js'
import type { Output } from '../output/output.js'
import { type Grain, type GrainRunner, grainsOf } from './grains.js'

export type Cut = 'one item' | 'automatic'

export interface Curve {
  readonly runner: GrainRunner
  readonly cut: Cut
  readonly slots: number
  readonly points: readonly GrainPoint[]
  readonly half: Metg | undefined
  readonly most: Metg | undefined
}

export interface CurveOptions {
  readonly hands: Hands
  readonly runner: GrainRunner
  readonly cut: Cut
  /** What a job of one item takes that takes no time: it says nothing of tasks. */
  readonly jobSeconds: number
  /** The whole curve takes about so long. */
  readonly seconds: number
  readonly signal: AbortSignal
}

const NOWHERE: Output = { write: async () => {}, commit: async () => {}, abandon: async () => {} }

/** Durations that are tried: half decades, from long to short. */
const GRAINS: Readonly<Record<Cut, readonly number[]>> = {
  'one item': [1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5],
  automatic: [1e-3, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 3e-7, 1e-7, 3e-8],
}
/** Two durations in a row below this efficiency, and nothing more is to be learned. */
const LOW_ENOUGH = 0.35
const RUNS = 2
/** No job of the bench is larger. */
const MOST_ITEMS = 20_000_000
const HALF = 0.5
const MOST = 0.95

interface Ran {
  readonly slots: number
  readonly workedSeconds: number
}

const run = async ({ hands, cut, signal, jobSeconds }: CurveOptions, grain: Grain, items: number): Promise<Ran> => {
  const before = process.cpuUsage()
  const began = monotonicSeconds()
  const end = await hands.run({
    function: grain.fn,
    operation: 'map',
    input: openRange(range(items)),
    output: NOWHERE,
    options: { ...JOB_DEFAULTS, ...(cut === 'one item' && { shardSize: 1 }) },
    abort: signal,
  })
  const seconds = monotonicSeconds() - began
  signal.throwIfAborted()
  if (end.state !== 'done' || end.failed > 0)
    throw new Error(end.why ?? end.failures[0]?.message ?? `the job is ${end.state}`)
  const { user, system } = process.cpuUsage(before)
  const { core_seconds: phases, preempted_core_seconds: preempted, placement } = end.receipt
  const slots = Math.max(1, Math.round(end.receipt.slots))
  // A function that had no core for longer than this process was on one had to wait for others, who are not ours to measure.
  const othersSeconds = placement === 'local' ? Math.max(0, preempted - (user + system) / 1e6) : 0
  return { slots, workedSeconds: Math.max(seconds / 10, seconds - jobSeconds - (phases.start + othersSeconds) / slots) }
}

const pointOf = (grain: Grain, items: number, { slots, workedSeconds }: Ran): GrainPoint => {
  const granularitySeconds = (slots * workedSeconds) / items
  return { taskSeconds: grain.taskSeconds, granularitySeconds, efficiency: grain.taskSeconds / granularitySeconds }
}

/** The whole curve, with all slots at work: whether so short a job is worth them is not asked here. */
export const curveOf = async (options: CurveOptions): Promise<Curve> => {
  const { hands, runner } = options
  const claim = hands.claim(runner)
  void claim.workers(hands.slots)
  try {
    return await measure(options)
  } finally {
    claim.release()
  }
}

const measure = async (options: CurveOptions): Promise<Curve> => {
  const { runner, cut } = options
  const deadline = monotonicSeconds() + options.seconds
  const grains = await grainsOf(runner, GRAINS[cut])
  const points: GrainPoint[] = []
  let slots = 1
  // Every worker is there, and the code on the way has been run.
  const [first] = grains
  if (first !== undefined) slots = (await run(options, first, 64)).slots
  const runSeconds = (deadline - monotonicSeconds()) / Math.max(1, grains.length * RUNS)
  // What the task before took beyond its loop is what the next one will take.
  let overheadSeconds = 0
  for (const grain of grains) {
    if (monotonicSeconds() > deadline && points.length > 1) break
    const perTask = grain.taskSeconds + overheadSeconds
    const items = Math.min(MOST_ITEMS, Math.max(slots * 8, Math.round((slots * runSeconds * 0.8) / perTask)))
    let best: GrainPoint | undefined
    for (let nth = 0; nth < RUNS; nth++) {
      const ran = await run(options, grain, items)
      slots = ran.slots
      const point = pointOf(grain, items, ran)
      if (best === undefined || point.efficiency > best.efficiency) best = point
    }
    if (best === undefined) break
    points.push(best)
    overheadSeconds = Math.max(0, best.granularitySeconds - grain.taskSeconds)
    if (points.length > 1 && points.slice(-2).every(({ efficiency }) => efficiency < LOW_ENOUGH)) break
  }
  return { runner, cut, slots, points, half: metg(points, HALF), most: metg(points, MOST) }
}
