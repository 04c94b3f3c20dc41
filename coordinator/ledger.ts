// What is settled, and what is offered: the one judge of a job. A pure machine: events in, effects out, no clock of its own,
// no I/O. Who works which shard, and what is lost, is decided by leases.ts.
//
//   add ──> shard ──reports──> settled, item by item ──> closed
//             │ lost or given back
//             ├── untouched: the same shard, its next attempt
//             ├── partly settled, or suspects in it: what is open of it in new shards
//             ├── given back and long: what is open of it waits, and is cut when there is room
//             └── hosts were lost while they ran it: halves of it; a single item fails in the end
//   idle slots: what runs is recalled, so that its rest comes back; what is silent for too long is run a second time
//
// Always true: an item is settled at most once, by the first outcome that reaches the ledger, whoever sends it; every item
// that was added and is not settled is in exactly one live shard, or waits; what the caller's loop takes counts as settled by
// it; a shard's number is never used twice.
// Leases and attempts only decide who works; a wrong suspicion costs work, never an outcome.

import type { Span } from '../proto/shard.js'
import { Leases, type Loss } from './leases.js'
import type { IdleEvent, LedgerEffect, LedgerEvent, LedgerOptions, ReportEvent } from './ledger-events.js'
import { Paces } from './paces.js'
import { SpanSet } from './spans.js'
import { type Candidate, copiesOf, recallsOf } from './tail.js'
import { Waiting } from './waiting.js'

export type { LedgerEffect, LedgerEvent, LedgerOptions } from './ledger-events.js'

interface LiveShard {
  readonly shard: number
  start: number
  end: number
  readonly careful: boolean
  /** How many agents were lost while a worker of theirs had begun it. */
  losses: number
  /** Items of it that are not settled yet. */
  open: number
  /** When it was offered, or when its newest attempt last reported. */
  progressAtSeconds: number
  /** It was run a second time although nobody was lost: once is enough. */
  isCopied: boolean
  /** The attempt that was recalled last: each gives back once. */
  recalledAttempt: number
}

/** More than this many agents lost on one shard: it is halved, so that its neighbours get away. */
const LOSSES_BEFORE_HALVING = 2
/** So many agents lost while they ran this one item: it fails, rather than to bring down every host in turn. */
const LOSSES_BEFORE_POISON = 6

export class Ledger {
  readonly #options: LedgerOptions
  readonly #leases = new Leases()
  readonly #live = new Map<number, LiveShard>()
  readonly #settled: SpanSet
  readonly #paces = new Paces()
  readonly #waiting: Waiting
  /** Attempts that are to give back what they have not begun, and have not answered. */
  readonly #recalled = new Map<number, number>()
  /** Of each open item that has failed: the attempts that said so, because a report may come twice, and whose they were. */
  readonly #tries = new Map<number, Map<string, string>>()
  #nextShard: number
  #added = 0
  /** Of those added: not settled. */
  #openItems = 0

  constructor(options: LedgerOptions) {
    this.#options = options
    this.#nextShard = options.firstShard ?? 0
    this.#settled = new SpanSet(options.settled)
    this.#waiting = new Waiting(this.#settled)
  }

  get nextShard(): number {
    return this.#nextShard
  }

  /** Items settled so far, those among them that are not added yet. */
  get settledItems(): number {
    return this.#settled.size
  }

  /** Items added so far; settled, in a live shard or waiting, each of them. */
  get addedItems(): number {
    return this.#added
  }

  /** Items added and not settled. */
  get openItems(): number {
    return this.#openItems
  }

  get liveShards(): number {
    return this.#live.size
  }

  /** Shards that an agent is known to hold. */
  get runningShards(): number {
    return this.#leases.running
  }

  /** Something that was given back waits for room. */
  get hasWaiting(): boolean {
    return this.#waiting.hasAny
  }

  /** How many items wait so, about. */
  get waitingItems(): number {
    return this.#waiting.items
  }

  /** The live shards and their newest attempts, for the broadcast. */
  live(): Iterable<{ readonly shard: number; readonly attempt: number }> {
    return this.#leases.newest()
  }

  /** The attempts that are to give back what they have not begun, for the broadcast. */
  recalled(): { shard: number; attempt: number }[] {
    return Array.from(this.#recalled, ([shard, attempt]) => ({ shard, attempt }))
  }

  /** Slots that nothing is held for, by what agents said last; 0 while offers may be on their way to them. */
  idleSlots(now: number): number {
    if (this.#leases.running < this.#live.size) return 0
    return this.#leases.idle(now).reduce((sum, { slots }) => sum + slots, 0)
  }

  isLive(shard: number): boolean {
    return this.#live.has(shard)
  }

  isSettled(index: number): boolean {
    return this.#settled.missing(index, index + 1).length === 0
  }

  step(event: LedgerEvent): LedgerEffect[] {
    const effects: LedgerEffect[] = []
    switch (event.type) {
      case 'add':
        this.#add(event, event.now, effects)
        break
      case 'beat':
        this.#leases.beat(event)
        break
      case 'report':
        this.#report(event, effects)
        break
      case 'settle':
        this.#count(event.end)
        this.#settle(this.#settled.missing(event.start, event.end), effects)
        break
      case 'tick':
        for (const loss of this.#leases.tick(event.now)) this.#lost(loss, event.now, effects)
        break
      case 'resume': {
        const span = this.#waiting.take(event.items, false)
        if (span !== undefined) this.#open(span, false, 0, event.now, effects)
        break
      }
      case 'take': {
        const span = this.#waiting.take(event.items, true)
        if (span === undefined) break
        this.#settled.add(span.start, span.end)
        this.#openItems -= span.end - span.start
        this.#forgetTries(span.start, span.end)
        effects.push({ type: 'taken', ...span })
        break
      }
      case 'idle':
        this.#idle(event, effects)
        break
      case 'forgive':
        for (const [index, tries] of this.#tries) {
          for (const [attempt, agent] of tries) if (agent === event.agent) tries.delete(attempt)
          if (tries.size === 0) this.#tries.delete(index)
        }
        break
      case 'reopen':
        for (const loss of this.#leases.loseOffers()) this.#lost(loss, event.now, effects)
        break
    }
    return effects
  }

  /** Items up to here are added; those of them that are settled stay so. */
  #count(end: number): void {
    if (end <= this.#added) return
    for (const open of this.#settled.missing(this.#added, end)) this.#openItems += open.end - open.start
    this.#added = end
  }

  #add({ start, end }: Span, now: number, effects: LedgerEffect[]): void {
    this.#count(end)
    let known = start
    for (const open of this.#settled.missing(start, end)) {
      if (open.start > known) effects.push({ type: 'known', start: known, end: open.start })
      this.#open(open, false, 0, now, effects)
      known = open.end
    }
    if (known < end) effects.push({ type: 'known', start: known, end })
  }

  #open({ start, end }: Span, careful: boolean, losses: number, now: number, effects: LedgerEffect[]): void {
    const shard = {
      shard: this.#nextShard++,
      start,
      end,
      careful,
      losses,
      open: end - start,
      progressAtSeconds: now,
      isCopied: false,
      recalledAttempt: 0,
    }
    this.#live.set(shard.shard, shard)
    this.#offer(shard, now, effects)
  }

  #offer(live: LiveShard, now: number, effects: LedgerEffect[]): void {
    const { shard, start, end, careful } = live
    live.progressAtSeconds = now
    this.#recalled.delete(shard)
    const attempt = this.#leases.offer(shard, now)
    effects.push({ type: 'offer', shard, attempt, start, end, careful })
  }

  #end({ shard }: LiveShard, effects: LedgerEffect[]): void {
    this.#live.delete(shard)
    this.#leases.close(shard)
    this.#recalled.delete(shard)
    effects.push({ type: 'closed', shard })
  }

  #report(event: ReportEvent, effects: LedgerEffect[]): void {
    if (event.workSeconds !== undefined) this.#paces.observe(event.agent, event.end - event.start, event.workSeconds)
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
    if (shard === undefined || !this.#leases.isNewest(event.shard, event.attempt)) return
    const { attempt, agent, now, suspects, givenBack, pieceItems } = event
    shard.progressAtSeconds = now
    if (event.last) {
      effects.push({ type: 'lost', shard: shard.shard, attempt, agent, why: 'given back' })
      const cuts = suspects === undefined ? [] : [suspects.start, suspects.end]
      const isRecalled = this.#recalled.get(shard.shard) === attempt
      const isUntouched = suspects === undefined && shard.open === shard.end - shard.start
      // The attempt beside it goes on for as long as the shard keeps its number.
      if (shard.isCopied && isUntouched) this.#offer(shard, now, effects)
      else this.#replace({ ...shard, losses: 0 }, { cuts, suspects, pieceItems, isRecalled }, now, effects)
    } else {
      this.#leases.report(event.shard, agent, now)
      if (givenBack !== undefined) this.#shorten(shard, givenBack.start, event, effects)
    }
  }

  /** What stands behind `start` is not its attempt's any more: it goes elsewhere. */
  #shorten(shard: LiveShard, from: number, { now, pieceItems }: ReportEvent, effects: LedgerEffect[]): void {
    this.#recalled.delete(shard.shard)
    const start = Math.max(from, shard.start)
    if (start >= shard.end || this.#options.indivisible) return
    const back = { ...shard, start, losses: 0 }
    const open = this.#settled.missing(start, shard.end).reduce((items, span) => items + span.end - span.start, 0)
    shard.end = start
    shard.open -= open
    effects.push({ type: 'shortened', shard: shard.shard, end: start })
    if (shard.open === 0) this.#end(shard, effects)
    this.#reopen(back, { pieceItems, isRecalled: true }, now, effects)
  }

  #idle(event: IdleEvent, effects: LedgerEffect[]): void {
    const candidates: Candidate[] = []
    for (const live of this.#live.values()) {
      const { shard, open, careful, losses, isCopied, progressAtSeconds } = live
      const holder = this.#leases.holder(shard)
      const sinceSeconds = Math.max(progressAtSeconds, holder?.startedAtSeconds ?? progressAtSeconds)
      const itemSeconds = this.#paceOf(holder?.agent, event)
      const isStarted = holder?.startedAtSeconds !== undefined
      // What may have brought down a host, or a worker, is left alone: it is neither cut nor run twice at once.
      const isHarmless = !careful && losses === 0
      const isAsked = live.recalledAttempt === this.#leases.attemptOf(shard)
      const mayRecall = isHarmless && !isAsked && !isCopied && !this.#options.indivisible
      const mayCopy = isHarmless && isStarted && !isCopied
      candidates.push({ shard, open, sinceSeconds, itemSeconds, isStarted, holder: holder?.agent, mayRecall, mayCopy })
    }
    for (const { shard, restSeconds } of recallsOf(candidates, event)) {
      const attempt = this.#leases.attemptOf(shard)
      const live = this.#live.get(shard) as LiveShard
      live.recalledAttempt = attempt
      this.#recalled.set(shard, attempt)
      effects.push({ type: 'recall', shard, attempt, restSeconds })
    }
    if (event.spareSeconds <= 0) return
    const idle = this.#leases.idle(event.now)
    const hosts = idle.map(({ agent, slots }) => ({ agent, slots, itemSeconds: this.#paceOf(agent, event) }))
    for (const { candidate, costSeconds } of copiesOf(candidates, hosts, event))
      this.#copy(candidate, costSeconds, event.now, effects)
  }

  #paceOf(agent: string | undefined, { itemSeconds }: IdleEvent): number {
    return (agent === undefined ? undefined : this.#paces.of(agent)) ?? itemSeconds
  }

  /** Offers what is open of a shard while its attempt goes on: whoever is first settles it. */
  #copy({ shard, holder, sinceSeconds }: Candidate, costSeconds: number, now: number, effects: LedgerEffect[]): void {
    const live = this.#live.get(shard) as LiveShard
    const [span, ...others] = this.#settled.missing(live.start, live.end)
    if (span === undefined || others.length > 0 || (this.#options.indivisible && live.open < live.end - live.start))
      return
    const attempt = this.#leases.attemptOf(shard)
    const silentSeconds = now - sinceSeconds
    live.start = span.start
    live.end = span.end
    live.isCopied = true
    effects.push({ type: 'doubted', shard, attempt, agent: holder as string, silentSeconds, costSeconds, ...span })
    this.#offer(live, now, effects)
  }

  /** Cuts out the failed items that may be tried again; they stay open. */
  #withoutRetries(fresh: Span[], event: ReportEvent, effects: LedgerEffect[]): Span[] {
    const { shard, attempt, agent, failures, isDoubtful } = event
    if (this.#options.retries === 0 || failures.length === 0) return fresh
    const again = new SpanSet()
    for (const { index } of failures) {
      if (!fresh.some(span => index >= span.start && index < span.end)) continue
      if (isDoubtful === true) {
        again.add(index, index + 1)
        continue
      }
      const tries = this.#tries.get(index) ?? new Map<string, string>()
      this.#tries.set(index, tries.set(`${shard}/${attempt}`, agent))
      if (tries.size <= this.#options.retries) again.add(index, index + 1)
    }
    if (again.size > 0) effects.push({ type: 'unused', items: again.size, why: 'retry' })
    return again.size === 0 ? fresh : fresh.flatMap(span => again.missing(span.start, span.end))
  }

  #settle(spans: readonly Span[], effects: LedgerEffect[], likely?: number): void {
    for (const { start, end } of spans) {
      this.#settled.add(start, end)
      this.#openItems -= Math.max(0, Math.min(end, this.#added) - start)
      this.#forgetTries(start, end)
      effects.push({ type: 'settled', start, end })
      const shard = likely === undefined ? undefined : this.#live.get(likely)
      // Nearly always the items are those of the shard that reports them; only strays look through all.
      if (shard !== undefined && start >= shard.start && end <= shard.end) this.#close(shard, end - start, effects)
      else
        for (const other of [...this.#live.values()])
          this.#close(other, Math.min(end, other.end) - Math.max(start, other.start), effects)
    }
  }

  #forgetTries(start: number, end: number): void {
    if (this.#tries.size < end - start) {
      for (const index of this.#tries.keys()) if (index >= start && index < end) this.#tries.delete(index)
    } else if (this.#tries.size > 0) for (let index = start; index < end; index++) this.#tries.delete(index)
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
      this.#replace(shard, { cuts: [shard.start + (size >>> 1)] }, now, effects)
    } else if (shard.open === size) {
      // Untouched: it keeps its number, so that the report of a worker that was only slow still counts.
      this.#offer(shard, now, effects)
    } else this.#replace(shard, {}, now, effects)
  }

  /** Closes a shard; what is open of it goes on in new ones. */
  #replace(shard: LiveShard, how: Replacement, now: number, effects: LedgerEffect[]): void {
    this.#end(shard, effects)
    this.#reopen(shard, how, now, effects)
  }

  /** Puts what is open of a span into new shards, none of which reaches over a cut; what is long waits. */
  #reopen(was: LiveShard, how: Replacement, now: number, effects: LedgerEffect[]): void {
    const { cuts = [], suspects, pieceItems = Number.POSITIVE_INFINITY, isRecalled } = how
    for (const span of this.#settled.missing(was.start, was.end)) {
      let { start } = span
      for (const end of [...cuts.filter(cut => cut > span.start && cut < span.end), span.end]) {
        const careful = suspects === undefined ? was.careful : start >= suspects.start && end <= suspects.end
        // What was taken back before it had begun would be taken back again and again, were it not smaller each time.
        const mostItems = isRecalled ? Math.ceil((end - start) / 2) : Number.POSITIVE_INFINITY
        const isFull = this.#live.size >= (this.#options.mostLive ?? Number.POSITIVE_INFINITY)
        if (!careful && was.losses === 0 && (isFull || end - start > Math.min(pieceItems, mostItems)))
          this.#waiting.add({ start, end, mostItems })
        else this.#open({ start, end }, careful, was.losses, now, effects)
        start = end
      }
    }
  }
}

/** How what is open of a shard goes on. */
interface Replacement {
  readonly cuts?: readonly number[]
  readonly suspects?: Span | undefined
  readonly pieceItems?: number | undefined
  readonly isRecalled?: boolean
}
