// Whose tenures are over: those without a key, and those that were not renewed for longer than a tenure holds. In: the bucket of daemons,
// a clock; the tenures in question. Out: those that are over. Always true: one that its daemon still counts on is none of them: it holds
// from before its renewal was asked for, and here time counts from when the renewal was first seen.
import type { Bucket } from '../../proto/store.js'
import type { Clock } from '../../proto/timing.js'
import { HELD } from './lease.js'

/** Part of a key's time, for clocks that do not run alike. With HELD less than 1: a server clears away late what is too old. */
const MARGIN = 0.05

export class Tenures {
  readonly #bucket: Bucket
  readonly #clock: Clock
  readonly #seen = new Map<string, { readonly revision: number; readonly sinceSeconds: number }>()

  constructor(bucket: Bucket, clock: Clock) {
    this.#bucket = bucket
    this.#clock = clock
  }

  /** The more often it is asked, the sooner it knows. What is not asked for is forgotten. */
  async over(tenures: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    for (const tenure of this.#seen.keys()) if (!tenures.has(tenure)) this.#seen.delete(tenure)
    const over = await Promise.all([...tenures].map(async tenure => ((await this.#isOver(tenure)) ? [tenure] : [])))
    return new Set(over.flat())
  }

  async #isOver(tenure: string): Promise<boolean> {
    const askedAtSeconds = this.#clock()
    const entry = await this.#bucket.get(tenure)
    if (entry === undefined) return true
    const seen = this.#seen.get(tenure)
    // What was there when it was asked for: it may have been renewed while the answer was under way.
    if (seen?.revision === entry.revision)
      return askedAtSeconds - seen.sinceSeconds > (HELD + MARGIN) * this.#bucket.ageSeconds
    this.#seen.set(tenure, { revision: entry.revision, sinceSeconds: this.#clock() })
    return false
  }
}
