// Who holds which shard and since when, and what is lost. A pure machine; the ledger alone drives it.
//
//   offer ──> offered ──a beat or a report names it──> running ──close──> forgotten
//     ^          │                                        │
//     │          │ nobody claims it, or the queue is lost │ its lease ends, or it vanishes from a newer beat
//     └── ledger ┴──────────────── a loss ────────────────┘
//
// In: offers, beats, reports, time. Out: losses. Always true: attempts of a shard ascend, and only its newest one is leased;
// one attempt has one holder, the first that was seen; time in which the ledger itself stood still is nobody's silence;
// a beat costs what it names, a tick the number of agents, however many leases there are.
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

interface Offered {
  readonly type: 'offered'
  atSeconds: number
}

interface Running {
  readonly type: 'running'
  readonly agent: string
  seenAtSeconds: number
  started: boolean
  /** When a worker was first seen to have begun it. */
  startedAtSeconds: number | undefined
  missingSinceSeconds: number | undefined
  /** The newest beat of its agent that named it. */
  namedBy: number
}

interface Lease {
  readonly shard: number
  attempt: number
  /** How often it was offered and nobody claimed it; other losses say nothing about the next offer. */
  unclaimed: number
  state: Offered | Running
}

interface AgentRecord {
  readonly sequence: number
  seenAtSeconds: number
  /** Slots that nothing is held for; 0 while it drains. */
  readonly idleSlots: number
  /** Since when every beat said that it has room. */
  idleSinceSeconds: number
}

/** An agent that dropped a shard without a word is believed after this long: a report may still be on its way. */
const VANISHED_SECONDS = 1.5
/** An offer passed over by idle agents, or by agents that claimed later ones, is repeated after this long, then after twice as long, and so on. */
const UNCLAIMED_SECONDS = 3
/** A claim is known by a beat: of two tasks that were pulled together, one may be known for so long before the other. */
const CLAIM_SECONDS = 1.5
/** So often its patience doubles, and no more: smaller offers twice what only waits, larger leaves what was lost lying. */
const MOST_DOUBLINGS = 4
/** The ledger's own pause (a frozen process, a blocked loop) is nobody else's silence. */
const PAUSE_SECONDS = 1

export class Leases {
  readonly #leases = new Map<number, Lease>()
  /** In the order of their offers. */
  readonly #offered = new Set<Lease>()
  /** Of each holder: what it is known to hold. */
  readonly #held = new Map<string, Set<Lease>>()
  /** Those that the newest beat of their holder did not name. */
  readonly #missing = new Set<Lease>()
  readonly #agents = new Map<string, AgentRecord>()
  #tickedAtSeconds: number | undefined
  /** The newest offer that was claimed, by its time: an older one that is still unclaimed was passed over. */
  #claimedOfferAtSeconds = Number.NEGATIVE_INFINITY
  /** What it was at the last ticks, the oldest first: one from before CLAIM_SECONDS, and those since. */
  #claimed: { readonly atSeconds: number; readonly offerAtSeconds: number }[] = []

  /** Shards that an agent is known to hold. */
  get running(): number {
    return this.#leases.size - this.#offered.size
  }

  /** All shards and their newest attempts. */
  newest(): Iterable<{ readonly shard: number; readonly attempt: number }> {
    return this.#leases.values()
  }

  isNewest(shard: number, attempt: number): boolean {
    return this.#leases.get(shard)?.attempt === attempt
  }

  attemptOf(shard: number): number {
    return this.#leases.get(shard)?.attempt ?? 0
  }

  /** Who is known to hold the shard, and since when a worker of theirs is at it. */
  holder(shard: number): { readonly agent: string; readonly startedAtSeconds: number | undefined } | undefined {
    const state = this.#leases.get(shard)?.state
    return state?.type === 'running' ? state : undefined
  }

  /** Agents that were heard of lately and have slots that nothing is held for. */
  idle(now: number): { readonly agent: string; readonly slots: number }[] {
    const idle: { agent: string; slots: number }[] = []
    for (const [agent, { idleSlots, seenAtSeconds }] of this.#agents)
      if (idleSlots > 0 && now - seenAtSeconds <= LEASE_SECONDS) idle.push({ agent, slots: idleSlots })
    return idle
  }

  /** The shard is offered to whoever comes first, as the attempt whose number is returned. */
  offer(shard: number, now: number): number {
    const before = this.#leases.get(shard)
    if (before !== undefined) this.#release(before)
    const attempt = (before?.attempt ?? 0) + 1
    const state: Offered = { type: 'offered', atSeconds: now }
    const lease = { shard, attempt, unclaimed: before?.unclaimed ?? 0, state }
    this.#leases.set(shard, lease)
    this.#offered.add(lease)
    return attempt
  }

  /** Nobody needs to hold it any more. */
  close(shard: number): void {
    const lease = this.#leases.get(shard)
    if (lease === undefined) return
    this.#leases.delete(shard)
    this.#release(lease)
  }

  beat(event: BeatEvent): void {
    const { agent, sequence, now } = event
    const record = this.#agents.get(agent)
    if (record !== undefined && sequence <= record.sequence) return
    const idleSlots = event.draining ? 0 : Math.max(0, event.slots - event.heldInAll)
    const idleSinceSeconds = record !== undefined && record.idleSlots > 0 ? record.idleSinceSeconds : now
    this.#agents.set(agent, { sequence, seenAtSeconds: now, idleSlots, idleSinceSeconds })
    let named = 0
    for (const { shard, attempt, started } of event.held) {
      const lease = this.#leases.get(shard)
      if (lease === undefined || lease.attempt !== attempt) continue
      if (lease.state.type === 'offered') {
        this.#claimedOfferAtSeconds = Math.max(this.#claimedOfferAtSeconds, lease.state.atSeconds)
        this.#claim(lease, agent, now, started)
      } else if (lease.state.agent !== agent) {
        // The queue gave one attempt to two agents; the first to be seen keeps the lease, the other's work is a spare.
        continue
      }
      const state = lease.state as Running
      state.seenAtSeconds = now
      state.started = started
      if (started) state.startedAtSeconds ??= now
      state.namedBy = sequence
      if (state.missingSinceSeconds !== undefined) this.#found(lease, state)
      named++
    }
    const held = this.#held.get(agent)
    if (held !== undefined && named < held.size) this.#lookForMissing(held, sequence, now)
  }

  /** A report of the newest attempt is a sign of life as good as a beat. */
  report(shard: number, agent: string, now: number): void {
    const lease = this.#leases.get(shard)
    if (lease === undefined) return
    if (lease.state.type === 'offered') this.#claim(lease, agent, now, true)
    const state = lease.state as Running
    state.seenAtSeconds = now
    state.startedAtSeconds ??= now
    if (state.missingSinceSeconds !== undefined) this.#found(lease, state)
  }

  /** The queue was lost, and with it every offer that nobody is known to have claimed. */
  loseOffers(): Loss[] {
    return Array.from(this.#offered, lease => lossOf(lease, 'queue lost'))
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
      else if (agent.idleSlots > 0 && now - agent.seenAtSeconds <= LEASE_SECONDS)
        idleSinceSeconds = Math.min(idleSinceSeconds, agent.idleSinceSeconds)
    }
    const losses: Loss[] = []
    for (const lease of this.#missing) {
      const { seenAtSeconds, missingSinceSeconds } = lease.state as Running
      if (now - seenAtSeconds > LEASE_SECONDS) losses.push(lossOf(lease, 'lease ended'))
      else if (now - (missingSinceSeconds as number) > VANISHED_SECONDS) losses.push(lossOf(lease, 'vanished'))
    }
    this.#loseOfSilent(now, losses)
    const passedOverSeconds = this.#knownClaimSeconds(now)
    // The oldest stand first, and none is passed over sooner than the least patience.
    for (const lease of this.#offered) {
      const { atSeconds } = lease.state as Offered
      if (now - atSeconds <= UNCLAIMED_SECONDS) break
      const patienceSeconds = UNCLAIMED_SECONDS * 2 ** Math.min(lease.unclaimed, MOST_DOUBLINGS)
      const isPassedOver = atSeconds < passedOverSeconds || now - idleSinceSeconds > patienceSeconds
      if (!isPassedOver || now - atSeconds <= patienceSeconds) continue
      lease.unclaimed++
      losses.push(lossOf(lease, 'unclaimed'))
    }
    return losses
  }

  /** Whoever beats has its leases in its beats: only what the silent hold can have ended. */
  #loseOfSilent(now: number, losses: Loss[]): void {
    for (const [agent, held] of this.#held) {
      const record = this.#agents.get(agent)
      if (record !== undefined && now - record.seenAtSeconds <= LEASE_SECONDS) continue
      for (const lease of held) {
        const { seenAtSeconds, missingSinceSeconds } = lease.state as Running
        if (missingSinceSeconds === undefined && now - seenAtSeconds > LEASE_SECONDS)
          losses.push(lossOf(lease, 'lease ended'))
      }
    }
  }

  /** The newest offer that has been known as claimed for so long that older ones would be known as well. */
  #knownClaimSeconds(now: number): number {
    this.#claimed.push({ atSeconds: now, offerAtSeconds: this.#claimedOfferAtSeconds })
    while ((this.#claimed[1]?.atSeconds ?? now) <= now - CLAIM_SECONDS) this.#claimed.shift()
    const [oldest] = this.#claimed
    return oldest !== undefined && oldest.atSeconds <= now - CLAIM_SECONDS
      ? oldest.offerAtSeconds
      : Number.NEGATIVE_INFINITY
  }

  #claim(lease: Lease, agent: string, now: number, started: boolean): void {
    this.#offered.delete(lease)
    const startedAtSeconds = started ? now : undefined
    const missingSinceSeconds = undefined
    lease.state = {
      type: 'running',
      agent,
      seenAtSeconds: now,
      started,
      startedAtSeconds,
      missingSinceSeconds,
      namedBy: 0,
    }
    const held = this.#held.get(agent)
    if (held === undefined) this.#held.set(agent, new Set([lease]))
    else held.add(lease)
  }

  #found(lease: Lease, state: Running): void {
    state.missingSinceSeconds = undefined
    this.#missing.delete(lease)
  }

  #lookForMissing(held: ReadonlySet<Lease>, sequence: number, now: number): void {
    for (const lease of held) {
      const state = lease.state as Running
      if (state.namedBy === sequence || state.missingSinceSeconds !== undefined) continue
      state.missingSinceSeconds = now
      this.#missing.add(lease)
    }
  }

  /** Takes the lease out of all lists but that of all leases. */
  #release(lease: Lease): void {
    const { state } = lease
    if (state.type === 'offered') {
      this.#offered.delete(lease)
      return
    }
    this.#missing.delete(lease)
    const held = this.#held.get(state.agent)
    held?.delete(lease)
    if (held?.size === 0) this.#held.delete(state.agent)
  }

  #forgivePause(pausedSeconds: number): void {
    for (const agent of this.#agents.values()) {
      agent.seenAtSeconds += pausedSeconds
      agent.idleSinceSeconds += pausedSeconds
    }
    for (const { state } of this.#leases.values()) {
      if (state.type === 'offered') state.atSeconds += pausedSeconds
      else {
        state.seenAtSeconds += pausedSeconds
        if (state.missingSinceSeconds !== undefined) state.missingSinceSeconds += pausedSeconds
      }
    }
  }
}

const lossOf = ({ shard, attempt, state }: Lease, why: LossReason): Loss => {
  if (state.type === 'offered') return { shard, attempt, why, started: false }
  return { shard, attempt, why, agent: state.agent, started: state.started }
}
