// What one core would take for a job, from the times that its shards took on busy machines. A pure machine.
// In: of each report that counted its items, the time inside the function, how much of it the worker had no core. Out: the
// estimate with its spread and its method. Always true: low <= value <= high; memory does not grow with the job.
import type { Timing } from '../proto/timing.js'
import type { ItemSeconds, SerialEstimate } from './receipt.js'

/** Times of an item within one bin differ by so much; there are as many bins as the job has different paces. */
const BIN = 1.02
/** A report of so many items is their mean: what sets it apart from its like is the machine, not its items. */
const MANY_ITEMS = 256
/**
 * What is slower than the quarter that had it best by no more than this is like it, but was contended: a neighbour on the
 * same silicon costs 5 to 25 %. Larger: shards of items that do cost more would be taken for contended ones.
 */
const ALIKE = 1.35
const BEST_QUARTER = 0.25
/** For the low end: one shard in twenty had it so good. */
const BEST_TWENTIETH = 0.05

/** Workers report about so often, and behind each item that takes longer (docs/worker-protocol.md). */
const REPORT_SECONDS = 0.15

/** Less is no time at all. */
const NO_TIME_SECONDS = 1e-9

/** A smaller part of the whole is not worth a word. */
const KEPT_TOLD = 0.01

interface Bin {
  items: number
  seconds: number
}

type Bins = Map<number, Bin>

const add = (bins: Bins, items: number, seconds: number): void => {
  const place = seconds > 0 ? Math.round(Math.log(seconds / items) / Math.log(BIN)) : Number.NEGATIVE_INFINITY
  const bin = bins.get(place)
  if (bin === undefined) bins.set(place, { items, seconds })
  else {
    bin.items += items
    bin.seconds += seconds
  }
}

const secondsOf = (bins: Bins): number => [...bins.values()].reduce((sum, { seconds }) => sum + seconds, 0)

/** The time of an item below which so much of the weight lies. */
const quantile = (bins: Bins, part: number, weight: (bin: Bin) => number): number => {
  const ascending = [...bins].sort(([a], [b]) => a - b).map(([, bin]) => bin)
  const all = ascending.reduce((sum, bin) => sum + weight(bin), 0)
  let sum = 0
  for (const bin of ascending) {
    sum += weight(bin)
    if (sum >= part * all) return bin.seconds / bin.items
  }
  return 0
}

/** All reports, those that are like the best of them at the best's pace. */
const leastContended = (bins: Bins, part: number): number => {
  const best = quantile(bins, part, bin => bin.seconds)
  let sum = 0
  for (const { items, seconds } of bins.values()) {
    const isContended = seconds > best * items && seconds <= ALIKE * best * items
    sum += isContended ? best * items : seconds
  }
  return sum
}

/**
 * Without preemption, and one item after the other: of items that were in progress together each one's own time counts, less
 * what it waited while the thread was at the others, or had no core. An item whose timer or answer is not due yet is not held
 * up by either: the more of its time a thread has something to do, the more of the others wait for it.
 */
const aloneSeconds = ({ computeSeconds, itemSeconds, cpuSeconds, preemptedSeconds }: Timing): number => {
  const alone = Math.max(0, computeSeconds - preemptedSeconds)
  if (itemSeconds <= computeSeconds) return alone
  const wallSeconds = Math.max(computeSeconds, NO_TIME_SECONDS)
  const others = itemSeconds / wallSeconds - 1
  const held = others * Math.min(1, (cpuSeconds + preemptedSeconds) / wallSeconds)
  return Math.max(alone, itemSeconds - (1 + held) * preemptedSeconds - held * cpuSeconds)
}

export class Serial {
  /** Of reports of many items, and of few. */
  readonly #many: Bins = new Map()
  readonly #few: Bins = new Map()
  #fewSeconds = 0
  /** Inside the function, as it was. */
  #rawSeconds = 0
  #areTogether = false
  #cpuSeconds = 0
  #preemptedSeconds = 0
  #slowestSeconds = 0
  /** Keeping values that a loop would have kept, too. */
  readonly #kept: Bins = new Map()
  /** The report that took longest: an item that takes long is the last of its own. */
  #longest: Bin = { items: 0, seconds: 0 }

  get cpuSeconds(): number {
    return this.#cpuSeconds
  }

  get preemptedSeconds(): number {
    return this.#preemptedSeconds
  }

  add(items: number, timing: Timing): void {
    const { computeSeconds, cpuSeconds, preemptedSeconds } = timing
    this.#cpuSeconds += cpuSeconds
    this.#preemptedSeconds += preemptedSeconds
    this.#rawSeconds += Math.max(computeSeconds, timing.itemSeconds)
    this.#areTogether ||= timing.itemSeconds > computeSeconds
    const seconds = aloneSeconds(timing)
    if (items === 0) {
      this.#fewSeconds += seconds
      return
    }
    this.#slowestSeconds = Math.max(this.#slowestSeconds, seconds / items)
    if (seconds > this.#longest.seconds) this.#longest = { items, seconds }
    if (items < MANY_ITEMS) this.#fewSeconds += seconds
    add(items < MANY_ITEMS ? this.#few : this.#many, items, seconds)
  }

  /** So many numbers were put where the job's results are, which was in `seconds`. */
  kept(items: number, seconds: number): void {
    add(this.#kept, items, seconds)
  }

  get itemSeconds(): ItemSeconds {
    const all = new Map<number, Bin>()
    for (const bins of [this.#few, this.#many]) for (const { items, seconds } of bins.values()) add(all, items, seconds)
    const median = quantile(all, 0.5, bin => bin.items)
    const { items, seconds } = this.#longest
    const last = seconds - Math.max(REPORT_SECONDS, (items - 1) * median)
    return { median, slowest: Math.max(this.#slowestSeconds, last) }
  }

  /** `isLoop`: one core ran it all, one item after the other: that took what it took. */
  estimate(isLoop = false): SerialEstimate {
    const high = this.#rawSeconds
    if (high <= 0) return { value: 0, low: 0, high: 0, method: 'no item ran to its end' }
    const all = this.#fewSeconds + secondsOf(this.#many)
    const value = this.#fewSeconds + leastContended(this.#many, BEST_QUARTER)
    const best = this.#fewSeconds + leastContended(this.#many, BEST_TWENTIETH)
    // Where the system does not tell waiting for a core from any other waiting, it may all have been for a core.
    const isUnknown = this.#preemptedSeconds === 0 && this.#cpuSeconds > 0
    const least = isUnknown ? Math.min(best, this.#cpuSeconds) : best
    const low = Math.min(value, least)
    if (isLoop)
      return {
        value: high,
        low: Math.min(low, high),
        high,
        method: "the time inside the function, in the caller's own loop",
      }
    const method = [
      this.#areTogether ? "each item's own time" : 'the time inside the function',
      ...(this.#preemptedSeconds > 0 ? ['less what workers waited for a core'] : []),
      ...(value < all ? ['shards that are alike at the pace of the quarter that was contended least'] : []),
    ].join(', ')
    const kept = secondsOf(this.#kept)
    // This process keeps them beside workers that have all cores: it seldom has one to itself.
    const keptAtBest = leastContended(this.#kept, BEST_TWENTIETH)
    return {
      value: Math.min(value, high) + keptAtBest,
      low: Math.min(low, high) + keptAtBest,
      high: high + kept,
      method: kept > KEPT_TOLD * value ? `${method}, with what it takes to keep the results` : method,
    }
  }
}
