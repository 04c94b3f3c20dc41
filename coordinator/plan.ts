// Where a job runs, as it becomes known what it costs: in the caller's own loop, or with workers beside it, or by workers
// alone. A pure machine: measurements in, a course out; every change of course is logged with its figures.
// Always true: the loop is never left for workers that are not there; workers are asked for only when what remains is worth
// several times their start; they are given no more when taking over an item's value costs the caller what computing it does.
import type { Decisions } from './decisions.js'

export interface PlanOptions {
  /** The caller's core and workers, all together; of a cluster nobody knows them before it is asked. */
  readonly slots: number
  /** From asking for the first worker to its being ready, as measured last, or the best that is known. */
  readonly startSeconds: number
  /** Of an item of the same function, from an earlier job. */
  readonly itemSeconds?: number
  /** Workers are there already, and it takes this long to bring a job to them. */
  readonly joinSeconds?: number
  readonly decisions: Decisions
}

export interface Course {
  /** How many workers should be there. */
  readonly workers: number
  /** Whether they are given further items. */
  readonly isFed: boolean
  /** Whether the caller goes on with its own loop. */
  readonly callerRuns: boolean
}

/**
 * What remains must be worth so many times what it costs to bring the job to workers that are there, and so many starts of a further
 * one. Smaller: workers that come when the job is nearly over, and that have cost the caller more than they save. Larger: jobs of some
 * milliseconds stay on one core.
 */
const STARTS_WORTH = 3
/** The same for the start of the first: meanwhile its code is loaded here as well, and both run for the first time, which is slow. */
const FIRST_STARTS_WORTH = 5
/** And where no core is free for it: what it takes, it takes from the caller, and what it gives is a third of a core. */
const CROWDED_STARTS_WORTH = 12
/** Before the loop has run so long, short items say little: the engine is still compiling, and they get many times faster. */
const SETTLED_SECONDS = 0.01
/** The same before a process is started for it, which costs most where it was not needed. */
const SETTLED_FOR_START_SECONDS = 0.02
/** The same for a function that was met before, whose loop is compiled. */
const SETTLED_AGAIN_SECONDS = 0.001
/** Items that take longer say so from the first one on, but for a stop of the whole process in the midst of it. */
const TELLING_SECONDS = 100e-6
/** From one slice to the next. Smaller: workers for a job that is about to get fast. Larger: uneven items put off every decision. */
const SPEEDING_UP = 0.7
/**
 * Items that take so long keep the caller's event loop from everything else, and workers from their next ones: where there are as
 * many workers as slots, they take over.
 */
const LONG_ITEM_SECONDS = 0.005
/** From here on the first worker takes over. */
const VERY_LONG_ITEM_SECONDS = 0.02
/** An item that was waited for so long says by itself that items are long. Smaller: a stop of the whole process does as well. */
const TELLING_WAIT_SECONDS = 0.1
/**
 * A mean is taken over about so much work of the newest. Smaller: a slice in which another process had the core counts for
 * too much. Larger: a function that changed its pace is noticed late.
 */
const MEMORY_SECONDS = 0.05
/** What handing over costs is not judged before so much of it was seen: the first shards bring the job's own start along. */
const JUDGED_SECONDS = 0.01
/** After so many times as long as the caller had run then, it is asked again what handing over costs, if that is all that keeps workers away. */
const ASK_AGAIN_TIMES = 4
/** What is expected of handing over is a lower bound: the system's part, about as much again, comes on top. */
const DEAR_EXPECTED = 0.4
/** Workers are given no more when handing over costs this part of an item's own time, and again below the other. */
const TOO_DEAR = 0.9
const CHEAP_AGAIN = 0.6
/**
 * Workers' items, at the other end of the input, are not worth handing over, and the caller's are: somewhere between them items change,
 * all places being as likely. To go on costs the caller, for half of what is left, the handing over, and saves it half of the other half,
 * less the same: it pays where handing over costs less than this part of the caller's items.
 */
const UNLIKE_PART = 1 / 3

export class Plan {
  readonly #options: PlanOptions
  readonly #item = new RecentMean()
  /** Since the last decision. */
  #newest = { items: 0, seconds: 0 }
  /** Of the core, in that time; infinite where that does not say how long items take. */
  #newestCpuSeconds = Number.POSITIVE_INFINITY
  #isCpuKnown = false
  /** Of an item, in the slice before. */
  #previousSeconds = 0
  /** Of the caller's thread, for one item that a worker ran. */
  readonly #handover = new RecentMean()
  /** In workers' functions, for one item: theirs may be unlike the caller's, who runs them at the other end of the input. */
  readonly #theirs = new RecentMean()
  #areReady = false
  #startSeconds: number
  #course: Course = { workers: 0, isFed: false, callerRuns: true }
  #isDear = false
  #expectedHandoverSeconds: number | undefined
  /** The caller has run for so long when it is asked again. */
  #askAgainSeconds = 0
  /** What remains would be worth workers, if handing over cost nothing. */
  #isPromising = false
  /** Whether every core is in use; undefined while nobody knows. */
  #isCrowded: boolean | undefined
  #isLookedAt = false
  /** Workers that are there. */
  #ready = 0
  #isWorthIt = false
  #remainingSeconds = 0
  #slots: number
  #ranItems = 0
  #ranSeconds = 0
  /** Of the item that is not done. */
  #waitedSeconds = 0
  /** How often there was something new to decide by. */
  #slices = 0

  constructor(options: PlanOptions) {
    this.#options = options
    this.#slots = options.slots
    if (options.itemSeconds !== undefined) this.#item.add(1, options.itemSeconds)
    this.#startSeconds = options.joinSeconds ?? options.startSeconds
  }

  /** Of one item in the caller's loop, by the newest slices. */
  get itemSeconds(): number | undefined {
    return this.#item.mean
  }

  /** What the caller's loop alone would take from here, as it was when it was last decided. */
  get remainingSeconds(): number {
    return this.#remainingSeconds
  }

  /** Items leave the event loop its turns. */
  get isShort(): boolean {
    return (this.#item.mean ?? 0) <= VERY_LONG_ITEM_SECONDS
  }

  /** The caller ran so many items, one after the other. */
  ran(items: number, seconds: number): void {
    this.#ranItems += items
    this.#ranSeconds += seconds
    this.#waitedSeconds = 0
    this.#item.add(items, seconds)
    this.#newest.items += items
    this.#newest.seconds += seconds
  }

  /** For all that it ran since the last decision, the caller had the core for so long. Not for items that wait. */
  used(cpuSeconds: number): void {
    this.#newestCpuSeconds = cpuSeconds
    this.#isCpuKnown = true
  }

  /** An item has been running for so long and is not done. */
  waits(seconds: number): void {
    this.#waitedSeconds = seconds
    this.#item.atLeast(seconds)
  }

  /** A process would be worth its start, and nobody has looked since the last decision whether a core is free for it. */
  get wantsLook(): boolean {
    return this.#isPromising && this.#needsStart && !this.#isLookedAt
  }

  /** Whether every core is in use, the caller's loop included; undefined while that is not certain. */
  looked(isCrowded: boolean | undefined): void {
    this.#isCrowded = isCrowded
    this.#isLookedAt = true
  }

  /** So many slots there really are. */
  offered(slots: number): void {
    this.#slots = slots
  }

  /** Of the caller, for one item that a worker would run: a lower bound, until some have come. */
  expectHandover(seconds: number): void {
    this.#expectedHandoverSeconds = Math.min(seconds, this.#expectedHandoverSeconds ?? seconds)
    this.#askAgainSeconds = ASK_AGAIN_TIMES * Math.max(this.#ranSeconds, SETTLED_SECONDS / 2)
  }

  /**
   * Nobody has said yet what handing over would cost, and it is about to matter; or what was said keeps workers away, and was measured
   * when the code that does it was not compiled yet.
   */
  get wantsHandover(): boolean {
    if (!this.#isPromising) return false
    return (
      this.#expectedHandoverSeconds === undefined || (!this.#isWorthIt && this.#ranSeconds >= this.#askAgainSeconds)
    )
  }

  /** The first worker has come, this long after it was asked for. */
  ready(startSeconds: number): void {
    this.#areReady = true
    this.#startSeconds = startSeconds
  }

  /** Values of so many items came from workers, for which the caller's thread was busy this long; the functions took theirs. */
  received(items: number, callerSeconds: number, workersSeconds: number): void {
    this.#handover.add(items, callerSeconds)
    this.#theirs.add(items, workersSeconds)
  }

  /**
   * `remaining`: items that are nobody's yet, where that is known; else as many again as there were are expected. `ready`:
   * workers that are there, the job's or left behind by others.
   */
  decide(now: number, remaining: number | undefined, ready = 0): Course {
    const itemSeconds = this.#item.mean
    if (itemSeconds === undefined) return this.#course
    this.#ready = ready
    const newest = this.#newestSeconds
    if (newest !== undefined) this.#slices++
    const lower = newest === undefined ? itemSeconds : this.#lower(itemSeconds, newest)
    const worthSeconds = this.#isSpeedingUp(newest) ? 0 : this.#worth(lower, remaining)
    this.#remainingSeconds = worthSeconds
    this.#isPromising = worthSeconds >= this.#startsWorth * this.#startSeconds
    const sharedSeconds = worthSeconds * this.#sharedPart(lower)
    this.#isWorthIt = sharedSeconds >= this.#surelyWorth * this.#startSeconds
    // Whoever decides is asked for it first, and then decides again.
    if (this.wantsHandover || this.wantsLook) return this.#course
    this.#isLookedAt = false
    this.#newest = { items: 0, seconds: 0 }
    this.#newestCpuSeconds = Number.POSITIVE_INFINITY
    if (newest !== undefined) this.#previousSeconds = newest
    // A loop that is left is not taken up again: two slow slices are no reason, in which something else may have had the core.
    const surely = this.#isTelling ? Math.min(itemSeconds, newest ?? itemSeconds) : 0
    const isLong = surely > LONG_ITEM_SECONDS
    const workers = this.#tooDear(itemSeconds)
      ? this.#course.workers
      : this.#workers(sharedSeconds, remaining, isLong, ready)
    const isFed = this.#areReady && workers > 0 && !this.#isDear
    const areAll = workers >= Math.min(this.#slots, 2) && ready >= Math.min(this.#slots, workers)
    const isLeft = surely > VERY_LONG_ITEM_SECONDS || (isLong && areAll)
    const course = { workers, isFed, callerRuns: !(isFed && isLeft) }
    this.#log(now, course, {
      item_seconds: itemSeconds,
      ...(remaining !== undefined && { remaining_items: remaining }),
      remaining_seconds: worthSeconds,
      start_seconds: this.#startSeconds,
      ...(this.#handover.mean !== undefined && { handover_seconds: this.#handover.mean }),
    })
    this.#course = course
    return course
  }

  /** Nobody is there, or is coming. */
  get #needsStart(): boolean {
    return this.#options.joinSeconds === undefined && this.#course.workers === 0 && this.#ready === 0
  }

  get #settledSeconds(): number {
    if (this.#options.itemSeconds !== undefined) return SETTLED_AGAIN_SECONDS
    return this.#needsStart ? SETTLED_FOR_START_SECONDS : SETTLED_SECONDS
  }

  get #tellingSeconds(): number {
    return this.#needsStart ? LONG_ITEM_SECONDS : TELLING_SECONDS
  }

  get #startsWorth(): number {
    return this.#needsStart ? FIRST_STARTS_WORTH : STARTS_WORTH
  }

  /** As it is known now: what is not certain may be so at the next decision. */
  get #surelyWorth(): number {
    if (!this.#needsStart) return STARTS_WORTH
    if (this.#isCrowded === undefined) return Number.POSITIVE_INFINITY
    return this.#isCrowded ? CROWDED_STARTS_WORTH : FIRST_STARTS_WORTH
  }

  /** One item that was waited for may have been long because something else had the core, of which nobody tells. */
  get #isTelling(): boolean {
    if (this.#isCpuKnown || this.#ranItems > 1) return true
    return this.#waitedSeconds + this.#ranSeconds > TELLING_WAIT_SECONDS
  }

  /** Of an item, since the last decision, less the time in which another process had the core. */
  get #newestSeconds(): number | undefined {
    const { items, seconds } = this.#newest
    return items === 0 ? undefined : Math.min(seconds, this.#newestCpuSeconds) / items
  }

  /**
   * The lower of the mean and of what the newest slice says, since a start that was not needed costs most; but what two slices say,
   * one after the other, are the items of now, whatever came before.
   */
  #lower(mean: number, newest: number): number {
    return Math.max(Math.min(mean, newest), Math.min(newest, this.#previousSeconds))
  }

  /** Short items that take less and less: the engine still compiles, or has forgotten what it had. */
  #isSpeedingUp(newest: number | undefined): boolean {
    return newest !== undefined && newest < TELLING_SECONDS && newest < SPEEDING_UP * this.#previousSeconds
  }

  /** What the rest will take the caller alone. */
  #worth(each: number, remaining: number | undefined): number {
    const ranSeconds = this.#ranSeconds + this.#waitedSeconds
    if (ranSeconds < this.#settledSeconds && (each < this.#tellingSeconds || this.#slices < 2)) return 0
    if (remaining === undefined) return Math.max(this.#ranSeconds, each)
    // Slower than in an earlier job: the engine may have forgotten what it had compiled.
    const isUnsettled = ranSeconds < SETTLED_SECONDS && each < TELLING_SECONDS
    return remaining * (isUnsettled ? Math.min(each, this.#options.itemSeconds ?? each) : each)
  }

  /** How much of an item's time workers can take from the caller, who pays for handing it over instead. */
  #sharedPart(itemSeconds: number): number {
    return Math.max(0, 1 - (this.#expectedHandoverSeconds ?? 0) / (DEAR_EXPECTED * itemSeconds))
  }

  #workers(sharedSeconds: number, remaining: number | undefined, isLong: boolean, ready: number): number {
    // With items that keep the caller's thread, its own core is a worker's.
    const most = isLong ? this.#slots : this.#slots - 1
    const started = Math.floor(sharedSeconds / (STARTS_WORTH * this.#options.startSeconds))
    const wanted = this.#isWorthIt ? Math.min(most, Math.max(1, ready, started), remaining ?? most) : 0
    // Those that came cost nothing by staying.
    return Math.max(wanted, Math.min(most, this.#course.workers))
  }

  #tooDear(itemSeconds: number): boolean {
    const { mean, seenSeconds } = this.#handover
    const isJudged = mean !== undefined && seenSeconds >= JUDGED_SECONDS
    const costSeconds = isJudged ? mean : (this.#expectedHandoverSeconds ?? 0)
    const isWorthIt = (this.#theirs.mean ?? costSeconds) >= costSeconds
    const worthSeconds = itemSeconds * (isWorthIt ? 1 : UNLIKE_PART)
    const most = isJudged ? (this.#isDear ? CHEAP_AGAIN : TOO_DEAR) : DEAR_EXPECTED
    this.#isDear = costSeconds > worthSeconds * most
    return this.#isDear
  }

  #log(now: number, course: Course, figures: Record<string, number>): void {
    const before = this.#course
    const { decisions } = this.#options
    if (course.workers > before.workers) {
      const { workers } = course
      const who = workers === 1 ? '1 worker' : Number.isFinite(workers) ? `${workers} workers` : 'workers'
      decisions.add(now, `${who} beside the caller's loop: what remains is worth more than the start`, figures)
    }
    if (course.isFed && !before.isFed)
      decisions.add(now, 'the workers are given items, from the end of the input where it has one', figures)
    if (!course.isFed && before.isFed)
      decisions.add(now, 'the workers are given no more: taking a value over costs as much as computing it', figures)
    if (!course.callerRuns && before.callerRuns)
      decisions.add(now, 'the caller leaves the items to the workers: one keeps its event loop for too long', figures)
    if (course.callerRuns && !before.callerRuns) decisions.add(now, 'the caller takes up its loop again', figures)
  }
}

/** Seconds an item, over the newest work: of at least MEMORY_SECONDS, of at most twice that. */
class RecentMean {
  #before = { items: 0, seconds: 0 }
  #now = { items: 0, seconds: 0 }
  seenSeconds = 0

  get mean(): number | undefined {
    const items = this.#before.items + this.#now.items
    return items > 0 ? (this.#before.seconds + this.#now.seconds) / items : undefined
  }

  add(items: number, seconds: number): void {
    this.seenSeconds += seconds
    this.#now.items += items
    this.#now.seconds += seconds
    if (this.#now.seconds < MEMORY_SECONDS) return
    this.#before = this.#now
    this.#now = { items: 0, seconds: 0 }
  }

  /** One item takes this long at least. */
  atLeast(seconds: number): void {
    if ((this.mean ?? 0) >= seconds) return
    this.#before = { items: 1, seconds }
    this.#now = { items: 0, seconds: 0 }
  }
}
