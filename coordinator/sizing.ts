// How many items a shard should hold, from what is measured. A pure machine: timings in, sizes out.
// Always true: a size is at least 1, and never so large that the slots could not share what remains.
import type { Timing } from '../proto/timing.js'
import { ShardLanes } from './lanes.js'

export interface SizingOptions {
  /** What a shard should take. Smaller: more overhead. Larger: longer tails, coarser progress. */
  readonly targetSeconds: number
  /** Set by the user: no measuring. */
  readonly fixedSize?: number
  /** Items that a worker has in progress at once; undefined: as many as it finds to help. */
  readonly concurrency?: number
  /** What was measured of an item before, over so many. */
  readonly expected?: { readonly itemSeconds: number; readonly items: number }
}

/** Local shards need to hide a frame's 0.1 ms, a cluster's a round trip through two streams. */
export const TARGET_SECONDS = { local: 0.05, cluster: 0.1 } as const

/** A single coordinator settles about so many shards a second; with more slots, shards last longer. */
const SHARDS_PER_SECOND = 1000
/** One size is at most so many times the last measured: the first items are often unlike the rest. */
const GROWTH = 32
/** What remains is cut into at least so many shards a slot: small pieces in the tail. */
const PIECES_PER_SLOT = 3
/** A shard is given so many times its target before it gives back what it did not reach. */
const TIME_BOX_TARGETS = 10
/**
 * How much what was measured before fades with each shard: moves within a few shards, and not with each. In the time of an
 * item a shard counts by its items, so that the first ones, of one cold item each, are soon outvoted.
 */
const NEWEST = 0.3
/** The part of a shard's time that handing it over may take. */
const OVERHEAD_ALLOWED = 0.02

export class Sizing {
  readonly #options: SizingOptions
  readonly #lanes: ShardLanes
  #perItemSeconds: number | undefined
  /** Of how many items that is the mean; older ones faded. */
  #weightItems = 0
  #overheadSeconds = 0
  #largestMeasured = 1
  #bytesPerItem = 0

  constructor(options: SizingOptions) {
    this.#options = options
    this.#lanes = new ShardLanes(options.concurrency)
    if (options.expected === undefined) return
    this.#perItemSeconds = options.expected.itemSeconds
    // One shard outvotes it: in a worker an item takes its own time.
    this.#weightItems = 1
    this.#largestMeasured = options.expected.items
  }

  /** Seconds inside the user's function for one item; undefined before the first shard. */
  get perItemSeconds(): number | undefined {
    return this.#perItemSeconds
  }

  observe(items: number, timing: Timing, bytes: number): void {
    if (items === 0) return
    this.#lanes.observe(items, timing)
    const perItem = (timing.computeSeconds + timing.decodeSeconds + timing.encodeSeconds) / items
    const before = this.#perItemSeconds ?? perItem
    this.#weightItems = (1 - NEWEST) * this.#weightItems + items
    this.#perItemSeconds = before + (perItem - before) * (items / this.#weightItems)
    this.#overheadSeconds = (1 - NEWEST) * this.#overheadSeconds + NEWEST * timing.dispatchSeconds
    this.#largestMeasured = Math.max(this.#largestMeasured, items)
    this.#bytesPerItem = Math.max(this.#bytesPerItem * (1 - NEWEST), bytes / items)
  }

  /** Items for the next shard. `remaining`: items not read yet, where that is known. */
  size(remaining: number | undefined, slots: number): number {
    if (this.#options.fixedSize !== undefined) return this.#options.fixedSize
    if (this.#perItemSeconds === undefined) return this.#lanes.firstItems(remaining, slots)
    const perItem = Math.max(this.#perItemSeconds, 1e-9)
    const target = this.#targetSeconds(slots)
    const wanted = Math.min(target / perItem, this.#largestMeasured * GROWTH)
    const share = remaining === undefined ? Number.POSITIVE_INFINITY : remaining / (PIECES_PER_SLOT * slots)
    // Below this size a shard is mostly overhead: small pieces in the tail stop here.
    const floor = Math.min(this.#overheadSeconds / OVERHEAD_ALLOWED, target) / perItem
    const byBytes = this.#bytesPerItem > 0 ? OUTCOME_BYTES / this.#bytesPerItem : Number.POSITIVE_INFINITY
    const sized = Math.max(this.#lanes.leastItems(remaining, slots), Math.min(wanted, Math.max(share, floor)))
    return Math.max(1, Math.floor(Math.min(sized, byBytes)))
  }

  /** After this long a worker gives back what it did not reach. */
  timeBoxSeconds(slots: number): number {
    return Math.max(TIME_BOX_TARGETS * this.#targetSeconds(slots), this.#lanes.leastBoxSeconds())
  }

  #targetSeconds(slots: number): number {
    return Math.max(this.#options.targetSeconds, slots / SHARDS_PER_SECOND)
  }
}

/** The outcomes of a shard should not take more than this. */
const OUTCOME_BYTES = 4 * 1024 * 1024
