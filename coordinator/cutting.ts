// Into what pieces a job's items are cut, how many of them are about at once, and whether there is memory for more. In: what
// was measured of shards, slots, what is held. Out: sizes, and whether there is room. Always true: while nothing is about, the
// next items are read whatever is held: what is held waits for them.
import type { SlotTiming } from '../proto/timing.js'
import { Sizing, type SizingOptions } from './sizing.js'
import { Window } from './window.js'

export interface CuttingOptions extends SizingOptions {
  /** Shards of a slot at once, but for those that are very short. */
  readonly shardsPerSlot: number
  /** The caller's own loop is a slot too. */
  readonly callers: number
  readonly memoryBytes: number
  /** No more are about at once, whatever slots there are. */
  readonly mostShards?: number
}

/** What of a job is where. */
export interface Load {
  readonly slots: number
  readonly liveShards: number
  /** Of those given back, which are in no shard. */
  readonly waitingItems: number
  /** Items that were not read yet, where that is known. */
  readonly unread: number | undefined
  readonly heldBytes: number
}

/** Before anything is measured no more shards than slots are offered, beyond so many: each is one item, and may be a short one. */
const UNMEASURED_SHARDS = 128

export class Cutting {
  readonly sizing: Sizing
  readonly #options: CuttingOptions
  readonly #window: Window

  constructor(options: CuttingOptions) {
    this.#options = options
    this.sizing = new Sizing(options)
    this.#window = new Window(options.fixedSize, options.shardsPerSlot)
  }

  /** So many items came back, in so many bytes. */
  observe(items: number, timing: SlotTiming, bytes: number): void {
    this.sizing.observe(items, timing, bytes)
    this.#window.observe(timing.computeSeconds + timing.decodeSeconds + timing.encodeSeconds)
  }

  /** Items for the next shard. */
  size({ slots, waitingItems, unread }: Load): number {
    const remaining = unread === undefined ? undefined : unread + waitingItems
    // What the caller's own loop takes is one slot's.
    return this.sizing.size(remaining, slots + this.#options.callers)
  }

  /** One more shard may be offered. */
  isOpen({ slots, liveShards, unread }: Load): boolean {
    const most = this.sizing.itemSeconds === undefined ? Math.max(slots, UNMEASURED_SHARDS) : Number.POSITIVE_INFINITY
    const { mostShards = Number.POSITIVE_INFINITY } = this.#options
    return liveShards < Math.min(this.#window.size(slots, unread), most, mostShards)
  }

  /** Items for one more may be read. */
  hasRoom(load: Load): boolean {
    const isIdle = load.liveShards === 0 && load.waitingItems === 0
    return this.isOpen(load) && (isIdle || load.heldBytes < this.#options.memoryBytes)
  }
}
