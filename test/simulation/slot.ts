// Slots and workers of a simulated agent, after agent/pool.ts and agent/slot.ts. In: tasks. Out: reports, tasks that no worker
// had begun, and room. Always true, as there: a task given to a slot ends once, by its last report or by being handed back.
import { EMPTY_ITEMS } from '../../proto/items.js'
import type { ItemFailure, Report } from '../../proto/outcome.js'
import type { Span, Task } from '../../proto/shard.js'
import { NO_SLOT_TIME } from '../../proto/timing.js'
import type { Faults } from './faults.js'
import type { SimJob } from './job.js'
import type { Process } from './process.js'
import type { Timeline } from './timeline.js'

export type SlotReport = Omit<Report, 'agent'>

export interface SlotWorld {
  readonly timeline: Timeline
  readonly faults: Faults
  readonly agent: Process
  readonly jobOf: (name: string) => SimJob
  readonly onReport: (report: SlotReport) => void
  readonly onRoom: () => void
  /** The item brought down the host. */
  readonly onPoison: () => void
}

interface Running {
  readonly task: Task
  readonly end: number
  sequence: number
}

const START_SECONDS = 0.06
const FLUSH_SECONDS = 0.1
const HELD_PER_SLOT = 2
/** The worker ended between two items. */
const NOTHING_BLAMED = undefined

const endOf = (task: Task): number => {
  const { items } = task
  if ('sha256' in items || items.form !== 'range') throw new Error('items of a simulation are a range')
  return task.start + items.count
}

class SimSlot {
  readonly #world: SlotWorld
  readonly #onUntouched: (task: Task) => void
  #running: Running | undefined
  /** Changes with each worker: what an older one says is not heard. */
  #worker = 0
  #isWarm = false

  constructor(world: SlotWorld, onUntouched: (task: Task) => void) {
    this.#world = world
    this.#onUntouched = onUntouched
  }

  get task(): Task | undefined {
    return this.#running?.task
  }

  run(task: Task): void {
    const running = { task, end: endOf(task), sequence: 0 }
    this.#running = running
    const work = new Work(this.#world, running, this.#worker, this)
    this.#world.timeline.after(this.#isWarm ? 0.0002 : START_SECONDS, () => work.chunk())
    this.#isWarm = true
  }

  /** Ends what runs without a report. */
  abort(): void {
    this.#discard()
    this.#world.onRoom()
  }

  /** Still the worker that was started? */
  hears(worker: number): boolean {
    return worker === this.#worker && !this.#world.agent.isDead
  }

  outcomes(worker: number, span: Span, values: readonly number[], failures: ItemFailure[], last: boolean): void {
    this.#world.agent.do(() => {
      const running = this.#running
      if (running === undefined || !this.hears(worker)) return
      if (last) this.#running = undefined
      this.#report(running, span, values, failures, last)
      if (last) this.#world.onRoom()
    })
  }

  ended(worker: number, blame: Span | undefined): void {
    this.#world.agent.do(() => {
      const running = this.#running
      if (running === undefined || !this.hears(worker)) return
      this.#discard()
      const start = running.task.start
      if (blame === NOTHING_BLAMED) {
        if (running.sequence > 0) this.#report(running, { start, end: start }, [], [], true)
        else this.#onUntouched(running.task)
      } else if (blame.end - blame.start === 1) {
        const failure: ItemFailure = { index: blame.start, reason: 'crash', message: '' }
        this.#report(running, blame, [], [failure], true)
      } else this.#report(running, { start: blame.start, end: blame.start }, [], [], true, blame)
      this.#world.onRoom()
    })
  }

  #discard(): void {
    this.#running = undefined
    this.#worker++
    this.#isWarm = false
  }

  #report(
    running: Running,
    { start, end }: Span,
    values: readonly number[],
    failures: readonly ItemFailure[],
    last: boolean,
    suspects?: Span,
  ): void {
    const { job, epoch, shard, attempt } = running.task
    this.#world.onReport({
      job,
      epoch,
      shard,
      attempt,
      slot: 0,
      sequence: running.sequence++,
      start,
      end,
      values: values.length === 0 ? EMPTY_ITEMS : { form: 'f64', values: Float64Array.from(values) },
      failures,
      timing: NO_SLOT_TIME,
      last,
      ...(suspects && { suspects }),
    })
  }
}

/** One task in a worker, after agent/runner: chunk by chunk, in a process that its agent's freezing does not touch. */
class Work {
  readonly #world: SlotWorld
  readonly #running: Running
  readonly #worker: number
  readonly #slot: SimSlot
  readonly #job: SimJob
  readonly #beganSeconds: number
  #flushedAtSeconds: number
  #at: number
  #reported: number
  #values: number[] = []
  #failures: ItemFailure[] = []
  #folded = 0

  constructor(world: SlotWorld, running: Running, worker: number, slot: SimSlot) {
    this.#world = world
    this.#running = running
    this.#worker = worker
    this.#slot = slot
    this.#job = world.jobOf(running.task.job)
    this.#beganSeconds = this.#flushedAtSeconds = world.timeline.now
    this.#at = this.#reported = running.task.start
  }

  chunk(): void {
    const { task, end } = this.#running
    const to = Math.min(end, this.#at + (task.careful ? 1 : this.#job.paceItems))
    let seconds = 0
    for (let index = this.#at; index < to; index++) seconds += this.#job.items[index]?.seconds ?? 0
    this.#world.timeline.after(seconds, () => {
      if (this.#slot.hears(this.#worker)) this.#finish(to)
    })
  }

  #finish(to: number): void {
    const { timeline, faults } = this.#world
    const { task, end } = this.#running
    const from = this.#at
    for (; this.#at < to; this.#at++) {
      const result = this.#job.execute(this.#at)
      const isFailedFold = result === 'error' && this.#job.operation === 'fold'
      if (result === 'poison') this.#world.onPoison()
      else if (result === 'crash') this.#slot.ended(this.#worker, { start: from, end: to })
      else if (isFailedFold) this.#failFold(this.#at)
      if (result === 'poison' || result === 'crash' || isFailedFold) return
      if (result === 'error') this.#failures.push({ index: this.#at, reason: 'error', message: '' })
      else if (this.#job.operation === 'fold') this.#folded += this.#job.valueOf(this.#at)
      else this.#values.push(this.#job.valueOf(this.#at))
    }
    const isFold = this.#job.operation === 'fold'
    const isBoxOver = !isFold && timeline.now - this.#beganSeconds >= task.timeBoxSeconds
    if (to === end || isBoxOver) {
      this.#flush(true)
      return
    }
    if (!isFold && (task.careful || timeline.now - this.#flushedAtSeconds >= FLUSH_SECONDS)) this.#flush(false)
    if (faults.happens('worker dies between items')) this.#slot.ended(this.#worker, NOTHING_BLAMED)
    else this.chunk()
  }

  #failFold(index: number): void {
    this.#slot.outcomes(
      this.#worker,
      { start: index, end: index + 1 },
      [],
      [{ index, reason: 'error', message: '' }],
      true,
    )
  }

  #flush(last: boolean): void {
    const values = this.#job.operation === 'fold' ? [this.#folded] : this.#values
    const span = { start: this.#reported, end: this.#at }
    this.#slot.outcomes(this.#worker, span, values, this.#failures, last)
    this.#reported = this.#at
    this.#flushedAtSeconds = this.#world.timeline.now
    this.#values = []
    this.#failures = []
  }
}

export class SimPool {
  readonly #slots: SimSlot[]
  #queue: Task[] = []

  constructor(world: SlotWorld, slots: number) {
    const onRoom = (): void => {
      this.#assign()
      world.onRoom()
    }
    this.#slots = Array.from(
      { length: slots },
      () => new SimSlot({ ...world, onRoom }, task => void this.#queue.unshift(task)),
    )
  }

  get room(): number {
    return HELD_PER_SLOT * this.#slots.length - this.#queue.length - this.#slots.filter(({ task }) => task).length
  }

  submit(task: Task): void {
    this.#queue.push(task)
    this.#assign()
  }

  held(): { task: Task; started: boolean }[] {
    const running = this.#slots.flatMap(({ task }) => (task ? [{ task, started: true }] : []))
    return [...running, ...this.#queue.map(task => ({ task, started: false }))]
  }

  withdraw(which: (task: Task) => boolean): Task[] {
    const taken = this.#queue.filter(which)
    this.#queue = this.#queue.filter(task => !which(task))
    return taken
  }

  abort(unwanted: (task: Task) => boolean): void {
    this.withdraw(unwanted)
    for (const slot of this.#slots) if (slot.task !== undefined && unwanted(slot.task)) slot.abort()
  }

  #assign(): void {
    for (const slot of this.#slots) {
      if (slot.task !== undefined) continue
      const task = this.#queue.shift()
      if (task === undefined) return
      slot.run(task)
    }
  }
}
