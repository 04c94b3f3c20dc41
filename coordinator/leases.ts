// Who holds which shard and since when, and what is lost. A pure machine; the ledger alone drives it.
//
//   offer ──> offered ──a beat or a report names it──> running ──close──> forgotten
//     ^          │                                        │
//     │          │ nobody claims it, or the queue is lost │ its lease ends, or it vanishes from a newer beat
//     └── ledger ┴──────────────── a loss ────────────────┘
//
// In: offers, beats, reports, time. Out: losses. Always true: attempts of a shard ascend, and only its newest one is leased;
// one attempt has one holder, the first that was seen; time in which the ledger itself stood still is nobody's silence.
import { LEASE_SECONDS } from '../proto/presence.js'
import type { BeatEvent, LossReason } from './ledger-events.js'

export interface Loss {
  readonly shard: number
  readonly attempt: number
  readonly why: LossReason
  /** Who held it. */
  readonly agent?: string
  /** A worker of theirs had begun it, so that it may be what ended them. */
  readonly started: boolean
}

type LeaseState =
  | { readonly type: 'offered'; readonly atSeconds: number }
  | {
      readonly type: 'running'
      readonly agent: string
      readonly seenAtSeconds: number
      readonly started: boolean
      readonly missingSinceSeconds: number | undefined
    }

interface Lease {
  attempt: number
  /** How often it was offered and nobody claimed it; other losses say nothing about the next offer. */
  unclaimed: number
  state: LeaseState
}

interface AgentRecord {
  readonly sequence: number
  readonly seenAtSeconds: number
  readonly idle: boolean
  /** Since when every beat said that it has room. */
  readonly idleSinceSeconds: number
}

/** An agent that dropped a shard without a word is believed after this long: a report may still be on its way. */
const VANISHED_SECONDS = 1.5
/** An offer passed over by idle agents, or by agents that claimed later ones, is repeated after this long, then after twice as long, and so on. */
const UNCLAIMED_SECONDS = 3
/** So often its patience doubles, and no more: smaller offers twice what only waits, larger leaves what was lost lying. */
const MOST_DOUBLINGS = 4
/** The ledger's own pause (a frozen process, a blocked loop) is nobody else's silence. */
const PAUSE_SECONDS = 1

const running = (agent: string, seenAtSeconds: number, started: boolean): LeaseState => ({
  type: 'running',
  agent,
  seenAtSeconds,
  started,
  missingSinceSeconds: undefined,
})

export class Leases {
  readonly #leases = new Map<number, Lease>()
  readonly #agents = new Map<string, AgentRecord>()
  #tickedAtSeconds: number | undefined
  /** The newest offer that was claimed, by its time: an older one that is still unclaimed was passed over. */
  #claimedOfferAtSeconds = Number.NEGATIVE_INFINITY

  /** Shards that an agent is known to hold. */
  get running(): number {
    let running = 0
    for (const { state } of this.#leases.values()) if (state.type === 'running') running++
    return running
  }

  /** All shards and their newest attempts. */
  newest(): { shard: number; attempt: number }[] {
    return Array.from(this.#leases, ([shard, { attempt }]) => ({ shard, attempt }))
  }

  isNewest(shard: number, attempt: number): boolean {
    return this.#leases.get(shard)?.attempt === attempt
  }

  /** The shard is offered to whoever comes first, as the attempt whose number is returned. */
  offer(shard: number, now: number): number {
    const lease = this.#leases.get(shard)
    const attempt = (lease?.attempt ?? 0) + 1
    const state: LeaseState = { type: 'offered', atSeconds: now }
    this.#leases.set(shard, { attempt, unclaimed: lease?.unclaimed ?? 0, state })
    return attempt
  }

  /** Nobody needs to hold it any more. */
  close(shard: number): void {
    this.#leases.delete(shard)
  }

  beat(event: BeatEvent): void {
    const record = this.#agents.get(event.agent)
    if (record !== undefined && event.sequence <= record.sequence) return
    const idle = !event.draining && event.heldInAll < event.slots
    const idleSinceSeconds = record?.idle === true ? record.idleSinceSeconds : event.now
    this.#agents.set(event.agent, { sequence: event.sequence, seenAtSeconds: event.now, idle, idleSinceSeconds })
    const named = new Set<Lease>()
    for (const { shard, attempt, started } of event.held) {
      const lease = this.#leases.get(shard)
      if (lease === undefined || lease.attempt !== attempt) continue
      if (lease.state.type === 'offered') {
        this.#claimedOfferAtSeconds = Math.max(this.#claimedOfferAtSeconds, lease.state.atSeconds)
      } else if (lease.state.agent !== event.agent) {
        // The queue gave one attempt to two agents; the first to be seen keeps the lease, the other's work is a spare.
        continue
      }
      named.add(lease)
      lease.state = running(event.agent, event.now, started)
    }
    for (const lease of this.#leases.values()) {
      const { state } = lease
      if (state.type !== 'running' || state.agent !== event.agent || named.has(lease)) continue
      lease.state = { ...state, missingSinceSeconds: state.missingSinceSeconds ?? event.now }
    }
  }

  /** A report of the newest attempt is a sign of life as good as a beat. */
  report(shard: number, agent: string, now: number): void {
    const lease = this.#leases.get(shard)
    if (lease === undefined) return
    if (lease.state.type === 'offered') lease.state = running(agent, now, true)
    else lease.state = { ...lease.state, seenAtSeconds: now, missingSinceSeconds: undefined }
  }

  /** The queue was lost, and with it every offer that nobody is known to have claimed. */
  loseOffers(): Loss[] {
    return [...this.#leases].flatMap(([shard, lease]) =>
      lease.state.type === 'offered' ? [lossOf(shard, lease, 'queue lost')] : [],
    )
  }

  /** What is lost by now. */
  tick(now: number): Loss[] {
    const pausedSeconds = this.#tickedAtSeconds === undefined ? 0 : now - this.#tickedAtSeconds
    this.#tickedAtSeconds = now
    if (pausedSeconds > PAUSE_SECONDS) this.#forgivePause(pausedSeconds)
    let idleSinceSeconds = Number.POSITIVE_INFINITY
    for (const [name, agent] of this.#agents) {
      // Long gone: its leases have ended, and its name never comes back with the same numbers.
      if (now - agent.seenAtSeconds > 30 * LEASE_SECONDS) this.#agents.delete(name)
      else if (agent.idle && now - agent.seenAtSeconds <= LEASE_SECONDS)
        idleSinceSeconds = Math.min(idleSinceSeconds, agent.idleSinceSeconds)
    }
    const losses: Loss[] = []
    for (const [shard, lease] of this.#leases) {
      const why = this.#reasonFor(lease, now, idleSinceSeconds)
      if (why === 'unclaimed') lease.unclaimed++
      if (why !== undefined) losses.push(lossOf(shard, lease, why))
    }
    return losses
  }

  #reasonFor({ state, unclaimed }: Lease, now: number, idleSinceSeconds: number): LossReason | undefined {
    if (state.type === 'running') {
      if (now - state.seenAtSeconds > LEASE_SECONDS) return 'lease ended'
      if (state.missingSinceSeconds !== undefined && now - state.missingSinceSeconds > VANISHED_SECONDS)
        return 'vanished'
      return undefined
    }
    const patienceSeconds = UNCLAIMED_SECONDS * 2 ** Math.min(unclaimed, MOST_DOUBLINGS)
    const passedOver = state.atSeconds < this.#claimedOfferAtSeconds || now - idleSinceSeconds > patienceSeconds
    return passedOver && now - state.atSeconds > patienceSeconds ? 'unclaimed' : undefined
  }

  #forgivePause(pausedSeconds: number): void {
    for (const [name, agent] of this.#agents) {
      this.#agents.set(name, {
        ...agent,
        seenAtSeconds: agent.seenAtSeconds + pausedSeconds,
        idleSinceSeconds: agent.idleSinceSeconds + pausedSeconds,
      })
    }
    for (const lease of this.#leases.values()) {
      const { state } = lease
      if (state.type === 'offered') lease.state = { ...state, atSeconds: state.atSeconds + pausedSeconds }
      else {
        const missingSinceSeconds =
          state.missingSinceSeconds === undefined ? undefined : state.missingSinceSeconds + pausedSeconds
        lease.state = { ...state, seenAtSeconds: state.seenAtSeconds + pausedSeconds, missingSinceSeconds }
      }
    }
  }
}

const lossOf = (shard: number, { attempt, state }: Lease, why: LossReason): Loss => {
  if (state.type === 'offered') return { shard, attempt, why, started: false }
  return { shard, attempt, why, agent: state.agent, started: state.started }
}
