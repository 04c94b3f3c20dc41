// What the caller's own loop did of a job, as the slot that it is. In: chunks that it ran, items that came from workers.
// Out: counts, and reports of the slot `caller/0` to the job's account. Always true: what lies between two chunks is handing
// over: the turns of the event loop, and what workers' outcomes cost this thread.
import { Preemption } from '../../proto/preemption.js'
import { NO_SLOT_TIME } from '../../proto/timing.js'
import type { Accounts } from '../accounts.js'

const CALLER = 'caller'
/** Smaller: the scheduler asked more often than it is worth. Larger: a receipt that lags behind. */
const REPORT_SECONDS = 0.05

export class CallerAccount {
  readonly #accounts: Accounts
  readonly #startedAt: number
  #reportedAt: number
  #unreportedItems = 0
  #unreportedSeconds = 0
  #cpuMicroseconds: number
  readonly #preemption = new Preemption()
  #items = 0
  #computeSeconds = 0
  #workersItems = 0

  constructor(accounts: Accounts, now: number) {
    this.#accounts = accounts
    this.#startedAt = now
    this.#reportedAt = now
    this.#cpuMicroseconds = cpuMicroseconds()
    accounts.start(now)
    accounts.serve(CALLER, 1, now)
  }

  /** Items that the caller ran. */
  get items(): number {
    return this.#items
  }

  get workersItems(): number {
    return this.#workersItems
  }

  /** In the caller's loop. */
  get computeSeconds(): number {
    return this.#computeSeconds
  }

  /** In workers' functions. */
  get workersComputeSeconds(): number {
    return this.#accounts.computeSeconds - (this.#computeSeconds - this.#unreportedSeconds)
  }

  secondsAt(now: number): number {
    return now - this.#startedAt
  }

  /** The caller ran so many items in a chunk that has just ended. */
  ran(items: number, seconds: number, now: number): void {
    this.#items += items
    this.#computeSeconds += seconds
    this.#unreportedItems += items
    this.#unreportedSeconds += seconds
    if (now - this.#reportedAt >= REPORT_SECONDS) this.report(now)
  }

  received(items: number): void {
    this.#workersItems += items
  }

  /** What lies between the last report and now was neither running nor handing over: there was nothing to do. */
  resume(now: number): void {
    this.#reportedAt = now
    this.#cpuMicroseconds = cpuMicroseconds()
  }

  /** The caller leaves the items to workers: its core is theirs from now on. */
  retire(now: number): void {
    this.report(now)
    this.#accounts.serve(CALLER, 0, now)
  }

  /** Accounts for all up to now; at the end of the caller's part as well. */
  report(now: number): void {
    const computeSeconds = this.#unreportedSeconds
    const dispatchSeconds = Math.max(0, now - this.#reportedAt - computeSeconds)
    const cpu = cpuMicroseconds()
    const cpuSeconds = Math.min((cpu - this.#cpuMicroseconds) / 1e6, computeSeconds)
    const preemptedSeconds = this.#preemption.take({
      computeSeconds,
      codecSeconds: dispatchSeconds,
      turnSeconds: 0,
      cpuSeconds,
    })
    const timing = { ...NO_SLOT_TIME, computeSeconds, dispatchSeconds, cpuSeconds, preemptedSeconds }
    this.#accounts.report(`${CALLER}/0`, timing, this.#unreportedItems, true, now)
    this.#reportedAt = now
    this.#unreportedItems = 0
    this.#unreportedSeconds = 0
    this.#cpuMicroseconds = cpu
  }
}

/** Of this process, all of its threads. */
export const cpuMicroseconds = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}
