// What is settled, and what is offered: the one judge of a job. A pure machine: events in, effects out, no clock of its own,
// no I/O. Who works which shard, and what is lost, is decided by leases.ts.
//
//   add ──> shard ──reports──> settled, item by item ──> closed
//             │ lost or given back
//             ├── untouched: the same shard, its next attempt
//             ├── partly settled, or suspects in it: what is open of it in new shards
//             └── hosts were lost while they ran it: halves of it; a single item fails in the end
//
// Always true: an item is settled at most once, by the first outcome that reaches the ledger, whoever sends it; every item
// that was added and is not settled is in exactly one live shard; a shard's number is never used twice.
// Leases and attempts only decide who works; a wrong suspicion costs work, never an outcome.

import type { Span } from '../proto/shard.js'
import { Leases, type Loss } from './leases.js'
import type { LedgerEffect, LedgerEvent, LedgerOptions, ReportEvent } from './ledger-events.js'
import { SpanSet } from './spans.js'

export type { LedgerEffect, LedgerEvent, LedgerOptions } from './ledger-events.js'

interface LiveShard {
  readonly shard: number
  readonly start: number
  readonly end: number
  readonly careful: boolean
  /** How many agents were lost while a worker of theirs had begun it. */
  losses: number
  /** Items of it that are not settled yet. */
  open: number
}

/** More than this many agents lost on one shard: it is halved, so that its neighbours get away. */
const LOSSES_BEFORE_HALVING = 2
/** So many agents lost while they ran this one item: it fails, rather than to bring down every host in turn. */
const LOSSES_BEFORE_POISON = 6

export class Ledger {
  readonly #options: LedgerOptions
  readonly #leases = new Leases()
  readonly #live = new Map<number, LiveShard>()
  readonly #settled = new SpanSet()
  /** Of each open item that has failed: the attempts that said so, because a report may come twice. */
  readonly #tries = new Map<number, Set<string>>()
  #nextShard = 0
  #added = 0

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
    return this.#leases.running
  }

  /** The live shards and their newest attempts, for the broadcast. */
  live(): { shard: number; attempt: number }[] {
    return this.#leases.newest()
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
        this.#leases.beat(event)
        break
      case 'report':
        this.#report(event, effects)
        break
      case 'settle':
        this.#added = Math.max(this.#added, event.end)
        this.#settle(this.#settled.missing(event.start, event.end), effects)
        break
      case 'tick':
        for (const loss of this.#leases.tick(event.now)) this.#lost(loss, event.now, effects)
        break
      case 'reopen':
        for (const loss of this.#leases.loseOffers()) this.#lost(loss, event.now, effects)
        break
    }
    return effects
  }

  #open({ start, end }: Span, careful: boolean, losses: number, now: number, effects: LedgerEffect[]): void {
    const shard = { shard: this.#nextShard++, start, end, careful, losses, open: end - start }
    this.#live.set(shard.shard, shard)
    this.#offer(shard, now, effects)
  }

  #offer({ shard, start, end, careful }: LiveShard, now: number, effects: LedgerEffect[]): void {
    const attempt = this.#leases.offer(shard, now)
    effects.push({ type: 'offer', shard, attempt, start, end, careful })
  }

  #end({ shard }: LiveShard, effects: LedgerEffect[]): void {
    this.#live.delete(shard)
    this.#leases.close(shard)
    effects.push({ type: 'closed', shard })
  }

  #report(event: ReportEvent, effects: LedgerEffect[]): void {
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
    const { attempt, agent, now, suspects } = event
    const shard = this.#live.get(event.shard)
    if (shard === undefined || !this.#leases.isNewest(event.shard, attempt)) return
    if (event.last) {
      effects.push({ type: 'lost', shard: shard.shard, attempt, agent, why: 'given back' })
      const cuts = suspects === undefined ? [] : [suspects.start, suspects.end]
      this.#replace({ ...shard, losses: 0 }, cuts, now, effects, suspects)
    } else this.#leases.report(event.shard, agent, now)
  }

  /** Cuts out the failed items that may be tried again; they stay open. */
  #withoutRetries(fresh: Span[], { shard, attempt, failures }: ReportEvent, effects: LedgerEffect[]): Span[] {
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
    if (shard.open === 0) this.#end(shard, effects)
  }

  #lost(loss: Loss, now: number, effects: LedgerEffect[]): void {
    const { attempt, agent, why } = loss
    const shard = this.#live.get(loss.shard)
    if (shard === undefined) throw new Error(`shard ${loss.shard} was lost, which does not live`)
    if (loss.started && why === 'lease ended') shard.losses++
    effects.push({ type: 'lost', shard: shard.shard, attempt, why, ...(agent !== undefined && { agent }) })
    const size = shard.end - shard.start
    if (shard.losses >= LOSSES_BEFORE_POISON && size === 1) {
      effects.push({ type: 'poison', index: shard.start, losses: shard.losses })
      this.#settle([shard], effects, shard.shard)
    } else if (shard.losses > LOSSES_BEFORE_HALVING && size > 1) {
      this.#replace(shard, [shard.start + (size >>> 1)], now, effects)
    } else if (shard.open === size) {
      // Untouched: it keeps its number, so that the report of a worker that was only slow still counts.
      this.#offer(shard, now, effects)
    } else this.#replace(shard, [], now, effects)
  }

  /** Closes a shard and puts what is open of it into new ones, none of which reaches over a cut. */
  #replace(shard: LiveShard, cuts: readonly number[], now: number, effects: LedgerEffect[], suspects?: Span): void {
    this.#end(shard, effects)
    for (const span of this.#settled.missing(shard.start, shard.end)) {
      let { start } = span
      for (const end of [...cuts.filter(cut => cut > span.start && cut < span.end), span.end]) {
        const careful = suspects === undefined ? shard.careful : start >= suspects.start && end <= suspects.end
        this.#open({ start, end }, careful, shard.losses, now, effects)
        start = end
      }
    }
  }
}
