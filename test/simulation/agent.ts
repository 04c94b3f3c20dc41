// A simulated agent: the hands of agent/agent.ts over a fake clock and network, with the real intake, outbox and letters.
// In: broadcasts and tasks. Out: beats and reports. It follows that file step by step; what changes there changes here.
import { Intake, type IntakeEffect, type KnownJob } from '../../agent/intake.js'
import { Outbox } from '../../agent/outbox.js'
import { givenBack, toReports } from '../../proto/letters.js'
import type { Report } from '../../proto/outcome.js'
import { BEAT_SECONDS, type Broadcast, type Held } from '../../proto/presence.js'
import type { Task } from '../../proto/shard.js'
import { VERSIONS } from '../../proto/version.js'
import type { Faults } from './faults.js'
import type { SimJob } from './job.js'
import type { Network } from './network.js'
import { SimPool } from './pool.js'
import { Process } from './process.js'
import { SimPuller, type SimSource } from './puller.js'
import type { SlotReport } from './slot.js'
import type { Timeline } from './timeline.js'
import type { Peer } from './wire.js'

export interface AgentWorld {
  readonly timeline: Timeline
  readonly faults: Faults
  readonly network: Network
  readonly jobOf: (name: string) => SimJob
  readonly onEnd: (agent: SimAgent) => void
}

interface JobHere extends SimSource {
  readonly known: KnownJob
  readonly codeAtSeconds: number
  refused: boolean
}

/** As letters.ts leaves room for a report's head. */
const HEAD_BYTES = 64 * 1024

export class SimAgent extends Process implements Peer {
  readonly name: string
  readonly slots: number
  readonly #world: AgentWorld
  readonly #pool: SimPool
  readonly #puller: SimPuller
  readonly #intake = new Intake(VERSIONS)
  readonly outbox = new Outbox<Report>()
  readonly #jobs = new Map<string, JobHere>()
  readonly #fetching = new Set<Task>()
  readonly #doomed = new Map<string, Set<Task>>()
  #sequence = 0
  #draining = false
  /** Times until which nothing goes out, or comes in. */
  cutOffUntilSeconds = 0
  deafUntilSeconds = 0
  /** This host cannot run anything. */
  isBad = false

  constructor(name: string, slots: number, world: AgentWorld) {
    super()
    this.name = name
    this.slots = slots
    this.#world = world
    this.#pool = new SimPool(
      {
        ...world,
        agent: this,
        onReport: report => this.#report(report),
        onRoom: () => this.#puller.pull(),
        onPoison: () => world.onEnd(this),
      },
      slots,
    )
    this.#puller = new SimPuller({
      agent: this,
      network: world.network,
      room: () => (this.#draining || this.isDead ? 0 : this.#pool.room - this.#fetching.size),
      sources: () => ({
        ready: [...this.#jobs.values()].filter(here => !here.refused && !here.known.finishing),
        inAll: this.#jobs.size,
      }),
      onTask: task => this.#take(task),
    })
    world.timeline.every(
      BEAT_SECONDS,
      () => this.isDead,
      () => this.isRunning && this.#tick(),
    )
    this.#beat()
  }

  get isCutOff(): boolean {
    return this.#world.timeline.now < this.cutOffUntilSeconds
  }

  get isDeaf(): boolean {
    return this.#world.timeline.now < this.deafUntilSeconds
  }

  /** What it holds, beat by beat. */
  get held(): number {
    return this.#pool.held().length + this.#fetching.size + this.outbox.held().length
  }

  /** The connection is back. */
  reconnect(): void {
    this.outbox.hurry()
    this.#send()
    this.#beat()
  }

  drain(graceSeconds: number): void {
    if (this.#draining) return
    const { timeline } = this.#world
    this.#draining = true
    for (const here of this.#jobs.values()) this.#puller.stop(here)
    for (const task of this.#pool.withdraw(() => true)) this.#giveBack(task)
    this.#beat()
    const until = timeline.now + graceSeconds
    const isBusy = (): boolean => this.#fetching.size > 0 || this.#pool.held().length > 0 || !this.outbox.isStored
    const look = (): void => {
      if (this.isDead) return
      if (isBusy() && timeline.now < until) timeline.after(0.02, () => this.do(look))
      else this.#world.onEnd(this)
    }
    look()
  }

  #tick(): void {
    const { now } = this.#world.timeline
    this.#apply(this.#intake.tick(now))
    this.outbox.tick(now)
    this.#send()
    this.#beat()
    this.#puller.pull()
  }

  #beat(): void {
    const held: Held[] = []
    const of = (task: Task, started: boolean): Held => {
      const { job, epoch, shard, attempt } = task
      return { job, epoch, shard, attempt, started, reported: false }
    }
    for (const { task, started } of this.#pool.held()) held.push(of(task, started))
    for (const task of this.#fetching) held.push(of(task, false))
    for (const key of this.outbox.held()) held.push({ ...key, started: true, reported: true })
    const { name, slots } = this
    const own = { agent: name, host: '', versions: VERSIONS, program: '' }
    this.#world.network.beat(this, { ...own, sequence: ++this.#sequence, slots, draining: this.#draining, held })
  }

  hear(broadcast: Broadcast): void {
    this.#apply(this.#intake.hear(broadcast, this.#world.timeline.now))
  }

  #apply(effects: readonly IntakeEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'job') this.#welcome(effect.job, effect.known)
      else if (effect.type === 'gone') this.#forget(effect.job)
      else if (effect.type === 'stranger') this.#beat()
      else if (effect.type === 'changed') this.#review(effect.job)
    }
    if (effects.length > 0) this.#puller.pull()
  }

  #welcome(job: string, known: KnownJob): void {
    const before = this.#jobs.get(job)
    if (before) this.#puller.stop(before)
    this.#jobs.set(job, {
      job,
      known,
      codeAtSeconds: before?.codeAtSeconds ?? this.#world.timeline.now + 0.01 * (this.slots % 3),
      isStopped: false,
      pulls: [],
      pulling: false,
      refused: before?.refused ?? false,
    })
  }

  #forget(job: string): void {
    const here = this.#jobs.get(job)
    if (here) this.#puller.stop(here)
    this.#jobs.delete(job)
    this.#doomed.delete(job)
    this.#pool.abort(task => task.job === job)
    this.outbox.release(key => key.job !== job)
  }

  #review(job: string): void {
    const { finishing, epoch } = this.#intake.jobs().get(job) as KnownJob
    const isSettled = (task: Task): boolean => this.#intake.standing(job, task.shard, task.attempt) === 'settled'
    this.outbox.release(key => key.job !== job || this.#intake.standing(job, key.shard, key.attempt) !== 'settled')
    const held = this.#pool.held().map(({ task }) => task)
    const settled = new Set(held.filter(task => task.job === job && isSettled(task)))
    const doomed = this.#doomed.get(job) ?? new Set()
    this.#pool.abort(task => settled.has(task) && doomed.has(task))
    this.#doomed.set(job, settled)
    const unwanted = (task: Task): boolean =>
      task.job === job &&
      (finishing || task.epoch < epoch || this.#intake.standing(job, task.shard, task.attempt) === 'revoked')
    const isRecalled = (task: Task): boolean => task.job === job && this.#intake.isRecalled(task)
    for (const task of this.#pool.withdraw(task => unwanted(task) || isRecalled(task))) this.#giveBack(task)
    this.#pool.recall(isRecalled)
  }

  #take(task: Task): void {
    const here = this.#jobs.get(task.job)
    if (here === undefined || !this.#intake.accepts(task) || this.#holds(task)) return
    if (this.#draining || here.refused) this.#giveBack(task)
    else this.#prepare(task, here)
  }

  #holds(task: Task): boolean {
    const isSame = (other: Task): boolean =>
      other.shard === task.shard &&
      other.attempt === task.attempt &&
      other.job === task.job &&
      other.epoch === task.epoch
    return (
      [...this.#fetching].some(isSame) || this.#pool.held().some(held => isSame(held.task)) || this.outbox.holds(task)
    )
  }

  #prepare(task: Task, here: JobHere): void {
    const { timeline, faults } = this.#world
    this.#fetching.add(task)
    const isRefused = this.isBad && faults.happens('code refused')
    timeline.after(Math.max(0, here.codeAtSeconds - timeline.now), () =>
      this.do(() => {
        this.#fetching.delete(task)
        if (isRefused) {
          here.refused = true
          this.#giveBack(task, 'refused')
        } else if (this.#jobs.get(task.job) === here && this.#intake.accepts(task)) {
          if (this.#draining) this.#giveBack(task)
          else {
            this.#pool.submit(task)
            if (task.attempt > 1) this.#beat()
          }
        }
        this.#puller.pull()
      }),
    )
  }

  #giveBack(task: Task, refusal?: string): void {
    this.#report(givenBack(this.name, task, refusal))
  }

  #report(report: SlotReport): void {
    const here = this.#jobs.get(report.job)
    if (here === undefined) return
    const { operation, reportBytes } = this.#world.jobOf(report.job)
    for (const piece of toReports({ ...report, agent: this.name }, HEAD_BYTES + reportBytes, operation === 'map')) {
      this.outbox.put(piece, `${piece.sequence}.${piece.start}.0`, piece.last, piece, 1 + piece.end - piece.start)
    }
    this.#send()
  }

  #send(): void {
    const { network, timeline } = this.#world
    for (const { id, payloads } of this.outbox.next(timeline.now)) {
      network.report(this, `${this.name}/${id}`, payloads, stored => {
        this.outbox.sent(id, stored, timeline.now)
        this.#send()
      })
    }
  }
}
