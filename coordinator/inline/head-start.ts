// A job that begins in the caller's own loop, at once and from the front, while workers start and take from the back.
//
//   items ─> shares ─> caller (slices of the plain loop) ──────> results
//              └─────> the workers' job (hands.run) ─> places ──────^
//                        asked for, fed and stopped by the plan
//
// In: a function of this process, a source, hands that are opened only when the plan asks for workers. Out: a JobEnd.
// Always true: each item is run once; the event loop has its turn after each slice; an end that is not `done` is the first
// one's, the caller's or the workers'.
import { IdleCores } from '../../proto/idle-cores.js'
import type { ItemFailure, Outcomes } from '../../proto/outcome.js'
import type { Clock } from '../../proto/timing.js'
import { Accounts } from '../accounts.js'
import type { JobFunction } from '../function/function.js'
import type { Source } from '../input/source.js'
import type { JobEnd, JobOptions, Progress } from '../job.js'
import { Plan } from '../plan.js'
import { startSecondsOf } from '../start-costs.js'
import { CallerAccount, cpuMicroseconds } from './caller-account.js'
import { Chunks } from './chunks.js'
import { Ending } from './ending.js'
import { Help } from './help.js'
import type { Met } from './met.js'
import type { Part } from './part.js'
import { type Piece, Shares } from './shares.js'
import { Turns } from './turns.js'
import { type Way, Ways } from './ways.js'
import { WorkersJob } from './workers-job.js'

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
    readonly ways: readonly [Way, ...Way[]]
    /** The function as workers have it. */
    readonly function: () => Promise<JobFunction>
  }
  readonly clock: Clock
}

/** The first look at what an item costs; workers are not thought of before. */
const FIRST_SLICE_SECONDS = 0.001
/** To measure what handing over would cost may take so much, and this part of what remains. Less: a guess by code that is not compiled yet. */
const HANDOVER_SECONDS = 0.001
const HANDOVER_PART = 0.02
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
  /** Where values find their places by themselves, the caller can take items back. */
  readonly #help: Help | undefined
  readonly #chunks: Chunks
  readonly #turns: Turns
  /** None where workers may be on other machines. */
  readonly #idleCores: IdleCores | undefined
  readonly #ending = new Ending(() => this.#leave())
  readonly #workers: WorkersJob | undefined
  #workersEnd: Promise<JobEnd> | undefined
  #callerRuns = true
  /** Ends the wait that the loop is in. */
  #leaveWait: (() => void) | undefined
  /** For the cost of handing over: busy seconds of this thread, and of those the caller's own loop's. */
  #busyAtSeconds = 0
  #receivedItems = 0
  /** In workers' functions, for these. */
  #receivedSeconds = 0

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
    const mayTakeBack = !inTurn && this.#part.operation === 'map' && source.type === 'indexed'
    this.#help = mayTakeBack ? new Help() : undefined
    this.#chunks = new Chunks({
      shares: this.#shares,
      source,
      help: this.#help,
      hasWorkers: () => this.#workersEnd !== undefined,
      account: this.#account,
      sliceSeconds: () => this.#turns.sliceSeconds,
      clock,
    })
    this.#turns = new Turns({
      workers: () => this.#workers,
      hasValues: () => this.#account.workersItems > 0,
      hasRoom: () => this.#part.hasRoom,
      isOver: () => this.#ending.isOver,
      clock,
    })
    const ways = workers && new Ways(workers.ways, this.#accounts.decisions)
    if (ways?.areHere) this.#idleCores = new IdleCores()
    const pool = ways?.likeliest.pool
    this.#plan = new Plan({
      slots: ways?.slots ?? 1,
      startSeconds: startSecondsOf('node'),
      ...(met.itemSeconds !== undefined && { itemSeconds: met.itemSeconds }),
      ...(pool !== undefined && pool.ready > 0 && pool.joinSeconds !== undefined && { joinSeconds: pool.joinSeconds }),
      decisions: this.#accounts.decisions,
    })
    if (ways !== undefined && workers !== undefined) this.#workers = this.#makeWorkers(ways, workers)
  }

  async run(): Promise<JobEnd> {
    const { abort, onProgress, clock } = this.#options
    const onAbort = (): void => this.#ending.end('interrupted')
    abort.addEventListener('abort', onAbort)
    if (abort.aborted) onAbort()
    const progress = onProgress && setInterval(() => this.#progress(onProgress), PROGRESS_SECONDS * 1000)
    try {
      await this.#loop()
    } catch (error) {
      this.#ending.end('broken', (error as Error).message)
    }
    if (this.#callerRuns) this.#account.report(clock())
    this.#shares.feed(true)
    const workersEnd = await this.#workersEnd
    clearInterval(progress)
    abort.removeEventListener('abort', onAbort)
    this.#workers?.release()
    await this.#shares.close().catch(() => {})
    return this.#finish(workersEnd, clock())
  }

  async #loop(): Promise<void> {
    const { clock, met } = this.#options
    // The first item of a function that is known to take long would keep everyone waiting.
    if (met.itemSeconds !== undefined) this.#decide()
    let beganAt = clock()
    let until = beganAt + FIRST_SLICE_SECONDS
    let cpuBefore = cpuMicroseconds()
    let hasWaited = false
    while (!this.#ending.isOver) {
      if (!this.#callerRuns) {
        this.#account.retire(clock())
        await this.#workersEnd
        return
      }
      const taken = this.#chunks.next()
      const piece = taken instanceof Promise ? await this.#unlessOver(taken) : taken
      if (piece === undefined) return
      const ran = this.#runPiece(piece)
      if (ran instanceof Promise) {
        hasWaited = true
        await this.#unlessOver(ran)
      }
      const now = clock()
      if (now < until) continue
      const cpu = cpuMicroseconds()
      // The event loop's turn before is in it: no more than that much too long.
      if (!hasWaited) this.#plan.used((cpu - cpuBefore) / 1e6)
      cpuBefore = cpu
      this.#decide()
      await this.#turns.give(now - beganAt)
      hasWaited = false
      beganAt = clock()
      until = beganAt + this.#turns.sliceSeconds
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
      this.#chunks.ran(items, seconds)
      this.#fail(failures)
    }
    if (!(ran instanceof Promise)) return finish(ran)
    return ran.then(failures => {
      if (!this.#ending.isOver) finish(failures)
    })
  }

  /** What is waited for; nothing once the job is over: a promise or a source that never gives anything holds no one. */
  #unlessOver<T>(waited: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#leaveWait = () => resolve(undefined)
      if (this.#ending.isOver) resolve(undefined)
      waited.then(resolve, reject)
    })
  }

  /** Asks the plan, and does as it says. */
  #decide(): void {
    const { clock } = this.#options
    const workers = this.#workers
    if (workers === undefined || this.#ending.isOver) return
    if (workers.hasBegun) this.#measureHandover()
    const { remaining } = this.#shares
    let course = this.#plan.decide(this.#account.secondsAt(clock()), remaining, workers.ready)
    const { wantsHandover, wantsLook, itemSeconds, remainingSeconds } = this.#plan
    if (wantsHandover || wantsLook) {
      const mostSeconds = HANDOVER_SECONDS + HANDOVER_PART * remainingSeconds
      if (wantsHandover) this.#plan.expectHandover(this.#part.handoverSeconds(itemSeconds ?? 0, mostSeconds) ?? 0)
      if (wantsLook) this.#plan.looked(this.#idleCores === undefined ? false : this.#idleCores.look())
      course = this.#plan.decide(this.#account.secondsAt(clock()), remaining, workers.ready)
    }
    if (workers.asked === 0) this.#turns.join(this.#plan.remainingSeconds)
    if (course.workers > workers.asked)
      this.#summon(workers, course.workers).catch(error => this.#ending.end('broken', (error as Error).message))
    this.#shares.feed(course.isFed && this.#part.hasRoom)
    this.#callerRuns = course.callerRuns
  }

  /** What this thread was busy with beside the caller's loop, since it was last looked at. */
  #measureHandover(): void {
    const items = this.#account.workersItems - this.#receivedItems
    const busySeconds = performance.eventLoopUtilization().active / 1000 - this.#account.computeSeconds
    const { workersComputeSeconds } = this.#account
    if (items > 0) {
      const callerSeconds = Math.max(0, busySeconds - this.#busyAtSeconds)
      this.#plan.received(items, callerSeconds, workersComputeSeconds - this.#receivedSeconds)
      this.#receivedSeconds = workersComputeSeconds
    }
    this.#receivedItems = this.#account.workersItems
    this.#busyAtSeconds = busySeconds
  }

  async #summon(workers: WorkersJob, count: number): Promise<void> {
    const at = (): number => this.#account.secondsAt(this.#options.clock())
    const startSeconds = await workers.ask(count, this.#plan.remainingSeconds, at)
    if (startSeconds === undefined || workers.end === undefined) return
    // What this thread did before is no handing over.
    this.#measureHandover()
    this.#workersEnd = workers.end
      .finally(() => this.#help?.end())
      .then(end => {
        if (end.state !== 'done') this.#ending.end(end.state, end.why)
        return end
      })
    this.#plan.ready(startSeconds)
    this.#decide()
  }

  #makeWorkers(ways: Ways, workers: NonNullable<HeadStartOptions['workers']>): WorkersJob {
    const { spread, options, inTurn, clock } = this.#options
    return new WorkersJob({
      ways,
      function: workers.function,
      operation: this.#part.operation,
      spread,
      input: () => this.#shares.input(),
      write: outcomes => this.#receive(outcomes),
      // Without turns their places are found here.
      options: { ...options, unordered: options.unordered || !inTurn },
      abort: this.#ending.signal,
      caller: () => ({
        itemSeconds: this.#plan.itemSeconds ?? 0,
        items: this.#account.items,
        accounts: this.#accounts,
        ...(this.#help && { help: this.#help }),
      }),
      lostSeconds: () => this.#lostSeconds,
      isOver: () => this.#ending.isOver,
      hasItems: () => this.#shares.remaining !== 0,
      onSlots: slots => {
        this.#plan.offered(slots)
        return slots > 1 || !this.#plan.isShort
      },
      clock,
    })
  }

  /** The outcomes of the workers' job, at their places in the whole. */
  async #receive(outcomes: Outcomes): Promise<void> {
    const { start, end, values, failures } = outcomes
    const index = this.#shares.indexOf(start)
    const placed = failures.map(failure => ({ ...failure, index: index + failure.index - start }))
    this.#account.received(end - start)
    this.#ending.keep(placed)
    await this.#part.write({ start: index, end: index + end - start, values, failures: placed })
    // What the caller is at is waited for; more would only wait behind it.
    if (!this.#part.hasRoom && this.#callerRuns) this.#shares.feed(false)
  }

  #fail(failures: readonly ItemFailure[]): void {
    if (failures.length === 0) return
    this.#ending.keep(failures)
    if (this.#options.options.onError === 'stop')
      this.#ending.end('stopped', `Item ${failures[0]?.index} failed: ${failures[0]?.message}`)
  }

  /** Time of this job in which the caller ran no item. */
  get #lostSeconds(): number {
    return this.#account.secondsAt(this.#options.clock()) - this.#account.computeSeconds
  }

  /** The job is over, however much is left. */
  #leave(): void {
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
        failed: this.#ending.failed,
        total: source.type === 'indexed' ? source.count : undefined,
        slots: 1 + (this.#workers?.asked ?? 0),
        agents: this.#workersEnd === undefined ? 0 : 1,
        wallSeconds: this.#account.secondsAt(clock()),
        coreSeconds: this.#accounts.soFar(clock()).phases,
      })
    } catch (error) {
      this.#ending.end('broken', `onProgress threw: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  #finish(workersEnd: JobEnd | undefined, now: number): JobEnd {
    const { items, computeSeconds } = this.#account
    if (items > 0) this.#options.met.itemSeconds = computeSeconds / items
    const settled = this.#account.items + this.#account.workersItems
    return {
      job: workersEnd?.job ?? 'inline',
      settled,
      ...this.#ending.told,
      receipt: this.#accounts.receipt(settled, this.#ending.failed, now),
    }
  }
}
