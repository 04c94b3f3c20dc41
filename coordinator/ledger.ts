// Who works which items, and what is settled: the one judge of a job. A pure machine: events in, effects out, no clock of
// its own, no I/O.
//
//   add ──offer──> offered ──a beat names it──> running ──its last report──> closed
//                     ^                            │
//                     └── nobody claims it ────────┴── its lease ends, or it vanishes from a newer beat
//
// Always true: an item is settled at most once, by the first outcome that reaches the ledger, whoever sends it; every item
// that was added and is not settled is in exactly one live shard; a shard's number is never used twice.
// Leases and attempts only decide who works; a wrong suspicion costs work, never an outcome.

import type { FailureReason } from '../proto/outcome.js'
import { LEASE_SECONDS } from '../proto/presence.js'
import type { Span } from '../proto/shard.js'
import { SpanSet } from './spans.js'

export interface LedgerOptions {
  /** Further tries of an item whose outcome is a failure. */
  readonly retries: number
  /** A report is one value for its whole span: it counts only when none of its items is settled yet. */
  readonly indivisible: boolean
}

export type LedgerEvent =
  /** Items that were just read; they follow those of the last `add`. */
  | { readonly type: 'add'; readonly start: number; readonly end: number; readonly now: number }
  | {
      readonly type: 'beat'
      readonly agent: string
      readonly sequence: number
      readonly slots: number
      /** Shards of this job, and how many of any job. */
      readonly held: readonly { readonly shard: number; readonly attempt: number; readonly started: boolean }[]
      readonly heldInAll: number
      readonly draining: boolean
      readonly now: number
    }
  | {
      readonly type: 'report'
      readonly shard: number
      readonly attempt: number
      readonly agent: string
      readonly start: number
      readonly end: number
      readonly failures: readonly { readonly index: number; readonly reason: FailureReason }[]
      readonly last: boolean
      readonly suspects?: Span
      readonly now: number
    }
  /** An item that could not be read, or was given up by the coordinator itself. */
  | { readonly type: 'settle'; readonly start: number; readonly end: number }
  | { readonly type: 'tick'; readonly now: number }
  /** The queue was lost: what is not known to be held is offered again. */
  | { readonly type: 'reopen'; readonly now: number }

export type LedgerEffect =
  | {
      readonly type: 'offer'
      readonly shard: number
      readonly attempt: number
      readonly start: number
      readonly end: number
      readonly careful: boolean
    }
  /** These items of the report are settled by it, now and for good. */
  | { readonly type: 'settled'; readonly start: number; readonly end: number }
  /** So many items of the report were settled before, or are tried again. */
  | { readonly type: 'unused'; readonly items: number; readonly why: 'duplicate' | 'retry' }
  | {
      readonly type: 'lost'
      readonly shard: number
      readonly attempt: number
      readonly agent?: string
      readonly why: LossReason
    }
  /** Agents were lost again and again while they ran this item: it is blamed for it. */
  | { readonly type: 'poison'; readonly index: number; readonly losses: number }
  /** All items of the shard are settled, or its rest stands in other shards. */
  | { readonly type: 'closed'; readonly shard: number }

export type LossReason = 'lease ended' | 'vanished' | 'unclaimed' | 'queue lost' | 'given back'

type ShardState =
  | { readonly type: 'offered'; readonly atSeconds: number }
  | {
      readonly type: 'running'
      readonly agent: string
      readonly seenAtSeconds: number
      readonly started: boolean
      readonly missingSinceSeconds: number | undefined
    }

interface LiveShard {
  readonly shard: number
  readonly start: number
  readonly end: number
  readonly careful: boolean
  attempt: number
  /** How often it was offered and nobody claimed it; other losses say nothing about the next offer. */
  unclaimed: number
  /** How many agents were lost while a worker of theirs had begun it. */
  losses: number
  /** Items of it that are not settled yet. */
  open: number
  state: ShardState
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
/** More than this many agents lost on one shard: it is halved, so that its neighbours get away. */
const LOSSES_BEFORE_HALVING = 2
/** So many agents lost while they ran this one item: it fails, rather than to bring down every host in turn. */
const LOSSES_BEFORE_POISON = 6
/** The ledger's own pause (a frozen process, a blocked loop) is nobody else's silence. */
const PAUSE_SECONDS = 1

export class Ledger {
  readonly #options: LedgerOptions
  readonly #live = new Map<number, LiveShard>()
  readonly #settled = new SpanSet()
  /** Of each open item that has failed: the attempts that said so, because a report may come twice. */
  readonly #tries = new Map<number, Set<string>>()
  readonly #agents = new Map<string, AgentRecord>()
  #nextShard = 0
  #added = 0
  #tickedAtSeconds: number | undefined
  /** The newest offer that was claimed, by its time: an older one that is still unclaimed was passed over. */
  #claimedOfferAtSeconds = Number.NEGATIVE_INFINITY

  constructor(options: LedgerOptions) {
    this.#options = options
  }

  get nextShard(): number {
    return this.#nextShard
  }

  /** Items settled so far. */
  get settledItems(): number {
    return this.#settled.size
  }

  /** Items added so far; settled or in a live shard, each of them. */
  get addedItems(): number {
    return this.#added
  }

  get liveShards(): number {
    return this.#live.size
  }

  /** Shards that an agent is known to hold. */
  get runningShards(): number {
    let running = 0
    for (const { state } of this.#live.values()) if (state.type === 'running') running++
    return running
  }

  /** The live shards and their newest attempts, for the broadcast. */
  live(): { shard: number; attempt: number }[] {
    return Array.from(this.#live.values(), ({ shard, attempt }) => ({ shard, attempt }))
  }

  isSettled(index: number): boolean {
    return this.#settled.missing(index, index + 1).length === 0
  }

  step(event: LedgerEvent): LedgerEffect[] {
    const effects: LedgerEffect[] = []
    switch (event.type) {
      case 'add':
        this.#added = event.end
        this.#open(event, false, 0, event.now, effects)
        break
      case 'beat':
        this.#beat(event)
        break
      case 'report':
        this.#report(event, effects)
        break
      case 'settle':
        this.#added = Math.max(this.#added, event.end)
        this.#settle(this.#settled.missing(event.start, event.end), effects)
        break
      case 'tick':
        this.#tick(event.now, effects)
        break
      case 'reopen':
        for (const shard of [...this.#live.values()]) {
          if (shard.state.type === 'offered') this.#offerAgain(shard, 'queue lost', event.now, effects)
        }
        break
    }
    return effects
  }

  #open(span: Span, careful: boolean, losses: number, now: number, effects: LedgerEffect[]): void {
    const shard: LiveShard = {
      shard: this.#nextShard++,
      start: span.start,
      end: span.end,
      careful,
      attempt: 1,
      unclaimed: 0,
      losses,
      open: span.end - span.start,
      state: { type: 'offered', atSeconds: now },
    }
    this.#live.set(shard.shard, shard)
    effects.push({ type: 'offer', shard: shard.shard, attempt: 1, start: span.start, end: span.end, careful })
  }

  #beat(event: Extract<LedgerEvent, { type: 'beat' }>): void {
    const record = this.#agents.get(event.agent)
    if (record !== undefined && event.sequence <= record.sequence) return
    const idle = !event.draining && event.heldInAll < event.slots
    const idleSinceSeconds = record?.idle === true ? record.idleSinceSeconds : event.now
    this.#agents.set(event.agent, { sequence: event.sequence, seenAtSeconds: event.now, idle, idleSinceSeconds })
    const named = new Set<number>()
    for (const { shard: number, attempt, started } of event.held) {
      const shard = this.#live.get(number)
      if (shard === undefined || shard.attempt !== attempt) continue
      if (shard.state.type === 'offered') {
        this.#claimedOfferAtSeconds = Math.max(this.#claimedOfferAtSeconds, shard.state.atSeconds)
      } else if (shard.state.agent !== event.agent) {
        // The queue gave one attempt to two agents; the first to be seen keeps the lease, the other's work is a spare.
        continue
      }
      named.add(number)
      shard.state = {
        type: 'running',
        agent: event.agent,
        seenAtSeconds: event.now,
        started,
        missingSinceSeconds: undefined,
      }
    }
    for (const shard of this.#live.values()) {
      if (shard.state.type !== 'running' || shard.state.agent !== event.agent || named.has(shard.shard)) continue
      shard.state = { ...shard.state, missingSinceSeconds: shard.state.missingSinceSeconds ?? event.now }
    }
  }

  #report(event: Extract<LedgerEvent, { type: 'report' }>, effects: LedgerEffect[]): void {
    let fresh = this.#settled.missing(event.start, event.end)
    if (
      this.#options.indivisible &&
      !(fresh.length === 1 && fresh[0]?.start === event.start && fresh[0].end === event.end)
    )
      fresh = []
    const usable = this.#withoutRetries(fresh, event, effects)
    const covered = event.end - event.start
    const unused = covered - fresh.reduce((items, span) => items + span.end - span.start, 0)
    if (unused > 0) effects.push({ type: 'unused', items: unused, why: 'duplicate' })
    this.#settle(usable, effects, event.shard)
    const shard = this.#live.get(event.shard)
    if (shard === undefined || shard.attempt !== event.attempt) return
    if (!event.last) {
      // A report is a sign of life as good as a beat.
      if (shard.state.type === 'running')
        shard.state = { ...shard.state, seenAtSeconds: event.now, missingSinceSeconds: undefined }
      else
        shard.state = {
          type: 'running',
          agent: event.agent,
          seenAtSeconds: event.now,
          started: true,
          missingSinceSeconds: undefined,
        }
      return
    }
    effects.push({ type: 'lost', shard: shard.shard, attempt: shard.attempt, agent: event.agent, why: 'given back' })
    this.#replace(shard, event.suspects, 0, event.now, effects)
  }

  /** Cuts out the failed items that may be tried again; they stay open. */
  #withoutRetries(
    fresh: Span[],
    { shard, attempt, failures }: Extract<LedgerEvent, { type: 'report' }>,
    effects: LedgerEffect[],
  ): Span[] {
    if (this.#options.retries === 0 || failures.length === 0) return fresh
    const again = new SpanSet()
    for (const { index } of failures) {
      if (!fresh.some(span => index >= span.start && index < span.end)) continue
      const tries = this.#tries.get(index) ?? new Set()
      this.#tries.set(index, tries.add(`${shard}/${attempt}`))
      if (tries.size <= this.#options.retries) again.add(index, index + 1)
    }
    if (again.size > 0) effects.push({ type: 'unused', items: again.size, why: 'retry' })
    return again.size === 0 ? fresh : fresh.flatMap(span => again.missing(span.start, span.end))
  }

  #settle(spans: readonly Span[], effects: LedgerEffect[], likely?: number): void {
    for (const { start, end } of spans) {
      this.#settled.add(start, end)
      for (const index of this.#tries.keys()) if (index >= start && index < end) this.#tries.delete(index)
      effects.push({ type: 'settled', start, end })
      const shard = likely === undefined ? undefined : this.#live.get(likely)
      // Nearly always the items are those of the shard that reports them; only strays look through all.
      if (shard !== undefined && start >= shard.start && end <= shard.end) this.#close(shard, end - start, effects)
      else
        for (const other of [...this.#live.values()])
          this.#close(other, Math.min(end, other.end) - Math.max(start, other.start), effects)
    }
  }

  #close(shard: LiveShard, settled: number, effects: LedgerEffect[]): void {
    if (settled <= 0) return
    shard.open -= settled
    if (shard.open > 0) return
    this.#live.delete(shard.shard)
    effects.push({ type: 'closed', shard: shard.shard })
  }

  /** Closes a shard and puts what is open of it into new ones. */
  #replace(shard: LiveShard, suspects: Span | undefined, losses: number, now: number, effects: LedgerEffect[]): void {
    this.#live.delete(shard.shard)
    effects.push({ type: 'closed', shard: shard.shard })
    for (const span of this.#settled.missing(shard.start, shard.end)) {
      const cuts =
        suspects === undefined ? [] : [suspects.start, suspects.end].filter(cut => cut > span.start && cut < span.end)
      let start = span.start
      for (const end of [...cuts, span.end]) {
        const careful = suspects === undefined ? shard.careful : start >= suspects.start && end <= suspects.end
        this.#open({ start, end }, careful, losses, now, effects)
        start = end
      }
    }
  }

  #tick(now: number, effects: LedgerEffect[]): void {
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
    for (const shard of [...this.#live.values()]) {
      const why = this.#lossOf(shard, now, idleSinceSeconds)
      if (why === undefined) continue
      if (shard.state.type === 'running' && shard.state.started && why === 'lease ended') shard.losses++
      if (why === 'unclaimed') shard.unclaimed++
      this.#offerAgain(shard, why, now, effects)
    }
  }

  #lossOf(shard: LiveShard, now: number, idleSinceSeconds: number): LossReason | undefined {
    const state = shard.state
    if (state.type === 'running') {
      if (now - state.seenAtSeconds > LEASE_SECONDS) return 'lease ended'
      if (state.missingSinceSeconds !== undefined && now - state.missingSinceSeconds > VANISHED_SECONDS)
        return 'vanished'
      return undefined
    }
    const patienceSeconds = UNCLAIMED_SECONDS * 2 ** Math.min(shard.unclaimed, MOST_DOUBLINGS)
    const passedOver = state.atSeconds < this.#claimedOfferAtSeconds || now - idleSinceSeconds > patienceSeconds
    return passedOver && now - state.atSeconds > patienceSeconds ? 'unclaimed' : undefined
  }

  #offerAgain(shard: LiveShard, why: LossReason, now: number, effects: LedgerEffect[]): void {
    const agent = shard.state.type === 'running' ? { agent: shard.state.agent } : {}
    effects.push({ type: 'lost', shard: shard.shard, attempt: shard.attempt, why, ...agent })
    const open = this.#settled.missing(shard.start, shard.end)
    const size = shard.end - shard.start
    if (shard.losses >= LOSSES_BEFORE_POISON && size === 1) {
      effects.push({ type: 'poison', index: shard.start, losses: shard.losses })
      this.#settle(open, effects, shard.shard)
      return
    }
    if (shard.losses > LOSSES_BEFORE_HALVING && size > 1) {
      const middle = shard.start + (size >>> 1)
      this.#live.delete(shard.shard)
      effects.push({ type: 'closed', shard: shard.shard })
      for (const span of open.flatMap(({ start, end }) =>
        start < middle && middle < end
          ? [
              { start, end: middle },
              { start: middle, end },
            ]
          : [{ start, end }],
      )) {
        this.#open(span, shard.careful, shard.losses, now, effects)
      }
      return
    }
    if (open.length === 1 && open[0]?.start === shard.start && open[0].end === shard.end) {
      // Untouched: it keeps its number, so that the report of a worker that was only slow still counts.
      shard.attempt++
      shard.state = { type: 'offered', atSeconds: now }
      effects.push({
        type: 'offer',
        shard: shard.shard,
        attempt: shard.attempt,
        start: shard.start,
        end: shard.end,
        careful: shard.careful,
      })
      return
    }
    this.#replace(shard, undefined, shard.losses, now, effects)
  }

  #forgivePause(pausedSeconds: number): void {
    for (const [name, agent] of this.#agents) {
      this.#agents.set(name, {
        ...agent,
        seenAtSeconds: agent.seenAtSeconds + pausedSeconds,
        idleSinceSeconds: agent.idleSinceSeconds + pausedSeconds,
      })
    }
    for (const shard of this.#live.values()) {
      const state = shard.state
      if (state.type === 'offered') shard.state = { ...state, atSeconds: state.atSeconds + pausedSeconds }
      else {
        const missingSinceSeconds =
          state.missingSinceSeconds === undefined ? undefined : state.missingSinceSeconds + pausedSeconds
        shard.state = { ...state, seenAtSeconds: state.seenAtSeconds + pausedSeconds, missingSinceSeconds }
      }
    }
  }
}
