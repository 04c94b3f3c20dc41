// How many items a worker has in progress at once. In: what the user asked for; how long items took, each with how many
// were in progress; the CPU that was used. Out: the number. No I/O; the CPU's clock is injected.
// Always true: what the user asked for is never changed; without that it begins with one, doubles only while the process
// leaves most of a core idle, goes back when twice as many did not raise the rate of values, and never passes MOST_LANES.

/** More connections and memory for each worker; fewer would leave rates on the table for items that wait for long. */
export const MOST_LANES = 64
/** Twice as many lanes have to bring this much more. Smaller: noise looks like gain. Larger: a gain is passed over. */
const LEAST_GAIN = 1.25
/** Above this part of a core there is not enough left for twice as many. */
const BUSY_CORE = 0.7
/** An item counts for a number of lanes when so much of it was in use. */
const NEARLY_ALL = 0.75
/** After going back, the next try comes so many items later, then twice as many, and so on. */
const PATIENCE_ITEMS = 256

export interface Taken {
  /** `count` when the item began. */
  readonly lanes: number
  /** The most that were in progress, of its beginning and its end. */
  readonly atOnce: number
  readonly seconds: number
  readonly hasValue: boolean
}

export class Lanes {
  readonly #isFixed: boolean
  readonly #cpuSeconds: () => number
  #count: number
  /** Values a second with half as many lanes. */
  #rateBelow: number | undefined
  #items = 0
  #values = 0
  #itemSeconds = 0
  #cpuBefore: number
  #waitItems = 0
  #patienceItems = PATIENCE_ITEMS

  /** `concurrency`: as many at all times; undefined: as many as help. */
  constructor(concurrency: number | undefined, cpuSeconds: () => number) {
    this.#isFixed = concurrency !== undefined
    this.#count = concurrency ?? 1
    this.#cpuSeconds = cpuSeconds
    this.#cpuBefore = cpuSeconds()
  }

  get count(): number {
    return this.#count
  }

  /** An item has ended. */
  observe({ lanes, atOnce, seconds, hasValue }: Taken): void {
    if (this.#isFixed || lanes !== this.#count || atOnce < NEARLY_ALL * lanes) return
    this.#items += 1
    this.#values += hasValue ? 1 : 0
    this.#itemSeconds += seconds
    if (this.#waitItems > 0) this.#waitItems -= 1
    if (this.#items >= Math.max(2, lanes)) this.#decide()
  }

  #decide(): void {
    const busySeconds = Math.max(this.#itemSeconds / this.#count, 1e-9)
    const rate = this.#values / busySeconds
    const cpuSeconds = this.#cpuSeconds()
    const usage = (cpuSeconds - this.#cpuBefore) / busySeconds
    if (this.#rateBelow !== undefined && rate < LEAST_GAIN * this.#rateBelow) {
      this.#waitItems = this.#patienceItems
      this.#patienceItems *= 2
      this.#count = Math.max(1, this.#count >> 1)
      this.#rateBelow = undefined
    } else if (usage < BUSY_CORE && this.#values > 0 && this.#count < MOST_LANES && this.#waitItems === 0) {
      this.#count *= 2
      this.#rateBelow = rate
    }
    this.#items = this.#values = this.#itemSeconds = 0
    this.#cpuBefore = cpuSeconds
  }
}
