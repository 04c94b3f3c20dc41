// How many items a shard needs where workers have several in progress at once: a shard's items are all that its worker can
// begin together, and it lasts at least as long as one of them. A pure machine: timings in, sizes out.
// Always true: where nothing is known to wait, it asks for nothing.
import type { Timing } from '../proto/timing.js'

/** What a worker may reach by itself; agent/runner/lanes.ts has the same number. */
const MOST_LANES = 64
/** A shard should hold so many items a lane: fewer, and lanes stand empty at the end of each; more: longer tails. */
const ROUNDS = 4
/** Below this part of a core a function waits, where nobody said how many may be in progress. */
const WAITING_USAGE = 0.5
/** As in sizing.ts. */
const NEWEST = 0.3

export class ShardLanes {
  /** Undefined: as many as the worker finds to help. */
  readonly #concurrency: number | undefined
  #computeSeconds = 0
  #cpuSeconds = 0
  #itemSeconds = 0
  #items = 0

  constructor(concurrency: number | undefined) {
    this.#concurrency = concurrency
  }

  observe(items: number, { computeSeconds, cpuSeconds, itemSeconds }: Timing): void {
    const faded = 1 - NEWEST
    this.#items = faded * this.#items + items
    this.#computeSeconds = faded * this.#computeSeconds + computeSeconds
    this.#cpuSeconds = faded * this.#cpuSeconds + cpuSeconds
    this.#itemSeconds = faded * this.#itemSeconds + itemSeconds
  }

  /** Items of the first shards, before anything is measured. */
  firstItems(remaining: number | undefined, slots: number): number {
    const share = remaining === undefined ? Number.POSITIVE_INFINITY : Math.ceil(remaining / slots)
    return Math.max(1, Math.min(this.#concurrency ?? 1, share))
  }

  /** Fewer items than this would leave lanes empty; 0: it does not matter. */
  leastItems(remaining: number | undefined, slots: number): number {
    const { now, most } = this.#lanes()
    if (most <= 1) return 0
    if (remaining === undefined) return ROUNDS * most
    const share = Math.ceil(remaining / slots)
    return Math.min(remaining, Math.max(now, Math.min(ROUNDS * most, share)))
  }

  /** A time box shorter than this would end shards with most of their lanes empty. */
  leastBoxSeconds(): number {
    return this.#lanes().most <= 1 ? 0 : (2 * ROUNDS * this.#itemSeconds) / Math.max(this.#items, 1e-9)
  }

  /** How many are in progress in a worker, and how many may be. */
  #lanes(): { readonly now: number; readonly most: number } {
    const concurrency = this.#concurrency
    if (this.#itemSeconds === 0) return { now: 1, most: 1 }
    if (concurrency !== undefined) return { now: concurrency, most: concurrency }
    if (this.#cpuSeconds > WAITING_USAGE * this.#computeSeconds) return { now: 1, most: 1 }
    const now = Math.ceil(this.#itemSeconds / Math.max(this.#computeSeconds, 1e-9))
    return { now: Math.min(now, MOST_LANES), most: MOST_LANES }
  }
}
