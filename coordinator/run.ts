// One job, from its first item to its end: what it is told goes to the ledger, and what the ledger says is done.
//
//   input ─> feeder (sizes from sizing) ─> ledger ──offer──> queue ─> transport
//   output <─ settling <──── settled ─── ledger <── reports <──────────┘
//
// In: a JobRequest and a way to open the job's queue. Out: a JobEnd; the output holds every item's outcome exactly once,
// or was not committed. Always true: what is held of items and outcomes is bounded by `memoryBytes`, because reading waits.

import { EMPTY_ITEMS, sizeOf } from '../proto/items.js'
import { missingLabels } from '../proto/labels.js'
import { packLive } from '../proto/live.js'
import type { ItemFailure, Outcomes, Report } from '../proto/outcome.js'
import { type ActiveJob, BEAT_SECONDS, type Beat } from '../proto/presence.js'
import type { Span } from '../proto/shard.js'
import type { Accounts } from './accounts.js'
import { Attendance } from './attendance.js'
import type { Pace } from './crew.js'
import type { Cutting, Load } from './cutting.js'
import { firstEpochOf } from './durable/checkpoint.js'
import { Checkpoints } from './durable/checkpoints.js'
import { Feeder } from './feeder.js'
import { isComplete, sliceOutcomes } from './gather.js'
import type { JobEnd } from './job.js'
import type { Ledger, LedgerEffect } from './ledger.js'
import { Quarantine } from './quarantine.js'
import { JobQueue } from './queue.js'
import { ReportReader } from './report-reader.js'
import { accountsFor, cuttingFor, firstShardIn, ledgerFor, type RunOptions } from './run-machines.js'
import { Settling } from './settling.js'
import { Stragglers } from './stragglers.js'
import { callersPart } from './tail.js'

type State = 'running' | 'finishing' | JobEnd['state']

export class Run {
  readonly #options: RunOptions
  readonly #ledger: Ledger
  readonly #feeder: Feeder
  readonly #queue: JobQueue
  readonly #settling: Settling
  readonly #cutting: Cutting
  readonly #checkpoints: Checkpoints
  readonly #accounts: Accounts
  readonly #stragglers: Stragglers
  readonly #reader: ReportReader
  readonly #attendance = new Attendance()
  readonly #quarantine = new Quarantine()
  readonly #ended: Promise<void>
  #end: () => void = () => {}
  #state: State = 'running'
  #why: string | undefined
  /** Shards below it are an earlier process's. */
  readonly #firstShard: number
  /** Items that the reports of an earlier process, or its checkpoint, have settled. */
  #settledBefore: number
  #poison: ItemFailure | undefined
  #startedAtSeconds = 0
  #finishingSinceSeconds = 0
  #lookTimer: NodeJS.Timeout | undefined

  constructor(options: RunOptions) {
    this.#options = options
    const { request } = options
    this.#firstShard = firstShardIn(options)
    this.#ledger = ledgerFor(options)
    this.#settledBefore = this.#ledger.settledItems
    this.#cutting = cuttingFor(options)
    this.#accounts = accountsFor(options)
    this.#stragglers = new Stragglers({
      ledger: this.#ledger,
      sizing: this.#cutting.sizing,
      decisions: this.#accounts.decisions,
      // A copy would be in one slot more.
      isCopying: request.options.speculation && request.options.maxSlots === undefined,
      ...(request.options.maxSlots !== undefined && { mostSlots: request.options.maxSlots }),
      startedAtSeconds: () => this.#startedAtSeconds,
    })
    this.#reader = new ReportReader(options.log, options.versions)
    this.#ended = new Promise(resolve => {
      this.#end = resolve
    })
    this.#queue = this.#makeQueue()
    this.#settling = this.#makeSettling()
    this.#checkpoints = new Checkpoints({
      durable: request.durable,
      mostBytes: request.options.memoryBytes / 2,
      settling: this.#settling,
      trim: position => this.#queue.trim(position),
      clock: options.clock,
      log: options.log,
    })
    this.#feeder = this.#makeFeeder()
  }

  #makeQueue(): JobQueue {
    return new JobQueue({
      ...this.#options,
      firstEpoch: firstEpochOf(this.#options.request.durable?.owner ?? 1),
      isOver: () => this.isOver,
      onReport: (message, position) => this.#hear(message, position),
      onOpen: this.#options.onOpen,
      onReopen: () => this.#apply(this.#ledger.step({ type: 'reopen', now: this.#options.clock() })),
    })
  }

  #makeSettling(): Settling {
    return new Settling({
      request: this.#options.request,
      operation: this.#options.spec.operation,
      settledItems: () => this.#ledger.settledItems,
      isBroken: () => this.#state === 'broken',
      onTooManyFailures: why => this.#stop('stopped', why),
      onBroken: why => this.#stop('broken', why),
      onRoom: () => this.#feeder.wake(),
      keeping: { clock: this.#options.clock, onKept: (items, seconds) => this.#accounts.kept(items, seconds) },
    })
  }

  #makeFeeder(): Feeder {
    const { request, clock } = this.#options
    return new Feeder({
      input: request.input,
      settledFront: this.#settling.front,
      isRunning: () => this.#state === 'running',
      hasRoom: () => this.#cutting.hasRoom(this.#load),
      size: () => this.#cutting.size(this.#load),
      onItems: ({ start, end }) => {
        this.#accounts.shards++
        this.#apply(this.#ledger.step({ type: 'add', start, end, now: clock() }))
      },
      onUndecodable: failure => {
        const { index } = failure
        this.#poison = failure
        this.#apply(this.#ledger.step({ type: 'settle', start: index, end: index + 1 }))
      },
      onEnd: () => {
        this.#checkDone()
        // Whoever had nothing to do before all was read waits for what others have.
        this.#look()
      },
    })
  }

  /** Resolves when the job is over, its output committed or abandoned. Its queue is there until `close()`. */
  async toEnd(): Promise<JobEnd> {
    const { request, clock, spec } = this.#options
    this.#startedAtSeconds = clock()
    if (request.caller === undefined) this.#accounts.start(this.#startedAtSeconds)
    else this.#accounts.placed(this.#options.placement)
    const onAbort = (): void => this.#interrupt()
    const onKill = (): void => this.#stop('interrupted')
    request.signal?.addEventListener('abort', onAbort)
    request.abort?.addEventListener('abort', onKill)
    request.caller?.help?.onIdle(() => this.#helped())
    if (request.signal?.aborted === true) this.#interrupt()
    if (request.abort?.aborted === true) onKill()
    try {
      await this.#queue.open()
      if ((request.durable?.owner ?? 1) > 1) this.#queue.dropEarlier()
      const feeding = this.#feeder.run().catch(error => this.#stop('broken', (error as Error).message))
      await this.#ended
      this.#feeder.wake()
      await request.input.close()
      await Promise.race([feeding, this.#ended])
      await this.#settling.written()
    } catch (error) {
      this.#stop('broken', (error as Error).message)
    } finally {
      request.signal?.removeEventListener('abort', onAbort)
      request.abort?.removeEventListener('abort', onKill)
    }
    await this.#checkpoints.save(this.#state === 'done')
    await this.#settling.close(this.#state === 'done' ? 'commit' : 'abandon')
    const settled = this.#ledger.settledItems
    const here = settled - this.#settledBefore
    if (this.#settledBefore > 0) this.#accounts.earlier(this.#settledBefore, here)
    const { failed, failures } = this.#settling
    const failedHere = failed - (request.durable?.from?.failed ?? 0)
    return {
      job: spec.job,
      state: this.#state as JobEnd['state'],
      settled,
      failed,
      failures,
      ...(this.#why !== undefined && { why: this.#why }),
      receipt: this.#accounts.receipt(here, failedHere, clock(), this.#isUnfinished),
    }
  }

  /** After the end: resolves when nothing of it is left on the server, which nobody who waits for the result need wait for. */
  close(): Promise<void> {
    const isNeeded = this.#state !== 'done' && this.#checkpoints.needsReports
    return this.#queue.close(isNeeded || this.#options.request.durable?.keepsReports ? 'reports' : undefined)
  }

  /** Its queue is there and it is not over: agents may know of it. */
  get isActive(): boolean {
    return this.#queue.epoch > 0 && !this.isOver
  }

  get isOver(): boolean {
    return this.#state !== 'running' && this.#state !== 'finishing'
  }

  /** What the broadcast says of the job. */
  active(): ActiveJob {
    const { spec, announced } = this.#options
    const { weight = 1, priority, needs } = this.#options.request.options
    const finishing = this.#state === 'finishing'
    const putAside = this.#quarantine.aside()
    return {
      job: spec.job,
      epoch: this.#queue.epoch,
      ...announced(),
      weight,
      ...(priority !== undefined && { priority }),
      ...(needs !== undefined && { needs }),
      ...(putAside.length > 0 && { putAside }),
      nextShard: this.#ledger.nextShard,
      live: packLive(this.#ledger.live(), this.#ledger.liveShards, this.#ledger.nextShard),
      recalled: this.#ledger.recalled(),
      finishing,
    }
  }

  /** Whether who offers these labels may work on it; undefined: from before labels. */
  isFor(labels: readonly string[] | undefined): boolean {
    return missingLabels(labels, this.#options.request.options.needs ?? []).length === 0
  }

  /** Why an agent is given none of it. */
  whyNot(agent: string, now: number): string | undefined {
    const why = this.#quarantine.why(agent, now)
    return why && `put aside by ${this.#options.spec.name}: ${why}`
  }

  /** An agent offers so many slots from now on. */
  join(agent: string, slots: number, now: number): void {
    this.#accounts.serve(agent, slots, now)
    if (this.#attendance.join(agent, slots)) this.#feeder.wake()
  }

  beat(beat: Beat, now: number): void {
    const { spec } = this.#options
    const isAside = this.#quarantine.isAside(beat.agent)
    if (isAside) this.gone(beat.agent)
    else this.join(beat.agent, beat.draining ? 0 : beat.slots, now)
    const heldInAll = beat.held.filter(({ reported }) => !reported).length
    const held = beat.held.filter(({ job }) => job === spec.job)
    const { agent, sequence, slots } = beat
    const draining = beat.draining || isAside
    this.#apply(this.#ledger.step({ type: 'beat', agent, sequence, slots, held, heldInAll, draining, now }))
  }

  /** An agent that was not heard of for too long serves no more. */
  gone(agent: string): void {
    this.#accounts.gone(agent)
    if (this.#attendance.leave(agent)) this.#feeder.wake()
  }

  /** Another version is written from now on: what nobody is known to hold is offered in it, as a newer attempt. */
  rewrite(): void {
    if (this.isActive) this.#apply(this.#ledger.step({ type: 'reopen', now: this.#options.clock() }))
  }

  tick(now: number): void {
    if (this.isOver) return
    this.#apply(this.#ledger.step({ type: 'tick', now }))
    if (this.#quarantine.tick(now)) this.#options.onChange()
    if (this.#isAllOffered) this.#apply(this.#stragglers.tick(this.#slots, now))
    this.#checkpoints.tick()
    this.#progress(now)
    if (this.#state === 'finishing') this.#checkFinished(now)
  }

  /** What an item takes of late; undefined where none was measured. */
  get itemSeconds(): number | undefined {
    return this.#cutting.sizing.itemSeconds
  }

  get #pace(): Pace {
    const { count } = this.#options.request.input
    const left = count === undefined ? undefined : count - this.#ledger.settledItems
    const { itemSeconds, measuredSeconds } = this.#cutting.sizing
    return { itemSeconds, measuredSeconds, left }
  }

  /** It ended while slots were at work, which comes to nothing. */
  get #isUnfinished(): boolean {
    if (this.#state === 'done') return false
    const waited = this.#finishingSinceSeconds > 0 && this.#ledger.runningShards === 0
    return this.#ledger.liveShards > 0 && !waited
  }

  /** A job is cut and offered for one slot until there is any. */
  get #slots(): number {
    const { maxSlots = Number.POSITIVE_INFINITY } = this.#options.request.options
    return Math.max(1, Math.min(this.#attendance.slots, maxSlots))
  }

  #progress(now: number): void {
    const { request } = this.#options
    const { slots, agents, absence } = this.#attendance
    const waiting = absence && (this.#options.incompatible() ?? this.#noneServes(now) ?? absence)
    // It is the caller's code, called from a timer: what it throws would end the whole process.
    try {
      request.onProgress?.({
        settled: this.#ledger.settledItems,
        ...(this.#settledBefore > 0 && { settledBefore: this.#settledBefore }),
        failed: this.#settling.failed,
        total: request.input.count,
        slots,
        agents,
        wallSeconds: now - this.#startedAtSeconds,
        coreSeconds: this.#accounts.soFar(now).phases,
        ...(waiting !== undefined && { waiting }),
      })
    } catch (error) {
      this.#stop('broken', `onProgress threw: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  /** Why none of the agents that are there may work on it. */
  #noneServes(now: number): string | undefined {
    const unmet = this.#options.unmet(this.#options.request.options.needs ?? [])
    if (unmet !== undefined) return unmet
    const [first, ...others] = this.#quarantine.aside()
    if (first === undefined) return undefined
    const more = others.length === 0 ? '' : `, and ${others.length} more`
    return `agent ${first} was put aside${more}: ${this.#quarantine.why(first, now) ?? ''}`
  }

  /** Reports that this process keeps for the next checkpoint; a cluster's are kept by the server. */
  get #keptBytes(): number {
    return this.#options.placement === 'local' ? this.#checkpoints.keptBytes : 0
  }

  get #load(): Load {
    return {
      slots: this.#slots,
      liveShards: this.#ledger.liveShards,
      waitingItems: this.#ledger.waitingItems,
      unread: this.#feeder.unread,
      heldBytes: this.#feeder.heldBytes + this.#settling.heldBytes + this.#keptBytes,
    }
  }

  /** Nothing more is offered before something is settled. */
  get #isAllOffered(): boolean {
    return (
      this.#state === 'running' &&
      !this.#ledger.hasWaiting &&
      (this.#feeder.isEnded || !this.#cutting.hasRoom(this.#load))
    )
  }

  /** What was given back comes before what was not read yet: its outcomes are waited for. */
  #resume(): void {
    this.#giveCaller()
    while (this.#state === 'running' && this.#cutting.isOpen(this.#load) && this.#ledger.hasWaiting) {
      const items = this.#cutting.size(this.#load)
      this.#accounts.shards++
      this.#perform(this.#ledger.step({ type: 'resume', items, now: this.#options.clock() }))
    }
  }

  /** The caller's loop has nothing to do. */
  get #isHelped(): boolean {
    return this.#options.request.caller?.help?.isIdle === true
  }

  #helped(): void {
    this.#giveCaller()
    this.#look()
  }

  #giveCaller(): void {
    if (this.#state !== 'running' || !this.#isHelped || !this.#ledger.hasWaiting) return
    const items = Math.max(1, Math.floor(callersPart(1, this.#slots) * this.#ledger.openItems))
    this.#perform(this.#ledger.step({ type: 'take', items }))
    this.#checkDone()
  }

  #hear(message: Uint8Array, position: number): void {
    const reports = this.#reader.read(message)
    this.#checkpoints.heard(
      position,
      reports.flatMap(report => this.#take(report)),
      message.byteLength,
    )
    if (this.isOver || !this.#queue.handled(reports.length, message.byteLength)) return
    this.#checkpoints.tick()
    // What is settled need not be kept by agents.
    this.#options.onChange()
  }

  /** Returns what the report has settled. */
  #take(report: Report): readonly Span[] {
    if (this.isOver || report.job !== this.#options.spec.job) return []
    // What an earlier process gave out may stand behind what was read so far.
    const isEarlier = report.shard < this.#firstShard
    if (report.end > this.#feeder.items && !isEarlier) return []
    const isRefused = report.refusal !== undefined && !isEarlier
    if (isRefused && this.#attendance.refuse(report.agent)) this.#stop('broken', report.refusal)
    if (this.isOver) return []
    if (this.#options.spec.operation === 'map' && !isComplete(report)) {
      this.#options.log('warn', `A report of ${report.agent} has not one outcome an item and was dropped.`)
      return []
    }
    const { clock } = this.#options
    const { shard, attempt, agent, start, end, failures, last, suspects, givenBack, timing } = report
    const now = clock()
    if (!isEarlier) this.#judge(report, now)
    const isMap = this.#options.spec.operation === 'map'
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
      isDoubtful: this.#quarantine.isDoubtful(agent),
      ...(givenBack && { givenBack }),
      workSeconds: timing.computeSeconds + timing.decodeSeconds + timing.encodeSeconds,
      // A fold that is given back is one that nobody has begun.
      ...(isMap && { pieceItems: this.#isHelped ? 0 : this.#cutting.size(this.#load) }),
    })
    const settled = effects.filter(({ type }) => type === 'settled') as Extract<LedgerEffect, { type: 'settled' }>[]
    // What was measured in an earlier process's time is no part of this one's.
    if (isEarlier) for (const span of settled) this.#settledBefore += span.end - span.start
    else this.#measure(report, settled.length > 0, now)
    this.#apply(effects, report)
    this.#look()
    this.#options.onPace?.(this.#pace)
    return settled
  }

  /** A host on which everything fails gets no more; what failed there is tried elsewhere, where there are further tries. */
  #judge({ agent, shard, start, end, failures, suspects }: Report, now: number): void {
    if (this.#options.placement === 'local') return
    const message = failures[0]?.message
    const failed = failures.length + (suspects === undefined ? 0 : 1)
    const values = end - start - failures.length
    const result = { agent, shard, values, failures: failed, ...(message !== undefined && { message }) }
    if (!this.#quarantine.observe(result, now)) return
    this.#options.log('warn', `Agent ${agent} is put aside: ${this.#quarantine.why(agent, now) ?? ''}.`)
    this.gone(agent)
    this.#apply(this.#ledger.step({ type: 'forgive', agent }))
    this.#options.onChange()
  }

  #measure({ agent, slot, start, end, timing, values }: Report, isUsed: boolean, now: number): void {
    this.#accounts.report(`${agent}/${slot}`, timing, end - start, isUsed || start === end, now)
    if (!isUsed) return
    this.#cutting.observe(end - start, timing, sizeOf(values))
    this.#stragglers.observe(timing, this.#slots, now)
  }

  /** Slots that have nothing to do get a part of what runs. */
  #look(): void {
    clearTimeout(this.#lookTimer)
    if (!this.#isAllOffered) return
    const helpers = this.#isHelped ? 1 : 0
    const { effects, againSeconds } = this.#stragglers.look(this.#slots, helpers, this.#options.clock())
    this.#apply(effects)
    if (againSeconds !== undefined) this.#lookTimer = setTimeout(() => this.#look(), againSeconds * 1000)
  }

  #apply(effects: readonly LedgerEffect[], report?: Report): void {
    this.#perform(effects, report)
    this.#resume()
    this.#feeder.wake()
    this.#checkDone()
  }

  #perform(effects: readonly LedgerEffect[], report?: Report): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'offer':
          if (this.#state === 'running') this.#offer(effect)
          break
        case 'settled':
          this.#settled(report === undefined ? this.#poisoned(effect) : sliceOutcomes(report, effect))
          break
        case 'known':
          this.#feeder.settle(effect)
          break
        case 'taken':
          this.#feeder.settle(effect)
          this.#options.request.caller?.help?.give(effect)
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
          else if (report !== undefined && report.end > report.start && report.suspects === undefined)
            this.#stragglers.boxed(this.#cutting.sizing.timeBoxSeconds(this.#slots), this.#options.clock())
          break
        case 'unused':
          if (effect.why === 'duplicate') this.#accounts.duplicates += effect.items
          break
        case 'closed':
          this.#queue.release(effect.shard)
          break
      }
    }
    if (effects.some(({ type }) => type === 'recall')) this.#options.onChange()
  }

  #offer({ shard, attempt, start, end, careful }: Extract<LedgerEffect, { type: 'offer' }>): void {
    const items = this.#feeder.itemsOf({ start, end })
    const timeBoxSeconds = this.#cutting.sizing.timeBoxSeconds(this.#slots)
    this.#queue.offer({ shard, attempt, start, items, careful, timeBoxSeconds })
  }

  #poisoned({ start, end }: { start: number; end: number }): Outcomes {
    const failure = this.#poison
    if (failure?.index !== start) throw new Error(`items [${start}, ${end}) were settled by nothing`)
    return { start, end, values: EMPTY_ITEMS, failures: [failure] }
  }

  #settled(outcomes: Outcomes): void {
    this.#feeder.settle(outcomes)
    this.#settling.settle(outcomes)
  }

  #interrupt(): void {
    if (this.#state !== 'running') return
    this.#state = 'finishing'
    this.#finishingSinceSeconds = this.#options.clock()
    this.#options.onChange()
    this.#feeder.wake()
  }

  /** What runs has ended, or nobody holds it any more; what was pulled just before shows in a beat first. */
  #checkFinished(now: number): void {
    const isHeard = now - this.#finishingSinceSeconds > 2 * BEAT_SECONDS
    if (this.#ledger.liveShards === 0 || (isHeard && this.#ledger.runningShards === 0)) this.#stop('interrupted')
  }

  #checkDone(): void {
    const isAllSettled = this.#feeder.isEnded && this.#ledger.liveShards === 0 && !this.#ledger.hasWaiting
    if (this.#state === 'running' && isAllSettled) this.#stop('done')
  }

  #stop(state: JobEnd['state'], why?: string): void {
    // A failure to write may come after the last item; every other end is final.
    if (this.isOver && !(state === 'broken' && this.#state === 'done')) return
    this.#state = state
    this.#why = why
    clearTimeout(this.#lookTimer)
    this.#options.request.caller?.help?.end()
    this.#end()
    this.#feeder.wake()
  }
}
