// The ways to workers that a job in its caller's loop has: this machine's, a cluster's, or the better of both. In: ways, and what
// remains of the job. Out: the one to go, opened. Always true: a cluster of which nothing is heard for a moment has no workers.
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import type { Decisions } from '../decisions.js'
import type { Claim, Hands } from '../job.js'
import { choosePlace } from '../placing.js'
import { startSecondsOf } from '../start-costs.js'

/** The workers that earlier jobs have left behind. */
export interface ReadyWorkers {
  readonly ready: number
  /** What the caller's loop loses until their first outcomes are there, as measured last. */
  joinSeconds: number | undefined
}

export interface Way {
  readonly place: 'local' | 'cluster'
  /** With the caller's own core; infinite where nobody knows before they are asked. */
  readonly slots: number
  /** What is known of workers that are there already; kept for later jobs. */
  readonly pool: ReadyWorkers
  readonly hands: () => Promise<Hands>
}

export interface OpenWay {
  readonly way: Way
  readonly hands: Hands
  readonly claim: Claim
}

/** An agent answers a new coordinator at once. Smaller: far ones are not heard. Larger: a job waits for a cluster without any. */
const FIRST_AGENT_SECONDS = 0.3
/** The others answer the same question. */
const OTHER_AGENTS_SECONDS = 0.02

/** Of the event loop: a question has to leave, its answer to come, each of them when the caller's loop lets it. */
const HEARING_TURNS = 20

export class Ways {
  readonly #ways: readonly [Way, ...Way[]]
  readonly #decisions: Decisions

  constructor(ways: readonly [Way, ...Way[]], decisions: Decisions) {
    this.#ways = ways
    this.#decisions = decisions
  }

  /** The quickest of those known. */
  get likeliest(): Way {
    return this.#ways.find(({ pool }) => pool.ready > 0) ?? this.#ways[0]
  }

  /** All workers would be on this machine. */
  get areHere(): boolean {
    return this.#ways.every(({ place }) => place === 'local')
  }

  /** An upper bound, until one is open. */
  get slots(): number {
    return Math.max(...this.#ways.map(({ slots }) => slots))
  }

  /** `at`: seconds since the job's begin, for the account of the decision. */
  async open(remainingSeconds: number, at: () => number): Promise<OpenWay> {
    const [first] = this.#ways
    const local = this.#ways.find(({ place }) => place === 'local')
    const cluster = this.#ways.find(({ place }) => place === 'cluster')
    if (local === undefined || cluster === undefined) return claimed(first, await first.hands())
    const opened = claimed(cluster, await cluster.hands())
    if (opened.claim.ready === 0) await hearAgents(opened.claim)
    const offers = {
      local: { place: 'local', workers: local.slots - 1, startSeconds: startOf(local) },
      // It is open by now.
      cluster: { place: 'cluster', workers: opened.claim.ready, startSeconds: cluster.pool.joinSeconds ?? 0 },
    } as const
    const { place, seconds } = choosePlace(offers.local, offers.cluster, remainingSeconds)
    this.#decisions.add(
      at(),
      `${place === 'cluster' ? "the cluster's workers end" : "this machine's workers end"} it first`,
      {
        remaining_seconds: remainingSeconds,
        local_workers: offers.local.workers,
        local_seconds: seconds.local,
        cluster_workers: offers.cluster.workers,
        cluster_seconds: seconds.cluster,
      },
    )
    if (place === 'cluster') return opened
    opened.claim.release()
    return claimed(local, await local.hands())
  }
}

const hearAgents = async (claim: Claim): Promise<void> => {
  await Promise.race([claim.workers(1), pause(1000 * FIRST_AGENT_SECONDS)])
  // What has come may still wait behind the items of the caller's loop.
  for (let turns = 0; turns < HEARING_TURNS && claim.ready === 0; turns++) await turn()
  await pause(1000 * OTHER_AGENTS_SECONDS)
}

const startOf = ({ pool }: Way): number => (pool.ready > 0 ? (pool.joinSeconds ?? 0) : startSecondsOf('node'))

const claimed = (way: Way, hands: Hands): OpenWay => ({ way, hands, claim: hands.claim('node') })
