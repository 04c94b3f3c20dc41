// The slots of a host among several jobs: shares.ts with the slots and the queue that it speaks of. In: slots, what waits for them.
// Out: which work goes to which free slot, who waits for too long, how much of each job is here. Always true: what a slot was at is
// charged before anything is decided.
import type { Clock } from '../proto/timing.js'
import { type Share, Shares } from './shares.js'
import type { Slot, Work } from './slot.js'

/** What is here of a job. */
export interface Here {
  readonly waiting: number
  readonly running: number
}

/** A job that waits has another's shard ended early after this long. Smaller: shards are cut that were about to end. Larger: newcomers wait. */
export const YIELD_SECONDS = 0.25
/** What waits behind a job of a higher priority for so long is given back: other hosts may have a slot for it. */
const OUTRANKED_SECONDS = 1

export class Turns {
  readonly #clock: Clock
  readonly #shares = new Shares()
  /** What each slot was at when it was last looked at. */
  readonly #at = new Map<Slot, { readonly job: string; readonly sinceSeconds: number }>()
  /** Of jobs that wait and have no slot: since when. */
  readonly #waitingSince = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get isShared(): boolean {
    return this.#shares.isShared
  }

  /** Nobody else has work here. */
  get isAlone(): boolean {
    return this.#shares.busyJobs < 2
  }

  know(job: string, share: Share): void {
    this.#shares.know(job, share)
  }

  forget(job: string): void {
    this.#shares.forget(job)
    this.#waitingSince.delete(job)
  }

  /** Charges what slots were at since the last look. */
  settle(slots: readonly Slot[], queue: readonly Work[]): void {
    if (!this.isShared) {
      this.#at.clear()
      this.#waitingSince.clear()
      return
    }
    const now = this.#clock()
    const running = new Set<string>()
    for (const slot of slots) {
      const before = this.#at.get(slot)
      if (before !== undefined) this.#shares.charge(before.job, now - before.sinceSeconds)
      const { job } = slot
      if (job === undefined) this.#at.delete(slot)
      else this.#at.set(slot, { job, sinceSeconds: now })
      if (job !== undefined && slot.depth > 0) running.add(job)
    }
    const busy = new Set(running)
    for (const { task } of queue) busy.add(task.job)
    this.#shares.busy(busy)
    for (const job of this.#waitingSince.keys()) if (running.has(job) || !busy.has(job)) this.#waitingSince.delete(job)
    for (const job of busy) if (!running.has(job) && !this.#waitingSince.has(job)) this.#waitingSince.set(job, now)
  }

  /** The next of what waits, and the free slot that suits it best. */
  choose(queue: readonly Work[], free: readonly Slot[]): { readonly at: number; readonly slot: Slot } | undefined {
    if (queue.length === 0 || free.length === 0) return undefined
    const firsts = new Map<string, { at: number; slot: Slot; cost: number }>()
    for (const [at, { task, code }] of queue.entries()) {
      if (firsts.has(task.job)) continue
      const ranked = free.map(slot => ({ at, slot, cost: slot.costOf(code) })).sort((a, b) => a.cost - b.cost)
      if (ranked[0] !== undefined) firsts.set(task.job, ranked[0])
    }
    const contenders = Array.from(firsts, ([job, { cost }]) => ({ job, isCostly: cost > 2 }))
    const next = this.#shares.next(contenders)
    return next === undefined ? undefined : firsts.get(next)
  }

  /** Slots to be asked for what they have not begun: jobs have waited for one for too long. */
  yielders(slots: readonly Slot[]): Slot[] {
    const now = this.#clock()
    const running = new Map<string, number>()
    for (const { job, depth } of slots)
      if (job !== undefined && depth > 0) running.set(job, (running.get(job) ?? 0) + 1)
    const asked: Slot[] = []
    for (const [job, sinceSeconds] of this.#waitingSince) {
      if (now - sinceSeconds < YIELD_SECONDS) continue
      const yielder = this.#shares.yielder(job, running)
      const slot = slots.find(each => each.job === yielder && each.depth > 0 && !asked.includes(each))
      if (yielder !== undefined && slot !== undefined) asked.push(slot)
    }
    return asked
  }

  get hasWaiting(): boolean {
    return this.#waitingSince.size > 0
  }

  /** It has waited for long, behind jobs of a higher priority. */
  isOutranked(job: string): boolean {
    const since = this.#waitingSince.get(job)
    if (since === undefined || this.#clock() - since < OUTRANKED_SECONDS) return false
    const own = this.#shares.priorityOf(job)
    for (const { job: other } of this.#at.values()) if (this.#shares.priorityOf(other) > own) return true
    return false
  }
}
