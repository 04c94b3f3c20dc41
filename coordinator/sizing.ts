// How many items a shard should hold, from what is measured. A pure machine: timings in, sizes out.
// Always true: a size is at least 1, and never so large that the slots could not share what remains.
import type { Timing } from '../proto/timing.js'
import { ShardLanes } from './lanes.js'

export interface SizingOptions {
  /** Set by the user: no measuring. */
  readonly fixedSize?: number
  /** Items that a worker has in progress at once; undefined: as many as it finds to help. */
  readonly concurrency?: number
  /** What the caller's own loop measured of an item, over so many. */
  readonly expected?: { readonly itemSeconds: number; readonly items: number }
  /** What an item took at the end of an earlier job of the same code. */
  readonly earlierItemSeconds?: number
}

/**
 * What a shard should take. Smaller: more overhead; between shards that are rare, handing one over takes the caller's core 1 ms,
 * since its code is in no cache by then. Larger: longer tails, coarser progress.
 */
export const TARGET_SECONDS = 0.1

/** A single coordinator settles about so many shards a second; with more slots, shards last longer. */
const SHARDS_PER_SECOND = 1000
/** For a while, at the end of a job, it settles so many: pieces need not be larger for its sake. */
const SHARDS_PER_SECOND_AT_MOST = 10_000
/** One size is at most so many times the last measured: the first items are often unlike the rest. */
const GROWTH = 32
/** By the word of an earlier job the first shards take this part of the target: its items may have been others. */
const EARLIER_PART = 0.25
/** What remains is cut into at least so many shards a slot: small pieces in the tail. */
const PIECES_PER_SLOT = 3
/**
 * Beside a caller's loop in fewer, since it takes back at the end what nobody has begun. More: workers that wait behind one of its
 * items have less to go on with.
 */
const PIECES_BESIDE_CALLER = 2
/** What takes less is not handed over beside a caller's loop, in which every message waits for its turn: that hides what it costs. */
const LEAST_SECONDS_BESIDE_CALLER = 0.002
/**
 * A shard is given so many times its target before it gives back what it did not reach: on a slow host, or among slow
 * items, it is the smaller for it. Smaller: what is only uneven is given back as well. Larger: mistakes last longer.
 */
const TIME_BOX_TARGETS = 4
/** How much what was measured before fades with each shard: moves within a few shards, and not with each. */
const NEWEST = 0.3
/**
 * The time of an item moves so far towards the newest one's, in its logarithm: a thousandfold change is followed within four
 * reports, whatever the shards before held, and one odd report moves sizes no more than by its square root.
 */
const NEWEST_ITEM = 0.5
/** The part of a shard's time that handing it over may take. */
const OVERHEAD_ALLOWED = 0.02
/** A size that changes by more is worth a word. */
const TOLD_TIMES = 4
/** No item is faster; the logarithm of nothing is none. */
const LEAST_ITEM_SECONDS = 1e-9

export class Sizing {
  readonly #options: SizingOptions
  readonly #lanes: ShardLanes
  #logItemSeconds: number | undefined
  #overheadSeconds = 0
  #measuredSeconds = 0
  #largestMeasured = 1
  #bytesPerItem = 0
  /** The size that was told last. */
  #toldItems: number | undefined

  constructor(options: SizingOptions) {
    this.#options = options
    this.#lanes = new ShardLanes(options.concurrency)
    const { expected, earlierItemSeconds } = options
    const itemSeconds = expected?.itemSeconds ?? earlierItemSeconds
    if (itemSeconds === undefined) return
    this.#logItemSeconds = Math.log(Math.max(itemSeconds, LEAST_ITEM_SECONDS))
    this.#largestMeasured = expected?.items ?? (EARLIER_PART * TARGET_SECONDS) / itemSeconds / GROWTH
  }

  /** What an item takes of late, in the middle; undefined before the first shard. */
  get itemSeconds(): number | undefined {
    return this.#logItemSeconds === undefined ? undefined : Math.exp(this.#logItemSeconds)
  }

  /** What all shards so far took in their workers. */
  get measuredSeconds(): number {
    return this.#measuredSeconds
  }

  observe(items: number, timing: Timing, bytes: number): void {
    if (items === 0) return
    this.#lanes.observe(items, timing)
    const seconds = timing.computeSeconds + timing.decodeSeconds + timing.encodeSeconds
    this.#measuredSeconds += seconds
    const log = Math.log(Math.max(seconds / items, LEAST_ITEM_SECONDS))
    const before = this.#logItemSeconds ?? log
    this.#logItemSeconds = before + NEWEST_ITEM * (log - before)
    this.#overheadSeconds = (1 - NEWEST) * this.#overheadSeconds + NEWEST * timing.dispatchSeconds
    this.#largestMeasured = Math.max(this.#largestMeasured, items)
    this.#bytesPerItem = Math.max(this.#bytesPerItem * (1 - NEWEST), bytes / items)
  }

  /** Items for the next shard. `remaining`: items that are in no shard yet, where that is known. */
  size(remaining: number | undefined, slots: number): number {
    const { itemSeconds } = this
    if (this.#options.fixedSize !== undefined) return this.#options.fixedSize
    if (itemSeconds === undefined) return this.#lanes.firstItems(remaining, slots)
    const pieces = this.#options.expected === undefined ? PIECES_PER_SLOT : PIECES_BESIDE_CALLER
    const share = remaining === undefined ? Number.POSITIVE_INFINITY : remaining / (pieces * slots)
    // Below this size a shard is mostly overhead: small pieces in the tail stop here.
    const floor = this.leastSeconds(slots) / itemSeconds
    const sized = Math.min(this.#wanted(slots, itemSeconds), Math.max(share, floor))
    return whole(Math.min(Math.max(this.#lanes.leastItems(remaining, slots), sized), this.#mostItems()))
  }

  /** What takes less is mostly overhead, or more than one coordinator can follow. */
  leastSeconds(slots: number): number {
    const byOverhead = Math.min(this.#overheadSeconds / OVERHEAD_ALLOWED, this.#targetSeconds(slots))
    const least = this.#options.expected === undefined ? byOverhead : LEAST_SECONDS_BESIDE_CALLER
    return Math.max(least, slots / SHARDS_PER_SECOND_AT_MOST)
  }

  /** After this long a worker gives back what it did not reach. */
  timeBoxSeconds(slots: number): number {
    return Math.max(TIME_BOX_TARGETS * this.#targetSeconds(slots), this.#lanes.leastBoxSeconds())
  }

  /** How the size has changed since this was last asked, when it is worth a word; the tail, where all sizes shrink, apart. */
  change(slots: number): { before: number; after: number; itemSeconds: number } | undefined {
    const { itemSeconds } = this
    if (this.#options.fixedSize !== undefined || itemSeconds === undefined) return undefined
    const after = whole(this.#wanted(slots, itemSeconds))
    const before = this.#toldItems ?? 1
    if (after <= before * TOLD_TIMES && before <= after * TOLD_TIMES) return undefined
    this.#toldItems = after
    return { before, after, itemSeconds }
  }

  #wanted(slots: number, itemSeconds: number): number {
    return Math.min(this.#targetSeconds(slots) / itemSeconds, this.#largestMeasured * GROWTH, this.#mostItems())
  }

  /** By what their outcomes take. */
  #mostItems(): number {
    return this.#bytesPerItem > 0 ? OUTCOME_BYTES / this.#bytesPerItem : Number.POSITIVE_INFINITY
  }

  #targetSeconds(slots: number): number {
    return Math.max(TARGET_SECONDS, slots / SHARDS_PER_SECOND)
  }
}

/** Logarithms and back: the last digits are not to be trusted. */
const whole = (size: number): number => Math.max(1, Math.floor(size * (1 + 1e-9)))

/** The outcomes of a shard should not take more than this. */
const OUTCOME_BYTES = 4 * 1024 * 1024
