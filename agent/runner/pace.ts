// How many items a worker announces at once. In: how long the last ones took. Out: the next number.
// Always true: items that take longer than a chunk's target are announced one by one, so that a death names its item.

/**
 * Smaller blames more exactly at once and gives the event loop more turns, larger makes nanosecond items cheaper: an
 * announcement with its turn costs about 3 us.
 */
const TARGET_SECONDS = 200e-6
/** A faster growth would put many items into a chunk on the word of few. */
const GROWTH = 8
const MOST_ITEMS = 1 << 20

export class Pace {
  #size = 1

  get size(): number {
    return this.#size
  }

  observe(count: number, seconds: number): void {
    if (count === 0) return
    const fitting = Math.floor((TARGET_SECONDS * count) / Math.max(seconds, 1e-9))
    this.#size = Math.max(1, Math.min(fitting, this.#size * GROWTH, MOST_ITEMS))
  }
}
