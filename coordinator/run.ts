// One job, from its first item to its end: the hands between input, ledger, gather and output.
//
//   input ─> split (sizes from plan) ─> ledger ──offer──> tasks ─> transport
//   output <─ gather <── settled ── ledger <── reports <────────────┘
//
// In: a JobRequest and a way to open the job's queue. Out: a JobEnd; the output holds every item's outcome exactly once,
// or was not committed. Always true: what is held of items and outcomes is bounded by `memoryBytes`, because reading waits.

import { itemsCodec, taskCodec } from '../proto/codec.js'
import { EMPTY_ITEMS, sizeOf } from '../proto/items.js'
import type { Log } from '../proto/log.js'
import type { ItemFailure, Outcomes, Report } from '../proto/outcome.js'
import { type ActiveJob, BEAT_SECONDS, type Beat } from '../proto/presence.js'
import type { BlobRef, JobSpec } from '../proto/shard.js'
import type { Clock } from '../proto/timing.js'
import type { JobChannel } from '../proto/transport.js'
import { Accounts } from './accounts.js'
import type { Blobs } from './blobs.js'
import { Gather, isComplete, outcomesBytes, sliceOutcomes } from './gather.js'
import type { JobEnd, JobRequest } from './job.js'
import { Ledger, type LedgerEffect } from './ledger.js'
import { Plan } from './plan.js'
import type { Receipt } from './receipt.js'
import { ReportReader } from './report-reader.js'
import { Split } from './split.js'

export interface RunOptions {
  readonly request: JobRequest
  readonly spec: JobSpec
  readonly specRef: BlobRef
  readonly placement: Receipt['placement']
  readonly targetSeconds: number
  readonly clock: Clock
  readonly log: Log
  readonly blobs: Blobs
  /** The largest task that travels in one message; a larger one's items are a blob. */
  readonly taskBytes: number
  readonly openChannel: (epoch: number, onReport: (message: Uint8Array) => void) => Promise<JobChannel>
  readonly dropEpoch: (epoch: number) => Promise<void>
  /** The queue is there: agents may pull, and wait for nothing else. */
  readonly onOpen: () => void
  /** What agents should hear soon has changed. */
  readonly onChange: () => void
}

/** Shards in the queue and at work, for each slot: one runs, one is at hand, the third hides the round trip. */
const SHARDS_PER_SLOT = 3
/** A shard's items in bytes; more slots than cores want smaller ones. */
const SHARD_BYTES = 1024 * 1024
/** After so many bytes of reports, transport and agents are told to let go of them; smaller: more messages. */
const RELEASE_BYTES = 8 * 1024 * 1024
/** The first failures are kept for people. */
const FAILURES_KEPT = 20
/** The queue could not be opened again: tried again after this long. */
const REOPEN_SECONDS = 0.5

type State = 'running' | 'finishing' | JobEnd['state']

export class Run {
  readonly #options: RunOptions
  readonly #ledger: Ledger
  readonly #split = new Split()
  readonly #gather: Gather
  readonly #plan: Plan
  readonly #accounts: Accounts
  readonly #reader: ReportReader
  readonly #largeTasks = new Map<number, BlobRef>()
  /** The slots of each agent that was heard of lately. */
  readonly #agents = new Map<string, number>()
  readonly #refusals = new Map<string, string>()
  readonly #ended: Promise<void>
  #end: () => void = () => {}
  #wakeFeeder: (() => void) | undefined
  #channel: JobChannel | undefined
  /** The epoch whose queue is there; agents that pull from one that is not there yet would wait in vain. */
  #epoch = 0
  #opening = 0
  #state: State = 'running'
  #why: string | undefined
  #isInputEnded = false
  #pendingWriteBytes = 0
  /** Bytes of reports that were handled and are still kept by the transport, and by the agents that sent them. */
  #unreleasedBytes = 0
  #writing: Promise<void> = Promise.resolve()
  #failed = 0
  #failures: ItemFailure[] = []
  #poison: ItemFailure | undefined
  #startedAtSeconds = 0
  #finishingSinceSeconds = 0
  #totalSlots = 0

  constructor(options: RunOptions) {
    this.#options = options
    const { request, spec, placement } = options
    this.#ledger = new Ledger({ retries: request.options.retries, indivisible: spec.operation === 'fold' })
    this.#gather = new Gather({ ordered: !request.options.unordered })
    const fixedSize = request.options.shardSize
    this.#plan = new Plan({ targetSeconds: options.targetSeconds, ...(fixedSize !== undefined && { fixedSize }) })
    this.#accounts = new Accounts({ job: spec.job, name: spec.name, placement })
    this.#reader = new ReportReader(options.log)
    this.#ended = new Promise(resolve => {
      this.#end = resolve
    })
  }

  /** Resolves when the job is over, its output committed or abandoned, its queue gone. */
  async toEnd(): Promise<JobEnd> {
    const { request, clock, spec } = this.#options
    this.#startedAtSeconds = clock()
    this.#accounts.start(this.#startedAtSeconds)
    this.#accounts.slots(this.#totalSlots, this.#startedAtSeconds)
    const onAbort = (): void => this.#interrupt()
    const onKill = (): void => this.#stop('interrupted')
    request.signal?.addEventListener('abort', onAbort)
    request.abort?.addEventListener('abort', onKill)
    if (request.signal?.aborted === true) this.#interrupt()
    if (request.abort?.aborted === true) onKill()
    try {
      await this.#openChannel()
      const feeding = this.#feed().catch(error => this.#stop('broken', (error as Error).message))
      await this.#ended
      this.#wakeFeeder?.()
      await request.input.close()
      await Promise.race([feeding, this.#ended])
      await this.#writing
    } catch (error) {
      this.#stop('broken', (error as Error).message)
    } finally {
      request.signal?.removeEventListener('abort', onAbort)
      request.abort?.removeEventListener('abort', onKill)
    }
    await this.#closeOutput()
    this.#options.onChange()
    await this.#channel?.close().catch(() => {})
    for (const ref of this.#largeTasks.values()) this.#options.blobs.release(ref)
    const settled = this.#ledger.settledItems
    return {
      job: spec.job,
      state: this.#state as JobEnd['state'],
      settled,
      failed: this.#failed,
      failures: this.#failures,
      ...(this.#why !== undefined && { why: this.#why }),
      receipt: this.#accounts.receipt(settled, this.#failed, clock()),
    }
  }

  /** Its queue is there and it is not over: agents may know of it. */
  get isActive(): boolean {
    return this.#epoch > 0 && !this.isOver
  }

  get isOver(): boolean {
    return this.#state !== 'running' && this.#state !== 'finishing'
  }

  /** What the broadcast says of the job. */
  active(): ActiveJob {
    const { spec, specRef } = this.#options
    const finishing = this.#state === 'finishing'
    return {
      job: spec.job,
      epoch: this.#epoch,
      spec: specRef,
      weight: 1,
      nextShard: this.#ledger.nextShard,
      live: this.#ledger.live(),
      finishing,
    }
  }

  /** An agent offers so many slots from now on. */
  join(agent: string, slots: number, now: number): void {
    this.#agents.set(agent, slots)
    this.#countSlots(now)
  }

  beat(beat: Beat, now: number): void {
    const { spec } = this.#options
    this.join(beat.agent, beat.draining ? 0 : beat.slots, now)
    const heldInAll = beat.held.filter(({ reported }) => !reported).length
    const held = beat.held.filter(({ job }) => job === spec.job)
    const { agent, sequence, slots, draining } = beat
    this.#apply(this.#ledger.step({ type: 'beat', agent, sequence, slots, held, heldInAll, draining, now }))
  }

  /** An agent that was not heard of for too long serves no more. */
  gone(agent: string, now: number): void {
    if (this.#agents.delete(agent)) this.#countSlots(now)
  }

  tick(now: number): void {
    if (this.isOver) return
    this.#apply(this.#ledger.step({ type: 'tick', now }))
    this.#channel?.trim()
    this.#progress(now)
    if (this.#state === 'finishing') this.#checkFinished(now)
  }

  #countSlots(now: number): void {
    const total = [...this.#agents.values()].reduce((sum, slots) => sum + slots, 0)
    if (total === this.#totalSlots) return
    this.#totalSlots = total
    this.#accounts.slots(total, now)
    this.#wakeFeeder?.()
  }

  #progress(now: number): void {
    const { request } = this.#options
    request.onProgress?.({
      settled: this.#ledger.settledItems,
      failed: this.#failed,
      total: request.input.count,
      slots: this.#totalSlots,
      agents: this.#agents.size,
      wallSeconds: now - this.#startedAtSeconds,
      ...(this.#agents.size === 0 && { waiting: 'no agent has joined yet' }),
    })
  }

  async #openChannel(): Promise<void> {
    const epoch = ++this.#opening
    const channel = await this.#options.openChannel(epoch, message => this.#hear(message))
    this.#channel = channel
    this.#epoch = epoch
    this.#options.onChange()
    void channel.lost.then(why => this.#reopen(epoch, why))
  }

  async #reopen(epoch: number, why: string): Promise<void> {
    if (this.isOver || epoch !== this.#epoch) return
    this.#options.log(
      'warn',
      `The queue of ${this.#options.spec.name} was lost (${why}); what is not settled is offered again.`,
    )
    while (!this.isOver) {
      try {
        await this.#openChannel()
        this.#apply(this.#ledger.step({ type: 'reopen', now: this.#options.clock() }))
        return await this.#options.dropEpoch(epoch)
      } catch (error) {
        this.#options.log('warn', `The queue could not be opened again: ${(error as Error).message}`)
        await new Promise(resolve => setTimeout(resolve, REOPEN_SECONDS * 1000))
      }
    }
  }

  /** Reads the input as fast as the window lets it in. */
  async #feed(): Promise<void> {
    const { input } = this.#options.request
    while (this.#state === 'running') {
      if (!this.#hasRoom()) {
        await new Promise<void>(resolve => {
          this.#wakeFeeder = resolve
        })
        continue
      }
      const remaining = input.count === undefined ? undefined : input.count - this.#split.nextIndex
      const batch = await input.next(this.#plan.size(remaining, Math.max(1, this.#totalSlots)), SHARD_BYTES)
      if (this.#state !== 'running') return
      if (batch === undefined) {
        this.#isInputEnded = true
        this.#checkDone()
        return
      }
      if ('undecodable' in batch)
        this.#settleFailure({ index: this.#split.skip().start, reason: 'undecodable', message: batch.undecodable })
      else {
        this.#accounts.shards++
        const { start, end } = this.#split.take(batch.items)
        this.#apply(this.#ledger.step({ type: 'add', start, end, now: this.#options.clock() }))
      }
    }
  }

  #hasRoom(): boolean {
    const held = this.#split.heldBytes + this.#gather.heldBytes + this.#pendingWriteBytes
    return (
      this.#ledger.liveShards < SHARDS_PER_SLOT * Math.max(1, this.#totalSlots) &&
      held < this.#options.request.options.memoryBytes
    )
  }

  #hear(message: Uint8Array): void {
    const report = this.#reader.read(message)
    if (report === undefined || this.isOver || report.job !== this.#options.spec.job) return
    if (report.end > this.#split.nextIndex) return
    if (report.refusal !== undefined) this.#refused(report.agent, report.refusal)
    if (this.isOver) return
    if (this.#options.spec.operation === 'map' && !isComplete(report)) {
      this.#options.log('warn', `A report of ${report.agent} has not one outcome an item and was dropped.`)
      return
    }
    const { clock } = this.#options
    const { shard, attempt, agent, start, end, failures, last, suspects, timing } = report
    const now = clock()
    const effects = this.#ledger.step({
      type: 'report',
      shard,
      attempt,
      agent,
      start,
      end,
      failures,
      last,
      now,
      ...(suspects && { suspects }),
    })
    const isUsed = effects.some(effect => effect.type === 'settled')
    this.#accounts.report(`${agent}/${report.slot}`, timing, end - start, isUsed || start === end, now)
    if (isUsed) this.#plan.observe(end - start, timing, sizeOf(report.values))
    this.#apply(effects, report)
    this.#unreleasedBytes += message.byteLength
    if (this.#unreleasedBytes >= RELEASE_BYTES) this.#release()
  }

  /** What was handled need not be kept by the transport, and what is settled not by agents. */
  #release(): void {
    this.#unreleasedBytes = 0
    this.#channel?.trim()
    this.#options.onChange()
  }

  #refused(agent: string, message: string): void {
    this.#refusals.set(agent, message)
    const isAnyLeft = [...this.#agents.keys()].some(name => !this.#refusals.has(name))
    if (!isAnyLeft) this.#stop('broken', message)
  }

  #apply(effects: readonly LedgerEffect[], report?: Report): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'offer':
          if (this.#state === 'running') this.#offer(effect)
          break
        case 'settled':
          this.#settled(report === undefined ? this.#poisoned(effect) : sliceOutcomes(report, effect))
          break
        case 'poison':
          this.#poison = {
            index: effect.index,
            reason: 'crash',
            message: `${effect.losses} agents were lost, one after the other, while they ran this item`,
          }
          break
        case 'lost':
          if (effect.why !== 'given back') this.#accounts.reoffers++
          break
        case 'unused':
          if (effect.why === 'duplicate') this.#accounts.duplicates += effect.items
          break
        case 'closed':
          this.#closed(effect.shard)
          break
      }
    }
    this.#wakeFeeder?.()
    this.#checkDone()
  }

  #offer(offer: Extract<LedgerEffect, { type: 'offer' }>): void {
    const { spec, taskBytes, blobs } = this.#options
    const { shard, attempt, start, careful } = offer
    const items = this.#split.items(offer)
    let payload: BlobRef | undefined = this.#largeTasks.get(shard)
    if (payload === undefined && sizeOf(items) > taskBytes) {
      payload = blobs.keep(itemsCodec.encode(items))
      this.#largeTasks.set(shard, payload)
    }
    const timeBoxSeconds = this.#plan.timeBoxSeconds(Math.max(1, this.#totalSlots))
    const task = taskCodec.encode({
      job: spec.job,
      epoch: this.#epoch,
      shard,
      attempt,
      start,
      items: payload ?? items,
      careful,
      timeBoxSeconds,
    })
    // A task that was not stored is like one that nobody claims: the ledger offers it again.
    this.#channel?.offer(`${this.#epoch}/${shard}/${attempt}`, task).catch(error => {
      if (!this.isOver) this.#options.log('debug', `A shard was not stored: ${(error as Error).message}`)
    })
  }

  #closed(shard: number): void {
    const ref = this.#largeTasks.get(shard)
    if (ref === undefined) return
    this.#largeTasks.delete(shard)
    this.#options.blobs.release(ref)
  }

  #poisoned({ start, end }: { start: number; end: number }): Outcomes {
    const failure = this.#poison
    if (failure?.index !== start) throw new Error(`items [${start}, ${end}) were settled by nothing`)
    return { start, end, values: EMPTY_ITEMS, failures: [failure] }
  }

  #settleFailure(failure: ItemFailure): void {
    const { index } = failure
    this.#poison = failure
    this.#apply(this.#ledger.step({ type: 'settle', start: index, end: index + 1 }))
  }

  #settled(outcomes: Outcomes): void {
    this.#split.settle(outcomes)
    this.#count(outcomes.failures)
    for (const ready of this.#gather.step(outcomes)) this.#write(ready)
  }

  #count(failures: readonly ItemFailure[]): void {
    if (failures.length === 0) return
    const { onError, maxFailures } = this.#options.request.options
    this.#failed += failures.length
    this.#failures.push(...failures.slice(0, Math.max(0, FAILURES_KEPT - this.#failures.length)))
    if (onError === 'stop' || this.#options.spec.operation === 'fold') {
      const [first] = failures as [ItemFailure]
      this.#stop('stopped', `Item ${first.index} failed: ${first.message}`)
    } else if (maxFailures !== undefined && this.#failed > this.#mostFailures(maxFailures)) {
      this.#stop('stopped', `${this.#failed} items failed, more than allowed`)
    }
  }

  #mostFailures(limit: { readonly count: number } | { readonly fraction: number }): number {
    if ('count' in limit) return limit.count
    return limit.fraction * (this.#options.request.input.count ?? Math.max(100, this.#ledger.settledItems))
  }

  #write(outcomes: Outcomes): void {
    const bytes = outcomesBytes(outcomes)
    this.#pendingWriteBytes += bytes
    this.#writing = this.#writing
      .then(() => (this.#state === 'broken' ? undefined : this.#options.request.output.write(outcomes)))
      .then(
        () => {
          this.#pendingWriteBytes -= bytes
          this.#wakeFeeder?.()
        },
        error => this.#stop('broken', (error as Error).message),
      )
  }

  #interrupt(): void {
    if (this.#state !== 'running') return
    this.#state = 'finishing'
    this.#finishingSinceSeconds = this.#options.clock()
    this.#options.onChange()
    this.#wakeFeeder?.()
  }

  /** What runs has ended, or nobody holds it any more; what was pulled just before shows in a beat first. */
  #checkFinished(now: number): void {
    const isHeard = now - this.#finishingSinceSeconds > 2 * BEAT_SECONDS
    if (this.#ledger.liveShards === 0 || (isHeard && this.#ledger.runningShards === 0)) this.#stop('interrupted')
  }

  #checkDone(): void {
    if (this.#state === 'running' && this.#isInputEnded && this.#ledger.liveShards === 0) this.#stop('done')
  }

  #stop(state: JobEnd['state'], why?: string): void {
    // A failure to write may come after the last item; every other end is final.
    if (this.isOver && !(state === 'broken' && this.#state === 'done')) return
    this.#state = state
    this.#why = why
    this.#end()
    this.#wakeFeeder?.()
  }

  async #closeOutput(): Promise<void> {
    const { output } = this.#options.request
    try {
      if (this.#state === 'done') await output.commit()
      else await output.abandon()
    } catch (error) {
      this.#stop('broken', (error as Error).message)
      await output.abandon().catch(() => {})
    }
  }
}
