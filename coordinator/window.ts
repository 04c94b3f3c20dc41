// How many shards of a job are in the queue and at work at once. A pure machine: what shards take goes in, a number comes out.
// Always true: at least as many a slot as was asked for; more only of shards that are too short to hide the way to a worker and back.

/**
 * Work that is under way for each slot. Handing over one frame wakes a process, and with it those behind it for nothing.
 * Larger: more stands in one worker's pipe when an item turns out long.
 */
const WORK_SECONDS = 0.5e-3
/** A frame takes about so long however little is in it. */
const FRAME_SECONDS = 15e-6
const MOST_PER_SLOT = 32
/** The broadcast names every live shard. */
const MOST_SHARDS = 4096
/** What is left is cut for so many rounds: in the tail nothing waits behind another. */
const ROUNDS_LEFT = 4
/** How much what was measured before fades with each shard. */
const NEWEST = 0.2

export class Window {
  /** Of fixed size: the others grow until they are long enough. */
  readonly #shardSize: number | undefined
  readonly #perSlot: number
  #shardSeconds: number | undefined

  constructor(shardSize: number | undefined, perSlot: number) {
    this.#shardSize = shardSize
    this.#perSlot = perSlot
  }

  /** A worker was busy for so long with a shard. */
  observe(seconds: number): void {
    const before = this.#shardSeconds ?? seconds
    this.#shardSeconds = before + NEWEST * (seconds - before)
  }

  /** Shards at once. `remaining`: items not read yet, where that is known. */
  size(slots: number, remaining: number | undefined): number {
    const usual = this.#perSlot * slots
    if (this.#shardSize === undefined || this.#shardSeconds === undefined) return usual
    const perSlot = Math.min(MOST_PER_SLOT, Math.floor(WORK_SECONDS / (this.#shardSeconds + FRAME_SECONDS)))
    const left = (remaining ?? Number.POSITIVE_INFINITY) / this.#shardSize / ROUNDS_LEFT
    return Math.max(usual, Math.floor(Math.min(perSlot * slots, left, MOST_SHARDS)))
  }
}
