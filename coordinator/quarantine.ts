// Which agents get no more of a job for now, because all that they ran of it failed while others had success. Pure.
// In: reports, time. Out: who is put aside, until when and why, and whose failures are not to be believed.
// Always true: nobody is put aside before three shards failed there with no success between them, nor without a success of
// another; where others fail as well it takes as many as make chance unlikely; a success clears whoever has it.

/** What a report says of its agent. */
export interface Result {
  readonly agent: string
  readonly shard: number
  /** Items that have values. */
  readonly values: number
  /** Items that failed, or one at least of those that ended their worker. */
  readonly failures: number
  /** Of the first failure. */
  readonly message?: string
}

interface Standing {
  good: number
  bad: number
  /** The shards that failed since the last success. */
  readonly failed: Set<number>
  message: string
  /** How often it was put aside since its last success. */
  strikes: number
  untilSeconds: number | undefined
}

const LEAST_SHARDS = 3
/** So likely it may be that an agent like the others has such a run of failures. Smaller: a bad host is borne for longer. Larger: good ones are put aside. */
const CHANCE = 0.001
/** The first time; each further one lasts twice as long. Smaller: a bad host gets items again and again. Larger: one that was repaired waits. */
const ASIDE_SECONDS = 30
const MOST_ASIDE_SECONDS = 3600
/** Messages of functions may be long. */
const MOST_CHARACTERS = 120

export class Quarantine {
  readonly #agents = new Map<string, Standing>()
  #good = 0
  #bad = 0

  /** Returns whether its agent is put aside from now on. */
  observe({ agent, shard, values, failures, message }: Result, now: number): boolean {
    if (values === 0 && failures === 0) return false
    const standing = this.#standingOf(agent)
    if (values > 0) {
      standing.good++
      this.#good++
      standing.failed.clear()
      standing.strikes = 0
      return false
    }
    standing.bad++
    this.#bad++
    standing.failed.add(shard)
    if (message !== undefined) standing.message = message.replace(/\s+/g, ' ').slice(0, MOST_CHARACTERS)
    if (standing.untilSeconds !== undefined || !this.#isBad(standing)) return false
    standing.untilSeconds = now + Math.min(ASIDE_SECONDS * 2 ** standing.strikes, MOST_ASIDE_SECONDS)
    standing.strikes++
    return true
  }

  /** Returns whether somebody may try again from now on. */
  tick(now: number): boolean {
    let isNews = false
    for (const standing of this.#agents.values()) {
      if (standing.untilSeconds === undefined || now < standing.untilSeconds) continue
      standing.untilSeconds = undefined
      standing.failed.clear()
      isNews = true
    }
    return isNews
  }

  /** It is forgotten: its name does not come back. */
  leave(agent: string): void {
    const standing = this.#agents.get(agent)
    if (standing === undefined || standing.untilSeconds !== undefined) return
    this.#agents.delete(agent)
  }

  isAside(agent: string): boolean {
    return this.#agents.get(agent)?.untilSeconds !== undefined
  }

  /** Those that are put aside. */
  aside(): string[] {
    return [...this.#agents.keys()].filter(agent => this.isAside(agent))
  }

  /** What fails there may be the host's fault: it is put aside, or on the way to it. */
  isDoubtful(agent: string): boolean {
    const standing = this.#agents.get(agent)
    if (standing === undefined) return false
    if (standing.untilSeconds !== undefined) return true
    return standing.failed.size > 0 && this.#goodElsewhere(standing) > 0 && this.#failureRate(standing) < 0.5
  }

  why(agent: string, now: number): string | undefined {
    const standing = this.#agents.get(agent)
    if (standing?.untilSeconds === undefined) return undefined
    const inSeconds = Math.max(1, Math.ceil(standing.untilSeconds - now))
    const last = standing.message === '' ? '' : ` (${standing.message})`
    return `${standing.failed.size} shards failed there and none succeeded, while others did elsewhere${last}; tried again in ${inSeconds} s`
  }

  #standingOf(agent: string): Standing {
    const before = this.#agents.get(agent)
    if (before !== undefined) return before
    const standing: Standing = {
      good: 0,
      bad: 0,
      failed: new Set(),
      message: '',
      strikes: 0,
      untilSeconds: undefined,
    }
    this.#agents.set(agent, standing)
    return standing
  }

  #goodElsewhere({ good }: Standing): number {
    return this.#good - good
  }

  /** Of others' reports, a little towards a half while there are few. */
  #failureRate({ good, bad }: Standing): number {
    const goodElsewhere = this.#good - good
    const badElsewhere = this.#bad - bad
    return (badElsewhere + 1) / (goodElsewhere + badElsewhere + 2)
  }

  #isBad(standing: Standing): boolean {
    if (this.#goodElsewhere(standing) === 0) return false
    const rate = this.#failureRate(standing)
    // Who was put aside and comes back with a failure is not given two more.
    if (standing.strikes > 0) return rate < 0.5
    return standing.failed.size >= LEAST_SHARDS && rate ** standing.failed.size <= CHANCE
  }
}
