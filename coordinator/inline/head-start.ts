// A job that begins in the caller's own loop, at once and from the front, while workers start and take from the back.
//
//   items ─> shares ─> caller (slices of the plain loop) ──────> results
//              └─────> the workers' job (hands.run) ─> places ──────^
//                        asked for, fed and stopped by the plan
//
// In: a function of this process, a source, hands that are opened only when the plan asks for workers. Out: a JobEnd.
// Always true: each item is run once; the event loop has its turn after each slice; an end that is not `done` is the first
// one's, the caller's or the workers'.
import { setImmediate as turn } from 'node:timers/promises'
import type { ItemFailure, Outcomes } from '../../proto/outcome.js'
import type { Clock } from '../../proto/timing.js'
import { Accounts } from '../accounts.js'
import type { JobFunction } from '../function/function.js'
import type { Source } from '../input/source.js'
import type { Claim, Hands, JobEnd, JobOptions, JobRequest, Progress } from '../job.js'
import { Plan } from '../plan.js'
import { learnStart, startSecondsOf } from '../start-costs.js'
import { CallerAccount } from './caller-account.js'
import type { Met } from './met.js'
import type { Part } from './part.js'
import { type Piece, Shares } from './shares.js'

/** The workers that earlier jobs have left behind. */
export interface ReadyWorkers {
  readonly isReady: boolean
  /** From asking them for help to their first question for items, as measured last. */
  joinSeconds: number | undefined
}

export interface HeadStartOptions {
  readonly name: string
  /** What is known of the function from earlier jobs, and is told of it to later ones. */
  readonly met: Pick<Met, 'itemSeconds'>
  readonly spread: boolean
  readonly source: Source
  /** What is done with the items. `onWait` is called again and again while a promise is waited for, with how long so far. */
  readonly part: (onWait: (seconds: number) => void) => Part
  /** Whether workers take the next items instead of the last ones: where results are wanted in order as they come. */
  readonly inTurn: boolean
  readonly options: JobOptions
  readonly abort: AbortSignal
  readonly onProgress?: (progress: Progress) => void
  /** Where workers may be; none: the caller's loop alone. */
  readonly workers?: {
    readonly place: 'local' | 'cluster'
    /** With the caller's own core. */
    readonly slots: number
    /** What is known of workers that are there already; kept for later jobs. */
    readonly pool: ReadyWorkers
    readonly hands: () => Promise<Hands>
    /** The function as workers have it. */
    readonly function: () => Promise<JobFunction>
  }
  readonly clock: Clock
}

/** The first look at what an item costs; workers are not thought of before. */
const FIRST_SLICE_SECONDS = 0.001
/** What the event loop waits for at most, but for one item. Smaller: more turns. Larger: timers and sockets that wait. */
const SLICE_SECONDS = 0.005
/** While workers are on their way into the job: a dozen messages go to and fro, each of which waits for a slice's end. */
const JOINING_SLICE_SECONDS = 0.0005
/** The clock is looked at after so much of the loop, as it is expected to take. */
const CHUNK_SECONDS = 0.0005
/** One chunk is at most so many times the last one: the first items are often unlike the rest. */
const GROWTH = 8
const FAILURES_KEPT = 20
const PROGRESS_SECONDS = 0.25

/** Of this process, to tell receipts apart. */
let jobs = 0

export class HeadStart {
  readonly #options: HeadStartOptions
  readonly #shares: Shares
  readonly #part: Part
  readonly #plan: Plan
  readonly #accounts: Accounts
  readonly #account: CallerAccount
  readonly #stop = new AbortController()
  #state: JobEnd['state'] = 'done'
  #why: string | undefined
  #failed = 0
  readonly #failures: ItemFailure[] = []
  #chunkItems = 1
  #claim: Claim | undefined
  #function: Promise<JobFunction> | undefined
  #asked = 0
  #workersEnd: Promise<JobEnd> | undefined
  #callerRuns = true
  /** Ends the wait that the loop is in. */
  #leaveWait: (() => void) | undefined
  /** For the cost of handing over: busy seconds of this thread, and of those the caller's own loop's. */
  #busyAtSeconds = 0
  #receivedItems = 0

  constructor(options: HeadStartOptions) {
    this.#options = options
    const { name, met, source, inTurn, part, clock, workers } = options
    this.#shares = new Shares({ source, workersTake: inTurn ? 'next' : 'back' })
    this.#accounts = new Accounts({ job: `inline-${process.pid}-${++jobs}`, name, placement: 'inline' })
    this.#account = new CallerAccount(this.#accounts, clock())
    this.#part = part(seconds => {
      this.#plan.waits(seconds)
      this.#decide()
    })
    this.#plan = new Plan({
      place: workers?.place ?? 'local',
      slots: workers?.slots ?? 1,
      startSeconds: startSecondsOf('node'),
      ...(met.itemSeconds !== undefined && { itemSeconds: met.itemSeconds }),
      ...(workers?.pool.isReady === true &&
        workers.pool.joinSeconds !== undefined && { joinSeconds: workers.pool.joinSeconds }),
      decisions: this.#accounts.decisions,
    })
  }

  async run(): Promise<JobEnd> {
    const { abort, onProgress, clock } = this.#options
    const onAbort = (): void => this.#end('interrupted')
    abort.addEventListener('abort', onAbort)
    if (abort.aborted) onAbort()
    const progress = onProgress && setInterval(() => this.#progress(onProgress), PROGRESS_SECONDS * 1000)
    try {
      await this.#loop()
    } catch (error) {
      this.#end('broken', (error as Error).message)
    }
    if (this.#callerRuns) this.#account.report(clock())
    this.#shares.feed(true)
    const workersEnd = await this.#workersEnd
    clearInterval(progress)
    abort.removeEventListener('abort', onAbort)
    this.#claim?.release()
    await this.#shares.close().catch(() => {})
    return this.#finish(workersEnd, clock())
  }

  async #loop(): Promise<void> {
    const { clock, met } = this.#options
    // The first item of a function that is known to take long would keep everyone waiting.
    if (met.itemSeconds !== undefined) this.#decide()
    let until = clock() + FIRST_SLICE_SECONDS
    while (!this.#isOver) {
      if (!this.#callerRuns) {
        this.#account.retire(clock())
        await this.#workersEnd
        return
      }
      const taken = this.#shares.takeForCaller(this.#chunkItems)
      const piece = taken instanceof Promise ? await this.#unlessOver(taken) : taken
      if (piece === undefined) return
      const ran = this.#runPiece(piece)
      if (ran instanceof Promise) await this.#unlessOver(ran)
      if (clock() < until) continue
      this.#decide()
      await this.#yield()
      until = clock() + (this.#isJoining ? JOINING_SLICE_SECONDS : SLICE_SECONDS)
    }
  }

  /** One chunk of the loop, and the size of the next. */
  #runPiece(piece: Piece): void | Promise<void> {
    const { clock } = this.#options
    this.#part.prepare(piece)
    const beganAt = clock()
    const ran = this.#part.run(piece)
    const finish = (failures: readonly ItemFailure[]): void => {
      const items = piece.to - piece.from
      const now = clock()
      const seconds = Math.max(now - beganAt, 1e-9)
      this.#plan.ran(items, seconds)
      this.#account.ran(items, seconds, now)
      const wanted = Math.floor((items * CHUNK_SECONDS) / seconds)
      this.#chunkItems = Math.max(1, Math.min(wanted, items * GROWTH))
      this.#fail(failures)
    }
    if (!(ran instanceof Promise)) return finish(ran)
    return ran.then(failures => {
      if (!this.#isOver) finish(failures)
    })
  }

  /** What is waited for; nothing once the job is over: a promise or a source that never gives anything holds no one. */
  #unlessOver<T>(waited: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#leaveWait = () => resolve(undefined)
      if (this.#isOver) resolve(undefined)
      waited.then(resolve, reject)
    })
  }

  async #yield(): Promise<void> {
    await turn()
    // What waits for its turn is being run, here or there; the caller's next items would only wait behind it.
    while (!this.#part.hasRoom && !this.#isOver) await new Promise(resolve => setTimeout(resolve, 1))
  }

  /** Asks the plan, and does as it says. */
  #decide(): void {
    const { workers, clock } = this.#options
    if (workers === undefined || this.#isOver) return
    this.#measureHandover()
    const { remaining } = this.#shares
    let course = this.#plan.decide(this.#account.secondsAt(clock()), remaining)
    if (this.#plan.wantsHandover) {
      this.#plan.expectHandover(this.#part.handoverSeconds() ?? 0)
      course = this.#plan.decide(this.#account.secondsAt(clock()), remaining)
    }
    if (course.workers > this.#asked) {
      this.#asked = course.workers
      this.#summon(course.workers).catch(error => this.#end('broken', (error as Error).message))
    }
    this.#shares.feed(course.isFed && this.#part.hasRoom)
    this.#callerRuns = course.callerRuns
  }

  /** What this thread was busy with beside the caller's loop, since it was last looked at. */
  #measureHandover(): void {
    const items = this.#account.workersItems - this.#receivedItems
    const busySeconds = performance.eventLoopUtilization().active / 1000 - this.#account.computeSeconds
    if (items > 0) this.#plan.received(items, Math.max(0, busySeconds - this.#busyAtSeconds))
    this.#receivedItems = this.#account.workersItems
    this.#busyAtSeconds = busySeconds
  }

  async #summon(count: number): Promise<void> {
    const { workers, clock } = this.#options
    if (workers === undefined) return
    const askedAtSeconds = clock()
    const hands = await workers.hands()
    if (this.#isOver) return
    this.#plan.offered(hands.slots)
    if (Math.min(count, hands.slots - 1) < 1 && this.#plan.isShort) return
    this.#claim ??= hands.claim('node')
    const wasReady = this.#claim.ready > 0
    // While workers start.
    this.#function ??= workers.function()
    const [fn] = await Promise.all([this.#function, this.#claim.workers(count)])
    const startSeconds = clock() - askedAtSeconds
    if (!wasReady) learnStart('node', startSeconds)
    // Further workers come to the one job that there is.
    if (this.#isOver || this.#workersEnd !== undefined || this.#shares.remaining === 0) return
    this.#workersEnd = this.#runWorkers(hands, fn)
    this.#plan.ready(startSeconds)
    this.#decide()
  }

  async #runWorkers(hands: Hands, fn: JobFunction): Promise<JobEnd> {
    const { spread, options, inTurn, clock } = this.#options
    const beganAt = clock()
    const request: JobRequest = {
      function: fn,
      operation: this.#part.operation,
      spread,
      input: this.#shares.input(() => {
        const { pool } = this.#options.workers ?? {}
        if (pool !== undefined) pool.joinSeconds = clock() - beganAt
      }),
      output: {
        takesRecords: true,
        write: outcomes => this.#receive(outcomes),
        commit: async () => {},
        abandon: async () => {},
      },
      // Without turns their places are found here.
      options: { ...options, unordered: options.unordered || !inTurn },
      abort: this.#stop.signal,
      caller: {
        itemSeconds: this.#plan.itemSeconds ?? 0,
        items: this.#account.items,
        sliceSeconds: SLICE_SECONDS,
        accounts: this.#accounts,
      },
    }
    const end = await hands.run(request)
    if (end.state !== 'done') this.#end(end.state, end.why)
    return end
  }

  /** The outcomes of the workers' job, at their places in the whole. */
  async #receive(outcomes: Outcomes): Promise<void> {
    const { start, end, values, failures } = outcomes
    const index = this.#shares.indexOf(start)
    const placed = failures.map(failure => ({ ...failure, index: index + failure.index - start }))
    this.#account.received(end - start)
    this.#keep(placed)
    await this.#part.write({ start: index, end: index + end - start, values, failures: placed })
    // What the caller is at is waited for; more would only wait behind it.
    if (!this.#part.hasRoom && this.#callerRuns) this.#shares.feed(false)
  }

  #fail(failures: readonly ItemFailure[]): void {
    if (failures.length === 0) return
    this.#keep(failures)
    if (this.#options.options.onError === 'stop')
      this.#end('stopped', `Item ${failures[0]?.index} failed: ${failures[0]?.message}`)
  }

  #keep(failures: readonly ItemFailure[]): void {
    this.#failed += failures.length
    this.#failures.push(...failures.slice(0, Math.max(0, FAILURES_KEPT - this.#failures.length)))
  }

  get #isJoining(): boolean {
    return this.#asked > 0 && this.#account.workersItems === 0
  }

  get #isOver(): boolean {
    return this.#stop.signal.aborted
  }

  /** The first end that is not `done` is the job's. */
  #end(state: JobEnd['state'], why?: string): void {
    if (this.#isOver) return
    this.#state = state
    this.#why = why
    this.#stop.abort()
    this.#part.leave()
    this.#leaveWait?.()
    // Whoever waits for the source is told. Not at once: the source itself may be what ended the job, and be running.
    queueMicrotask(() => this.#shares.close().catch(() => {}))
  }

  #progress(onProgress: (progress: Progress) => void): void {
    const { source, clock } = this.#options
    try {
      onProgress({
        settled: this.#account.items + this.#account.workersItems,
        failed: this.#failed,
        total: source.type === 'indexed' ? source.count : undefined,
        slots: 1 + this.#asked,
        agents: this.#workersEnd === undefined ? 0 : 1,
        wallSeconds: this.#account.secondsAt(clock()),
        coreSeconds: this.#accounts.soFar(clock()).phases,
      })
    } catch (error) {
      this.#end('broken', `onProgress threw: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  #finish(workersEnd: JobEnd | undefined, now: number): JobEnd {
    const { items, computeSeconds } = this.#account
    if (items > 0) this.#options.met.itemSeconds = computeSeconds / items
    const settled = this.#account.items + this.#account.workersItems
    return {
      job: workersEnd?.job ?? 'inline',
      state: this.#state,
      settled,
      failed: this.#failed,
      failures: this.#failures,
      ...(this.#why !== undefined && { why: this.#why }),
      receipt: this.#accounts.receipt(settled, this.#failed, now),
    }
  }
}
