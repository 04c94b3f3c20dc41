// How fast each agent is with the items of a job. A pure machine. In: reports. Out: what an item takes on an agent, of late.
// Always true: it moves as the job's own estimate does (sizing.ts), in its logarithm; what is not known is not guessed.

/** Smaller: a host that gets slower is found out later. Larger: one odd shard makes a host slow. */
const NEWEST = 0.3
const LEAST_SECONDS = 1e-9

export class Paces {
  readonly #logSeconds = new Map<string, number>()

  observe(agent: string, items: number, seconds: number): void {
    if (items === 0) return
    const log = Math.log(Math.max(seconds / items, LEAST_SECONDS))
    const before = this.#logSeconds.get(agent) ?? log
    this.#logSeconds.set(agent, before + NEWEST * (log - before))
  }

  /** Seconds an item, once it has reported any. */
  of(agent: string): number | undefined {
    const log = this.#logSeconds.get(agent)
    return log === undefined ? undefined : Math.exp(log)
  }
}
