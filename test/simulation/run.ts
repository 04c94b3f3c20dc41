// A simulated run of a job: the hands of coordinator/run.ts over a fake clock and network, with the real ledger, split and
// gather. In: a job's items, beats and reports. Out: tasks and broadcasts; outcomes, to the job,
// which checks them. It follows that file step by step; what changes there changes here.
import { Gather, isComplete, sliceOutcomes } from '../../coordinator/gather.js'
import { Ledger, type LedgerEffect } from '../../coordinator/ledger.js'
import { Split } from '../../coordinator/split.js'
import { EMPTY_ITEMS } from '../../proto/items.js'
import { packLive } from '../../proto/live.js'
import type { ItemFailure, Outcomes, Report } from '../../proto/outcome.js'
import { type ActiveJob, BEAT_SECONDS, type Beat } from '../../proto/presence.js'
import { VERSIONS } from '../../proto/version.js'
import { LedgerWatch } from '../coordinator/ledger-watch.js'
import type { SimJob } from './job.js'
import type { Network } from './network.js'
import type { Process } from './process.js'
import type { Queue } from './queue.js'
import { Reports } from './reports.js'
import type { Timeline } from './timeline.js'

const SHARDS_PER_SLOT = 3
const REOPEN_SECONDS = 0.5
/** A look at every item costs as much as the job: now and then. */
const STEPS_BETWEEN_CHECKS = 64

type State = 'running' | 'finishing' | 'done' | 'stopped' | 'interrupted'

export class SimRun {
  readonly job: SimJob
  readonly watch: LedgerWatch
  readonly split = new Split()
  readonly gather: Gather
  readonly reports: Reports
  readonly #timeline: Timeline
  readonly #network: Network
  readonly #onChange: () => void
  readonly #agents = new Map<string, number>()
  queue: Queue | undefined
  #epoch = 0
  state: State = 'running'
  #isInputEnded = false
  #isFeeding = false
  #poison: ItemFailure | undefined
  #finishingSinceSeconds = 0
  #totalSlots = 0
  #steps = 0
  endedAtSeconds = 0

  constructor(job: SimJob, life: Process, network: Network, onChange: () => void) {
    this.job = job
    this.#network = network
    this.#timeline = network.wire.timeline
    this.#onChange = onChange
    const options = { retries: job.retries, indivisible: job.operation === 'fold' }
    this.watch = new LedgerWatch(new Ledger(options), options)
    this.gather = new Gather({ ordered: job.ordered })
    this.reports = new Reports(network.wire, life, report => this.#hear(report))
    network.openReports(job.name, this.reports)
    this.#openQueue()
    this.#feed()
    if (job.interruptSeconds !== undefined)
      this.#timeline.after(job.interruptSeconds, () => life.do(() => this.#interrupt()))
  }

  get isOver(): boolean {
    return this.state !== 'running' && this.state !== 'finishing'
  }

  active(): ActiveJob {
    const { ledger } = this.watch
    return {
      job: this.job.name,
      epoch: this.#epoch,
      spec: { sha256: '', sizeBytes: 0 },
      version: VERSIONS.newest,
      weight: 1,
      nextShard: ledger.nextShard,
      live: packLive(ledger.live(), ledger.liveShards, ledger.nextShard),
      recalled: ledger.recalled(),
      finishing: this.state === 'finishing',
    }
  }

  beat(beat: Beat, now: number): void {
    this.#agents.set(beat.agent, beat.draining ? 0 : beat.slots)
    this.#countSlots()
    const heldInAll = beat.held.filter(({ reported }) => !reported).length
    const held = beat.held.filter(({ job }) => job === this.job.name)
    const { agent, sequence, slots, draining } = beat
    this.#apply(this.#step({ type: 'beat', agent, sequence, slots, held, heldInAll, draining, now }))
  }

  gone(agent: string): void {
    if (this.#agents.delete(agent)) this.#countSlots()
  }

  tick(now: number): void {
    if (this.isOver) return
    this.#apply(this.#step({ type: 'tick', now }))
    const { liveShards } = this.watch.ledger
    this.#idle(Math.max(this.#totalSlots - liveShards, this.watch.ledger.idleSlots(now)), this.job.spareSeconds)
    if (this.state === 'finishing') this.#checkFinished(now)
  }

  #countSlots(): void {
    this.#totalSlots = [...this.#agents.values()].reduce((sum, slots) => sum + slots, 0)
    this.#feed()
  }

  #openQueue(): void {
    const epoch = ++this.#epoch
    this.queue = this.#network.openQueue(this.job.name, epoch, () => this.#lost(epoch))
    this.#onChange()
  }

  /** The epoch is the next one at once, its queue is there a moment later. */
  #lost(epoch: number): void {
    if (this.isOver || epoch !== this.#epoch) return
    this.#timeline.after(this.#network.wire.between(0, REOPEN_SECONDS), () => {
      if (this.isOver) return
      const lost = this.queue
      this.#openQueue()
      this.reports.readAgain()
      this.#apply(this.#step({ type: 'reopen', now: this.#timeline.now }))
      lost?.delete()
    })
  }

  #feed(): void {
    if (this.#isFeeding) return
    this.#isFeeding = true
    while (this.state === 'running' && this.#isWindowOpen && this.watch.ledger.hasWaiting)
      this.#apply(this.#step({ type: 'resume', items: this.job.shardItems, now: this.#timeline.now }))
    while (this.state === 'running' && !this.#isInputEnded && this.#hasRoom()) this.#read()
    this.#isFeeding = false
    this.#checkDone()
  }

  #idle(slots: number, spareSeconds: number): void {
    const { hasWaiting } = this.watch.ledger
    if (this.state !== 'running' || hasWaiting || slots <= 0 || !(this.#isInputEnded || !this.#hasRoom())) return
    const { itemSeconds } = this.job
    const idleness = {
      slots,
      helpers: 0,
      workers: slots,
      itemSeconds,
      leastSeconds: 2 * itemSeconds,
      spareSeconds,
      spareCopies: 2,
    }
    const effects = this.#step({ type: 'idle', ...idleness, now: this.#timeline.now })
    this.#apply(effects)
    for (const effect of effects) {
      if (effect.type === 'recall') this.#onChange()
      if (effect.type === 'doubted') this.job.spareSeconds -= effect.costSeconds
    }
  }

  #read(): void {
    const next = this.split.nextIndex
    const { job } = this
    if (next === job.count) {
      this.#isInputEnded = true
      return
    }
    if (job.kindOf(next).type === 'undecodable') {
      this.#poison = { index: this.split.skip().start, reason: 'undecodable', message: '' }
      this.#apply(this.#step({ type: 'settle', start: next, end: next + 1 }))
      return
    }
    let end = next + 1
    while (end < job.count && end - next < job.shardItems && job.kindOf(end).type !== 'undecodable') end++
    const span = this.split.take({ form: 'range', start: next, step: 1, count: end - next })
    this.#apply(this.#step({ type: 'add', ...span, now: this.#timeline.now }))
  }

  get #isWindowOpen(): boolean {
    return this.watch.ledger.liveShards < SHARDS_PER_SLOT * Math.max(1, this.#totalSlots)
  }

  #hasRoom(): boolean {
    const held = this.split.heldBytes + this.gather.heldBytes
    return this.#isWindowOpen && held < this.job.memoryBytes
  }

  #hear(report: Report): void {
    if (this.isOver || report.end > this.split.nextIndex) return
    if (this.job.operation === 'map' && !isComplete(report)) throw new Error('a report has not one outcome an item')
    const { shard, attempt, agent, start, end, failures, last, suspects, givenBack } = report
    const { now } = this.#timeline
    const pieceItems = this.job.operation === 'map' ? { pieceItems: this.job.shardItems } : {}
    const more = { ...(suspects && { suspects }), ...(givenBack && { givenBack }), ...pieceItems }
    this.#apply(this.#step({ type: 'report', shard, attempt, agent, start, end, failures, last, now, ...more }), report)
    this.#idle(this.#totalSlots - this.watch.ledger.liveShards, 0)
  }

  #step(event: Parameters<LedgerWatch['step']>[0]): LedgerEffect[] {
    const spans = event.type === 'tick' ? new Map(this.watch.live) : this.watch.live
    const effects = this.watch.step(event)
    for (const effect of effects) {
      const span = effect.type === 'lost' && effect.why === 'lease ended' ? spans.get(effect.shard) : undefined
      if (span !== undefined) this.job.lost(span)
    }
    if (++this.#steps % STEPS_BETWEEN_CHECKS === 0) this.watch.checkAll()
    return effects
  }

  #apply(effects: readonly LedgerEffect[], report?: Report): void {
    for (const effect of effects) {
      if (effect.type === 'offer' && this.state === 'running') this.#offer(effect)
      else if (effect.type === 'settled')
        this.#settled(report === undefined ? this.#poisoned(effect) : sliceOutcomes(report, effect))
      else if (effect.type === 'poison') this.#poison = { index: effect.index, reason: 'crash', message: '' }
    }
    this.#feed()
  }

  #offer({ shard, attempt, start, end, careful }: Extract<LedgerEffect, { type: 'offer' }>): void {
    const items = this.split.items({ start, end })
    if (items.form !== 'range' || items.start !== start || items.count !== end - start)
      throw new Error(`shard ${shard} has not the items of [${start}, ${end})`)
    const { name: job, timeBoxSeconds } = this.job
    const epoch = this.#epoch
    this.queue?.offer(`${epoch}/${shard}/${attempt}`, {
      job,
      epoch,
      shard,
      attempt,
      start,
      items,
      careful,
      timeBoxSeconds,
    })
  }

  #poisoned({ start, end }: { start: number; end: number }): Outcomes {
    const failure = this.#poison
    if (failure?.index !== start) throw new Error(`items [${start}, ${end}) were settled by nothing`)
    return { start, end, values: EMPTY_ITEMS, failures: [failure] }
  }

  #settled(outcomes: Outcomes): void {
    this.split.settle(outcomes)
    if (outcomes.failures.length > 0 && this.job.operation === 'fold') this.#stop('stopped')
    for (const ready of this.gather.step(outcomes)) this.job.write(ready)
  }

  #interrupt(): void {
    if (this.state !== 'running') return
    this.state = 'finishing'
    this.#finishingSinceSeconds = this.#timeline.now
    this.#onChange()
  }

  #checkFinished(now: number): void {
    const { liveShards, runningShards } = this.watch.ledger
    const isHeard = now - this.#finishingSinceSeconds > 2 * BEAT_SECONDS
    if (liveShards === 0 || (isHeard && runningShards === 0)) this.#stop('interrupted')
  }

  #checkDone(): void {
    const { liveShards, hasWaiting } = this.watch.ledger
    if (this.state === 'running' && this.#isInputEnded && liveShards === 0 && !hasWaiting) this.#stop('done')
  }

  #stop(state: State): void {
    if (this.isOver) return
    this.state = state
    this.endedAtSeconds = this.#timeline.now
    this.#onChange()
    this.queue?.delete()
    this.reports.delete()
  }
}
