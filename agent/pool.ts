// The host's slots and what waits for them. In: work whose code and items are here. Out: reports, and room for more.
// Always true: work of one job is begun in the order in which it came, and jobs take turns (turns.ts); while one job alone has work, a
// worker's next shard is in its pipe before it is needed, and goes to another that has nothing to do while the first is at something long.
import type { Report } from '../proto/outcome.js'
import type { RunnerName, Task } from '../proto/shard.js'
import type { Clock } from '../proto/timing.js'
import type { Share } from './shares.js'
import { Slot, type Work } from './slot.js'
import { type Here, Turns, YIELD_SECONDS } from './turns.js'
import type { LoadedCode, Worker, WorkerOptions } from './worker.js'

export interface PoolOptions {
  /** The agent's name. */
  readonly agent: string
  readonly slots: number
  /** Shards held for each slot, where they are not too short: one that runs, the others in its worker's pipe. */
  readonly depth: number
  readonly clock: Clock
  readonly startWorker: (options: WorkerOptions) => Worker
  readonly cwd: string
  readonly onPrint: (line: string) => void
  readonly onReport: (report: Report) => void
  readonly onRefused: (job: string, message: string) => void
  /** There may be room for more work. */
  readonly onRoom: () => void
}

/**
 * A worker whose shards are shorter than the way to it is given so much work at once, and as much waits for it here: a frame
 * that comes with others costs a tenth of one that wakes the worker. Larger: more stands behind an item that turns out long.
 */
const SHORT_SECONDS = 0.25e-3
/** A frame takes about so long however little is in it. */
const FRAME_SECONDS = 15e-6
const MOST_DEPTH = 16
/**
 * What stands in a pipe behind something that has been silent for so long goes to a worker that has nothing to do. Smaller: short
 * shards are moved about that were on their way. Larger: slots are idle while others' work waits.
 */
const SILENT_SECONDS = 0.002

/** Nothing is put behind what has been silent for so long. Smaller: slots wait after long items. Larger: work is held that others could run. */
const STUCK_SECONDS = 1

export class Pool {
  readonly #options: PoolOptions
  readonly #slots: Slot[]
  /** How many of the slots take work: the first ones. */
  #inUse: number
  #queue: Work[] = []
  /** By the newest report of the job that reported last. */
  #pace: { readonly job: string; readonly shardSeconds: number } | undefined
  #sharing: NodeJS.Timeout | undefined
  #yielding: NodeJS.Timeout | undefined
  readonly #turns: Turns
  /** The jobs whose time is counted. */
  readonly #accounts = new Set<string>()
  /** Workers of slots that take no work are ended. */
  #isTrimmed = false

  constructor(options: PoolOptions) {
    this.#options = options
    this.#inUse = options.slots
    this.#turns = new Turns(options.clock)
    this.#slots = Array.from({ length: options.slots }, (_, number) => this.#makeSlot(number))
  }

  #makeSlot(number: number): Slot {
    const { agent, clock, startWorker, cwd, onPrint, onRefused, onRoom } = this.#options
    const slot = new Slot({
      agent,
      number,
      clock,
      startWorker,
      cwd,
      onPrint,
      onRefused,
      onReport: report => this.#report(report),
      onUntouched: work => {
        this.#queue.unshift(work)
      },
      onRoom: () => {
        this.#assign()
        onRoom()
      },
    })
    for (const job of this.#accounts) slot.beginAccount(job)
    return slot
  }

  /** How many more shards it would hold: for a slot that is stuck, none. */
  get room(): number {
    const perSlot = Math.max(this.#options.depth, 2 * this.#shortDepth)
    let room = -this.#queue.length
    for (const [nth, slot] of this.#slots.entries()) {
      const most = nth >= this.#inUse ? 0 : this.#isStuck(slot) ? slot.depth : perSlot
      room += most - slot.depth
    }
    return room
  }

  #isStuck(slot: Slot): boolean {
    return (slot.silentSeconds(this.#options.clock()) ?? 0) > STUCK_SECONDS
  }

  /** How many shards in one worker's pipe are little work, going by the newest report. */
  get #shortDepth(): number {
    if (this.#pace === undefined) return 0
    return Math.min(MOST_DEPTH, Math.floor(SHORT_SECONDS / (this.#pace.shardSeconds + FRAME_SECONDS)))
  }

  /** How many slots take work from now on; what the others run, they finish. Their workers stay for later, unless `isTrimmed`. */
  use(slots: number, isTrimmed = false): void {
    while (this.#slots.length < slots) this.#slots.push(this.#makeSlot(this.#slots.length))
    this.#inUse = slots
    this.#isTrimmed = isTrimmed
    for (const slot of this.#slots.slice(slots)) this.#takeBack(slot)
    this.#assign()
    this.#trim()
  }

  #trim(): void {
    if (this.#isTrimmed) for (const slot of this.#slots.slice(this.#inUse)) slot.dismiss()
  }

  /** What is here of each job. */
  load(): Map<string, Here> {
    const load = new Map<string, Here>()
    const count = (job: string, isRunning: boolean): void => {
      const { waiting, running } = load.get(job) ?? { waiting: 0, running: 0 }
      load.set(job, isRunning ? { waiting, running: running + 1 } : { waiting: waiting + 1, running })
    }
    for (const slot of this.#slots) {
      let isFirst = true
      for (const { task } of slot.held()) {
        count(task.job, isFirst)
        isFirst = false
      }
    }
    for (const { task } of this.#queue) count(task.job, false)
    return load
  }

  get slots(): number {
    return this.#inUse
  }

  /** Slots that have nothing to run. */
  get idleSlots(): number {
    return this.#inUseSlots.filter(({ depth }) => depth === 0).length
  }

  /** Shards to have at hand for each slot beside the one that runs, where several jobs have work. */
  get spareDepth(): number {
    return Math.max(1, this.#options.depth - 1, 2 * this.#shortDepth)
  }

  get #inUseSlots(): Slot[] {
    return this.#slots.slice(0, this.#inUse)
  }

  /** Whether it has waited here for long, behind jobs of a higher priority. */
  isOutranked(job: string): boolean {
    return this.#turns.isOutranked(job)
  }

  /** How many of the first slots have a worker of this runner. */
  ready(runner: RunnerName): number {
    const first = this.#slots.findIndex(slot => !slot.isReady(runner))
    return first === -1 ? this.#slots.length : first
  }

  /** Since when one of the workers has been inside of functions without a report. */
  get busySince(): number | undefined {
    let first: number | undefined
    for (const { busySince } of this.#slots)
      if (busySince !== undefined && (first === undefined || busySince < first)) first = busySince
    return first
  }

  /** Starts workers before there is work for them. Resolves when the first is there, with how long its start took. */
  prewarm(runner: RunnerName, count: number): Promise<number> {
    return Promise.race(this.#slots.slice(0, count).map(slot => slot.prewarm(runner)))
  }

  tick(now: number): void {
    for (const slot of this.#slots) slot.tick(now)
    this.#trim()
  }

  /** A job begins: its time in the slots is counted from now on. */
  beginAccount(job: string): void {
    this.#accounts.add(job)
    for (const slot of this.#slots) slot.beginAccount(job)
  }

  endAccount(job: string): void {
    this.#accounts.delete(job)
    this.#turns.forget(job)
    for (const slot of this.#slots) slot.endAccount(job)
  }

  /** What the job is to have of the slots, beside others. */
  know(job: string, share: Share): void {
    this.#turns.know(job, share)
  }

  submit(work: Work): void {
    this.#queue.push(work)
    this.#assign()
  }

  *held(): Iterable<{ readonly task: Task; readonly started: boolean }> {
    for (const slot of this.#slots) yield* slot.held()
    for (const { task } of this.#queue) yield { task, started: false }
  }

  /** Whether one of the tasks that are held is such. */
  some(which: (task: Task) => boolean): boolean {
    for (const slot of this.#slots) if (slot.some(which)) return true
    for (const { task } of this.#queue) if (which(task)) return true
    return false
  }

  /** Takes out what has not been given to a worker; the caller says what becomes of it. */
  withdraw(which: (task: Task) => boolean): Work[] {
    const taken = this.#queue.filter(({ task }) => which(task))
    this.#queue = this.#queue.filter(({ task }) => !which(task))
    return taken
  }

  /** Takes out what a worker has but cannot begin, since its code still loads. */
  withdrawLoading(which: (task: Task) => boolean): Work[] {
    return this.#slots.flatMap(slot => slot.withdrawLoading(which))
  }

  /** What workers have of these and have not begun is given back; they go on with the rest. */
  recall(which: (task: Task) => boolean): void {
    for (const slot of this.#slots) slot.recall(which)
  }

  /** Forgets what is not wanted any more, and ends the workers that run it. */
  abort(unwanted: (task: Task) => boolean): void {
    this.withdraw(unwanted)
    for (const slot of this.#slots) slot.abort(unwanted)
  }

  async close(graceSeconds: number): Promise<void> {
    this.#queue = []
    clearTimeout(this.#sharing)
    clearTimeout(this.#yielding)
    await Promise.all(this.#slots.map(slot => slot.close(graceSeconds)))
  }

  #report(report: Report): void {
    const { computeSeconds, decodeSeconds, encodeSeconds } = report.timing
    const shardSeconds = computeSeconds + decodeSeconds + encodeSeconds
    if (report.end > report.start) this.#pace = { job: report.job, shardSeconds }
    if (this.#turns.isShared) this.#turns.settle(this.#slots, this.#queue)
    this.#options.onReport(report)
  }

  #assign(): void {
    this.#turns.settle(this.#slots, this.#queue)
    if (this.#turns.isShared) {
      this.#takeTurns()
      if (!this.#turns.isAlone) return
    }
    for (let work = this.#queue[0]; work !== undefined; work = this.#queue[0]) {
      const slot = this.#best(work.code)
      if (slot === undefined) return
      this.#queue.shift()
      slot.run(work)
    }
    this.#share()
  }

  /** Free slots are given to the jobs whose turn it is. */
  #takeTurns(): void {
    for (;;) {
      const free = this.#inUseSlots.filter(({ depth }) => depth === 0)
      const choice = this.#turns.choose(this.#queue, free)
      if (choice === undefined) break
      const [work] = this.#queue.splice(choice.at, 1)
      if (work !== undefined) choice.slot.run(work)
      this.#turns.settle(this.#slots, this.#queue)
    }
    if (this.#turns.isAlone) return
    // What stands in a pipe has its turn whatever others have had meanwhile.
    for (const slot of this.#slots) this.#takeBack(slot)
    if (this.#turns.hasWaiting) this.#yieldLater()
  }

  /** What its worker has not begun waits here again. */
  #takeBack(slot: Slot): void {
    if (slot.depth < 2) return
    for (let work = slot.takeBack(() => true); work !== undefined; work = slot.takeBack(() => true))
      this.#queue.unshift(work)
  }

  #yieldLater(): void {
    if (this.#yielding !== undefined) return
    this.#yielding = setTimeout(() => {
      this.#yielding = undefined
      this.#turns.settle(this.#slots, this.#queue)
      for (const slot of this.#turns.yielders(this.#inUseSlots)) slot.interrupt()
      this.#assign()
    }, YIELD_SECONDS * 1000)
  }

  /** Nothing waits here: a slot that has nothing to do takes over what stands behind another's work, as long as there is such. */
  #share(): void {
    clearTimeout(this.#sharing)
    const idle = this.#inUseSlots.filter(({ depth }) => depth === 0)
    if (idle.length === 0) return
    const now = this.#options.clock()
    let nextSeconds = Number.POSITIVE_INFINITY
    for (const slot of this.#slots) {
      const silentSeconds = slot.silentSeconds(now)
      if (slot.depth < 2 || silentSeconds === undefined) continue
      if (silentSeconds < SILENT_SECONDS) {
        nextSeconds = Math.min(nextSeconds, SILENT_SECONDS - silentSeconds)
        continue
      }
      let taker: Slot | undefined
      const work = slot.takeBack(({ code }) => {
        taker = idle.find(other => other.costOf(code) < 2)
        return taker !== undefined
      })
      if (work === undefined) continue
      taker?.run(work)
      this.#share()
      return
    }
    if (nextSeconds < Number.POSITIVE_INFINITY)
      this.#sharing = setTimeout(() => this.#share(), Math.ceil(nextSeconds * 1000))
  }

  #best(code: LoadedCode): Slot | undefined {
    let best: Slot | undefined
    let bestRank = Number.POSITIVE_INFINITY
    for (const slot of this.#inUseSlots) {
      if (slot.depth > 0 && !this.#takesBehind(slot, code)) continue
      const rank = slot.depth * 4 + slot.costOf(code)
      if (rank >= bestRank) continue
      best = slot
      bestRank = rank
    }
    return best
  }

  /** Behind work of the same job alone: for another's, the worker may have to go. */
  #takesBehind(slot: Slot, code: LoadedCode): boolean {
    const { depth } = this.#options
    const most = this.#pace?.job === code.spec.job ? Math.max(depth, this.#shortDepth) : depth
    return slot.depth < most && slot.costOf(code) === 0 && !this.#isStuck(slot)
  }
}
