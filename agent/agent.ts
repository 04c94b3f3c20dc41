// The daemon of a host, or the agent within a process of local mode: its hands, with the decisions in intake and outbox.
//
//   broadcasts ─> intake ─> puller ─> errands (code, payloads) ─> pool ─> slots ─> workers
//   transport <─ sender <─ outbox <─ letters <─── reports ────────┘
//
// In: an AgentTransport. Out: reports and beats on it. Always true: what it holds is in its next beat, from the task's
// arrival until its reports are stored and settled; a task that is dropped is either not wanted or given back by name.
import { setMaxListeners } from 'node:events'
import { hostname } from 'node:os'
import { MessageError, VersionError } from '../proto/envelope.js'
import type { Items } from '../proto/items.js'
import { isLabel } from '../proto/labels.js'
import { givenBack } from '../proto/letters.js'
import type { Log } from '../proto/log.js'
import type { Report } from '../proto/outcome.js'
import type { Broadcast, Held } from '../proto/presence.js'
import { BEAT_SECONDS, MOST_WISHED_SLOTS } from '../proto/presence.js'
import { beatCodec, broadcastCodec } from '../proto/presence-codec.js'
import { programVersion } from '../proto/program.js'
import type { RunnerName, Task } from '../proto/shard.js'
import { taskCodec } from '../proto/shard-codec.js'
import type { Clock } from '../proto/timing.js'
import type { AgentTransport, Subscription } from '../proto/transport.js'
import { VERSIONS, type VersionRange, versionsText } from '../proto/version.js'
import type { BundleCache } from './bundles.js'
import type { Room } from './demand.js'
import { Errands, type HeldCode } from './errands.js'
import { Intake, type IntakeEffect, type KnownJob } from './intake.js'
import { Outbox } from './outbox.js'
import { Pool } from './pool.js'
import { Puller, type Source } from './puller.js'
import { Sender } from './sender.js'
import type { Share } from './shares.js'
import type { Here } from './turns.js'
import { Wishes } from './wishes.js'
import type { Worker, WorkerOptions } from './worker.js'

export interface AgentOptions {
  /** A token (proto/subjects.ts), unique among the agents of a server. */
  readonly name: string
  readonly slots: number
  /** Shards held for each slot. More: fewer for other hosts at a job's end. Fewer than two: slots wait for their next one. */
  readonly depth: number
  readonly transport: AgentTransport
  readonly cache: BundleCache
  readonly clock: Clock
  readonly log: Log
  readonly startWorker: (options: WorkerOptions) => Worker
  readonly onPrint: (line: string) => void
  /** What it offers to jobs that need it, beside its host, system and processor. */
  readonly labels?: readonly string[]
  /** A coordinator asks it to finish what it holds, and to end. */
  readonly onDrainAsked?: (by: string) => void
  /** Where the user's functions run. */
  readonly cwd: string
  /** What it reads and may write, where that is not what this program does. */
  readonly versions?: VersionRange
}

const NOTHING: Here = { waiting: 0, running: 0 }

/** No more is taken while so many bytes of reports wait to be settled. */
const OUTBOX_LIMIT_BYTES = 256 * 1024 * 1024

/** Without a reason of its own each end would make an error, with a stack, that nobody reads. */
const NOT_NEEDED = 'not needed any more'

interface JobHere extends Source {
  readonly known: KnownJob
  readonly code: Promise<HeldCode>
  /** The same, once it is here. */
  held: HeldCode | undefined
  /** Aborted when it is over, or this agent ends: what is still fetched for it is not needed any more. */
  readonly gone: AbortController
  operation: 'map' | 'fold'
  share: Share
  refused: boolean
}

export class Agent {
  readonly #options: AgentOptions
  readonly #versions: VersionRange
  readonly #labels: readonly string[]
  readonly #wishes = new Wishes()
  readonly #pool: Pool
  readonly #intake: Intake
  readonly #outbox = new Outbox<Uint8Array>()
  readonly #errands: Errands
  readonly #puller: Puller
  readonly #sender: Sender
  readonly #jobs = new Map<string, JobHere>()
  /** Tasks that wait for their code or payload. */
  readonly #fetching = new Set<Task>()
  /** Tasks that were settled elsewhere by the last broadcast of their job. */
  readonly #doomed = new Map<string, Set<Task>>()
  readonly #subscriptions: Subscription[] = []
  #timer: NodeJS.Timeout | undefined
  #inUse: number
  #sequence = 0
  #draining = false
  #stopped = false
  /** Messages that could not be read. */
  #unreadable = 0
  /** The versions of coordinators that it was said of. */
  readonly #incompatible = new Set<string>()

  constructor(options: AgentOptions) {
    this.#options = options
    this.#inUse = options.slots
    this.#versions = options.versions ?? VERSIONS
    this.#labels = [...new Set([...(options.labels ?? []), ...ownLabels()])]
    this.#intake = new Intake(this.#versions, { agent: options.name, labels: this.#labels })
    this.#errands = new Errands(options.transport, options.cache, this.#versions)
    const { name, transport, slots, depth, clock, startWorker, cwd, onPrint } = options
    this.#sender = new Sender({ agent: name, transport, outbox: this.#outbox, clock })
    this.#pool = new Pool({
      agent: name,
      slots,
      depth,
      clock,
      startWorker,
      cwd,
      onPrint,
      onReport: report => this.#report(report),
      onRefused: job => {
        const here = this.#jobs.get(job)
        if (here !== undefined) here.refused = true
      },
      onRoom: () => this.#puller.pull(),
    })
    this.#puller = new Puller({
      transport,
      log: options.log,
      clock,
      room: () => this.#room,
      load: () => this.#load(),
      isClosed: () => this.#isClosed,
      sources: () => ({
        ready: [...this.#jobs.values()].filter(
          here => !here.refused && !here.known.finishing && this.#mayPull(this.#intake.jobs().get(here.job)),
        ),
        inAll: this.#jobs.size,
      }),
      onTask: message => this.#take(message),
    })
  }

  start(): void {
    const { transport } = this.#options
    this.#subscriptions.push(
      transport.onBroadcast(message => this.#hear(message)),
      transport.onReconnect(() => {
        this.#outbox.hurry()
        this.#sender.send()
        this.#beat()
      }),
    )
    this.#timer = setInterval(() => this.#tick(), BEAT_SECONDS * 1000)
    this.#beat()
  }

  /** The jobs that it works for. */
  jobs(): Iterable<string> {
    return this.#jobs.keys()
  }

  /** How many of the slots take work from now on; what the others run, they finish. Returns whether that is news. */
  use(slots: number): boolean {
    if (slots === this.#inUse) return false
    this.#inUse = slots
    this.#pool.use(slots)
    this.#beat()
    this.#puller.pull()
    return true
  }

  /** The same by an operator's wish, also beyond the number that it began with; workers of slots that take none are ended. */
  #resize(slots: number): void {
    const count = Math.max(1, Math.min(slots, Math.max(MOST_WISHED_SLOTS, this.#options.slots)))
    this.#options.log('info', `Agent ${this.#options.name} uses ${count} slots from now on, as it was asked to.`)
    this.#inUse = count
    this.#pool.use(count, true)
    this.#beat()
    this.#puller.pull()
  }

  /** How many of the first slots have a worker of this runner. */
  ready(runner: RunnerName): number {
    return this.#pool.ready(runner)
  }

  /** Since when one of the workers has been inside of functions without a report. */
  get busySince(): number | undefined {
    return this.#pool.busySince
  }

  /** Starts workers before there is work for them. Resolves when the first is there, with how long its start took. */
  prewarm(runner: RunnerName, count: number): Promise<number> {
    return this.#pool.prewarm(runner, count)
  }

  /** Takes no more, finishes what is held for at most `graceSeconds`, gives back the rest by name. Idempotent. */
  async drain(graceSeconds: number): Promise<void> {
    const { clock } = this.#options
    this.#draining = true
    for (const here of this.#jobs.values()) {
      here.stop.abort(NOT_NEEDED)
      here.gone.abort(NOT_NEEDED)
    }
    for (const work of this.#pool.withdraw(() => true)) this.#giveBack(work.task)
    this.#beat()
    const until = clock() + graceSeconds
    const isBusy = (): boolean => this.#fetching.size > 0 || [...this.#pool.held()].length > 0 || !this.#outbox.isStored
    while (!this.#stopped && isBusy() && clock() < until) await new Promise(resolve => setTimeout(resolve, 20))
    await this.stop()
  }

  /** Ends at once: what runs is killed. Idempotent. */
  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#sender.stop()
    this.#puller.stop()
    clearInterval(this.#timer)
    for (const subscription of this.#subscriptions) subscription.close()
    for (const here of this.#jobs.values()) {
      here.stop.abort(NOT_NEEDED)
      here.gone.abort(NOT_NEEDED)
    }
    await this.#pool.close(0)
    await this.#options.transport.close()
    await this.#options.cache.close()
  }

  #tick(): void {
    const now = this.#options.clock()
    this.#apply(this.#intake.tick(now))
    this.#outbox.tick(now)
    this.#pool.tick(now)
    for (const { task } of this.#pool.withdraw(({ job }) => this.#pool.isOutranked(job))) this.#giveBack(task)
    this.#sender.send()
    this.#beat()
    this.#puller.pull()
  }

  #beat(): void {
    if (this.#stopped) return
    const { name, transport } = this.#options
    const slots = this.#inUse
    const held: Held[] = []
    const of = (task: Task, started: boolean): Held => {
      const { job, epoch, shard, attempt } = task
      return { job, epoch, shard, attempt, started, reported: false }
    }
    for (const { task, started } of this.#pool.held()) held.push(of(task, started))
    for (const task of this.#fetching) held.push(of(task, false))
    for (const key of this.#outbox.held()) held.push({ ...key, started: true, reported: true })
    const sequence = ++this.#sequence
    const own = { agent: name, host: hostname(), versions: this.#versions, program: programVersion() }
    const known = { labels: this.#labels, wishedMs: this.#wishes.newestMs }
    transport.beat(beatCodec.encode({ ...own, ...known, sequence, slots, draining: this.#draining, held }))
  }

  #hear(message: Uint8Array): void {
    const broadcast = this.#readable(() => broadcastCodec.decode(message))
    if (broadcast === undefined) return
    this.#apply(this.#intake.hear(broadcast, this.#options.clock()))
    const news = this.#wishes.hear(this.#options.name, broadcast.coordinator, broadcast.wishes ?? [])
    if (news?.slots !== undefined) this.#resize(news.slots)
    if (news?.drain === true) this.#options.onDrainAsked?.(broadcast.coordinator)
  }

  #apply(effects: readonly IntakeEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'job') this.#welcome(effect.job, effect.known)
      else if (effect.type === 'gone') this.#forget(effect.job, effect.why)
      else if (effect.type === 'stranger') this.#beat()
      else if (effect.type === 'incompatible') this.#passOver(effect.broadcast)
      else this.#review(effect.job)
    }
    if (effects.length > 0) this.#puller.pull()
  }

  /** Each command is a coordinator of its own: those of the same versions are told of once. */
  #passOver({ coordinator, versions, program }: Broadcast): void {
    const theirs = versionsText(versions)
    if (this.#incompatible.has(theirs)) return
    this.#incompatible.add(theirs)
    this.#options.log(
      'warn',
      `No shards are taken from coordinator ${coordinator} and its like: it speaks protocol ${theirs} (manyhands ${program}), ` +
        `this agent ${versionsText(this.#versions)} (manyhands ${programVersion()}). Upgrade the older one. [MH-AGENT-VERSION]`,
    )
  }

  #welcome(job: string, known: KnownJob): void {
    const before = this.#jobs.get(job)
    before?.stop.abort(NOT_NEEDED)
    if (before === undefined) {
      this.#pool.beginAccount(job)
      // They may wait long at empty queues for all the room there is: the newcomer gets its share of it at once.
      for (const other of this.#jobs.values()) {
        other.stop.abort(NOT_NEEDED)
        other.stop = stopper()
      }
    }
    const stop = stopper()
    const gone = before?.gone ?? stopper()
    const code: Promise<HeldCode> = before?.code ?? this.#errands.code(known, gone.signal)
    const here: JobHere = {
      job,
      known,
      share: known,
      code,
      held: before?.held,
      stop,
      gone,
      operation: 'map',
      pulling: false,
      refused: before?.refused ?? false,
    }
    this.#jobs.set(job, here)
    code.then(
      held => {
        here.held = held
        here.operation = held.code.spec.operation
      },
      () => {},
    )
  }

  #forget(job: string, why: string): void {
    this.#options.log('debug', `Job ${job} is let go: ${why}.`)
    const here = this.#jobs.get(job)
    here?.stop.abort(NOT_NEEDED)
    here?.gone.abort(NOT_NEEDED)
    here?.code.then(
      held => held.release(),
      () => {},
    )
    this.#jobs.delete(job)
    this.#doomed.delete(job)
    this.#pool.abort(task => task.job === job)
    this.#pool.endAccount(job)
    this.#outbox.release(key => key.job !== job)
  }

  /** Looks through what is held of a job after its coordinator has spoken. */
  #review(job: string): void {
    const known = this.#intake.jobs().get(job) as KnownJob
    const { finishing, epoch, isPutAside } = known
    const here = this.#jobs.get(job)
    if (here !== undefined) here.share = known
    this.#pool.know(job, known)
    // What others read is left to them.
    if (!this.#mayPull(known) && here?.pulling) {
      here.stop.abort(NOT_NEEDED)
      here.stop = stopper()
    }
    const isSettled = (task: Task): boolean => this.#intake.standing(job, task.shard, task.attempt) === 'settled'
    this.#outbox.release(key => key.job !== job || this.#intake.standing(job, key.shard, key.attempt) !== 'settled')
    // What is settled elsewhere is ended here; a broadcast later, because mostly it is about to end by itself.
    const settled = new Set(
      Array.from(this.#pool.held(), ({ task }) => task).filter(task => task.job === job && isSettled(task)),
    )
    const doomed = this.#doomed.get(job) ?? new Set()
    this.#pool.abort(task => settled.has(task) && doomed.has(task))
    this.#doomed.set(job, settled)
    const unwanted = (task: Task): boolean =>
      task.job === job &&
      (finishing ||
        isPutAside ||
        task.epoch < epoch ||
        this.#intake.standing(job, task.shard, task.attempt) === 'revoked')
    const isRecalled = (task: Task): boolean => task.job === job && this.#intake.isRecalled(task)
    for (const { task } of this.#pool.withdraw(task => unwanted(task) || isRecalled(task))) this.#giveBack(task)
    this.#pool.recall(isRecalled)
    if (!finishing) return
    for (const { task } of this.#pool.withdrawLoading(task => task.job === job)) this.#giveBack(task)
  }

  /** Tasks that may still be taken. */
  get #room(): number {
    return this.#isClosed ? 0 : this.#pool.room - this.#fetching.size
  }

  get #isClosed(): boolean {
    return this.#draining || this.#stopped || this.#outbox.bytes > OUTBOX_LIMIT_BYTES
  }

  #mayPull(known: KnownJob | undefined): boolean {
    return known?.isReadable === true && !known.isPutAside
  }

  /** What there is of each job; what is fetched for waits, too. */
  #load(): Room {
    const { slots, idleSlots, spareDepth } = this.#pool
    const load = this.#pool.load()
    const fetching = new Map<string, number>()
    for (const { job } of this.#fetching) fetching.set(job, (fetching.get(job) ?? 0) + 1)
    const of = (job: string): Here => {
      const { waiting, running } = load.get(job) ?? NOTHING
      return { waiting: waiting + (fetching.get(job) ?? 0), running }
    }
    return { slots, idleSlots, spareDepth, of }
  }

  #take(message: Uint8Array): void {
    const task = this.#readable(() => taskCodec.decode(message, this.#versions))
    if (task === undefined || this.#stopped) return
    const here = this.#jobs.get(task.job)
    if (here === undefined || !this.#intake.accepts(task) || this.#holds(task)) return
    const isPutAside = this.#intake.jobs().get(task.job)?.isPutAside === true
    if (this.#draining || here.refused || isPutAside || this.#intake.isRecalled(task)) {
      this.#giveBack(task)
      return
    }
    const { held } = here
    if (held === undefined || 'sha256' in task.items) void this.#prepare(task, here)
    else this.#submit(task, task.items, held)
  }

  /** A task whose acknowledgement was lost is delivered again: it is run once all the same. */
  #holds(task: Task): boolean {
    const isSame = (other: Task): boolean =>
      other.shard === task.shard &&
      other.attempt === task.attempt &&
      other.job === task.job &&
      other.epoch === task.epoch
    for (const other of this.#fetching) if (isSame(other)) return true
    if (this.#pool.some(isSame)) return true
    return this.#outbox.holds(task)
  }

  async #prepare(task: Task, here: JobHere): Promise<void> {
    this.#fetching.add(task)
    try {
      const held = await here.code
      const items = await this.#errands.items(here.known, task, here.gone.signal)
      this.#fetching.delete(task)
      if (this.#stopped || this.#jobs.get(task.job) !== here || !this.#intake.accepts(task)) return
      if (this.#draining || this.#intake.isRecalled(task)) this.#giveBack(task)
      else this.#submit(task, items, held)
    } catch (error) {
      this.#fetching.delete(task)
      // One that drains has only stopped to wait for it; a job that was let go may be there again already.
      if (this.#draining) this.#giveBack(task)
      if (here.gone.signal.aborted) return
      here.refused = true
      this.#giveBack(task, `Host ${hostname()} could not get what the job needs: ${(error as Error).message}`)
    } finally {
      this.#puller.pull()
    }
  }

  #submit(task: Task, items: Items, { code }: HeldCode): void {
    this.#pool.submit({ task, items, code })
    // Offered before: should it bring down this host at once, the ledger must know who held it.
    if (task.attempt > 1) this.#beat()
  }

  #giveBack(task: Task, refusal?: string): void {
    this.#report(givenBack(this.#options.name, task, refusal))
  }

  #report(report: Report): void {
    const here = this.#jobs.get(report.job)
    if (here !== undefined) this.#sender.put(report, here.operation, here.known.version)
  }

  #readable<T>(read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof MessageError)) throw error
      // A task from before its coordinator knew of this agent: it is offered again, in a version that is read here.
      if (error instanceof VersionError) {
        this.#options.log('debug', `A task was passed over: ${error.message}.`)
        return undefined
      }
      if (this.#unreadable++ === 0)
        this.#options.log('warn', `A message was dropped: ${error.message}. Further ones are only counted.`)
      return undefined
    }
  }
}

/** What every host offers; what cannot stand in a label is left out of it. */
const ownLabels = (): string[] =>
  [`host=${hostname()}`, `os=${process.platform}`, `arch=${process.arch}`].filter(isLabel)

const stopper = (): AbortController => {
  const stop = new AbortController()
  // Every pull, or every chunk, listens to it.
  setMaxListeners(0, stop.signal)
  return stop
}
