// The workers' part of a job that began in the caller's loop: asked for, opened, run once. In: how many workers the plan wants; a
// share of the items. Out: outcomes, at the items' places in that share; an end. Always true: there is one such job at most, and
// it begins when its first worker is there and something is left for it.
import type { Operation } from '../../proto/shard.js'
import type { Clock } from '../../proto/timing.js'
import type { JobFunction } from '../function/function.js'
import { onFirstRead } from '../input/first-read.js'
import type { Input } from '../input/input.js'
import type { Hands, JobEnd, JobOptions, JobRequest } from '../job.js'
import type { Output } from '../output/output.js'
import { learnStart } from '../start-costs.js'
import type { OpenWay, Way, Ways } from './ways.js'

/** What joining costs is believed to be at most so many times what it was: in one job something else may have had the core. */
const MOST_TIMES = 2
/**
 * When the job first reads, about a quarter of what joining costs is spent: its tasks go to the agent and on to the workers, the first
 * reports come back, and at the end the caller asks for what is left. Smaller: short jobs are shared that end no sooner for it.
 */
const SPENT_PART = 1 / 4

export interface WorkersJobOptions {
  readonly ways: Ways
  /** The function as workers have it. */
  readonly function: () => Promise<JobFunction>
  readonly operation: Operation
  readonly spread: boolean
  /** Asked for once. */
  readonly input: () => Input
  readonly write: Output['write']
  readonly options: JobOptions
  readonly abort: AbortSignal
  /** What the caller's loop has found so far. */
  readonly caller: () => NonNullable<JobRequest['caller']>
  /** Time of the whole job so far in which the caller's loop ran no item. */
  readonly lostSeconds: () => number
  readonly isOver: () => boolean
  /** Something is nobody's yet. */
  readonly hasItems: () => boolean
  /** So many slots there are, the caller's among them. Returns whether workers are of use with so few. */
  readonly onSlots: (slots: number) => boolean
  readonly clock: Clock
}

export class WorkersJob {
  readonly #options: WorkersJobOptions
  #asked = 0
  #open: Promise<OpenWay> | undefined
  #opened: OpenWay | undefined
  #function: Promise<JobFunction> | undefined
  #end: Promise<JobEnd> | undefined
  /** Workers were there when they were first asked for: what joining costs then is no start's. */
  #wasReady: boolean | undefined
  /** What the caller's loop had lost when they were. */
  #lostBeforeSeconds = 0

  constructor(options: WorkersJobOptions) {
    this.#options = options
  }

  /** How many workers were asked for. */
  get asked(): number {
    return this.#asked
  }

  /** Those that are there, for this job or from others. */
  get ready(): number {
    return (this.#opened?.way ?? this.#options.ways.likeliest).pool.ready
  }

  /** A process of this machine is on its way, for which nothing can be done but wait. */
  get isStarting(): boolean {
    return this.#opened?.way.place === 'local' && this.#opened.claim.ready === 0
  }

  get hasBegun(): boolean {
    return this.#end !== undefined
  }

  /** Of the job, where there is one. */
  get end(): Promise<JobEnd> | undefined {
    return this.#end
  }

  /**
   * So many workers should be there. Resolves when this call has begun the job, with the seconds that it took; with
   * undefined where it has not. `remainingSeconds`: what is left, in the caller's loop alone; `at`: since the job's begin.
   */
  async ask(count: number, remainingSeconds: number, at: () => number): Promise<number | undefined> {
    const { ways, isOver, hasItems, onSlots, lostSeconds, clock } = this.#options
    if (this.#asked === 0) this.#lostBeforeSeconds = lostSeconds()
    this.#asked = count
    const askedAtSeconds = clock()
    this.#open ??= ways.open(remainingSeconds, at)
    this.#opened = await this.#open
    const { way, hands, claim } = this.#opened
    if (isOver() || !onSlots(hands.slots)) return undefined
    const wasReady = claim.ready > 0
    this.#wasReady ??= wasReady
    // While workers start.
    this.#function ??= this.#options.function()
    const [fn] = await Promise.all([this.#function, claim.workers(count)])
    const startSeconds = clock() - askedAtSeconds
    if (!wasReady) learnStart('node', startSeconds)
    // Further workers come to the one job that there is.
    if (isOver() || this.hasBegun || !hasItems()) return undefined
    this.#end = this.#run(way, hands, fn)
    return startSeconds
  }

  release(): void {
    this.#opened?.claim.release()
  }

  #run({ pool }: Way, hands: Hands, fn: JobFunction): Promise<JobEnd> {
    const { operation, spread, input, write, options, abort, caller, lostSeconds } = this.#options
    const learn = (): void => {
      if (this.#wasReady === true) learnJoin(pool, (lostSeconds() - this.#lostBeforeSeconds) / SPENT_PART)
    }
    return hands.run({
      function: fn,
      operation,
      spread,
      input: onFirstRead(input(), learn),
      output: { takesRecords: true, write, commit: async () => {}, abandon: async () => {} },
      options,
      abort,
      caller: caller(),
    })
  }
}

/** For later jobs to go by. */
const learnJoin = (pool: Way['pool'], lostSeconds: number): void => {
  const before = pool.joinSeconds ?? lostSeconds
  pool.joinSeconds = lostSeconds < before ? (lostSeconds + before) / 2 : Math.min(lostSeconds, MOST_TIMES * before)
}
