// The workers of a pool: this machine's and a cluster's, opened when a job first wants them and kept until the pool ends. In: the
// pool's options, a place. Out: ways to workers, hands. Always true: each tier is opened once; what a tier was found to cost is
// known to later jobs.
import { availableParallelism } from 'node:os'
import type { ReadyWorkers, Way } from './inline/ways.js'
import type { Claim, Hands } from './job.js'
import type { Place, PoolOptions } from './options.js'

export type Tier = 'local' | 'cluster'

/** Those of one tier, as far as they are there. */
class TierWorkers implements ReadyWorkers {
  claim: Claim | undefined
  joinSeconds: number | undefined

  get ready(): number {
    return this.claim?.ready ?? 0
  }
}

export class Tiers {
  readonly #options: PoolOptions
  readonly #stop: AbortSignal
  readonly #workers = { local: new TierWorkers(), cluster: new TierWorkers() }
  readonly #hands: Partial<Record<Tier, Promise<Hands>>> = {}

  constructor(options: PoolOptions, stop: AbortSignal) {
    this.#options = options
    this.#stop = stop
  }

  /** Whose workers a job gets that is left to workers alone. */
  of(place: Place): Tier {
    return place === 'cluster' || (place === 'auto' && this.#options.nats !== undefined) ? 'cluster' : 'local'
  }

  /** Where a job that began in the caller's loop may find workers. */
  ways(place: Place): [Way, ...Way[]] {
    const hasBoth = place === 'auto' && this.#options.nats !== undefined
    return hasBoth ? [this.#way('local'), this.#way('cluster')] : [this.#way(this.of(place))]
  }

  workers(tier: Tier): ReadyWorkers {
    return this.#workers[tier]
  }

  open(tier: Tier): Promise<Hands> {
    this.#stop.throwIfAborted()
    const hands = this.#hands[tier] ?? this.#openHands(tier)
    this.#hands[tier] = hands
    hands.then(
      opened => (this.#workers[tier].claim = opened.claim('node')),
      () => {},
    )
    return hands
  }

  /** Idempotent. */
  async close(): Promise<void> {
    for (const opening of Object.values(this.#hands)) {
      const hands = await opening.catch(() => undefined)
      await hands?.close()
    }
  }

  #way(tier: Tier): Way {
    return {
      place: tier,
      slots: tier === 'cluster' ? Number.POSITIVE_INFINITY : (this.#options.slots ?? availableParallelism()),
      pool: this.#workers[tier],
      hands: () => this.open(tier),
    }
  }

  async #openHands(tier: Tier): Promise<Hands> {
    const { nats, insecure, replicas, slots, onPrint, log } = this.#options
    const logging = log === undefined ? {} : { log }
    if (tier === 'cluster' && nats !== undefined) {
      const { openCluster } = await import('./cluster.js')
      return openCluster({
        nats,
        ...(insecure !== undefined && { insecure }),
        ...(replicas !== undefined && { replicas }),
        ...logging,
      })
    }
    const { openLocal } = await import('./local.js')
    return openLocal({ ...(slots !== undefined && { slots }), ...(onPrint && { onPrint }), ...logging })
  }
}
