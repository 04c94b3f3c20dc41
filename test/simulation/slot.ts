// A slot of a simulated agent, after agent/slot.ts. In: tasks. Out: reports, tasks that no worker had begun, and room.
// Always true, as there: a task given to a slot ends once, by its last report or by being handed back.
import { EMPTY_ITEMS } from '../../proto/items.js'
import type { ItemFailure, Report } from '../../proto/outcome.js'
import type { Span, Task } from '../../proto/shard.js'
import { NO_SLOT_TIME } from '../../proto/timing.js'
import type { Process } from './process.js'
import { Work, type WorkWorld } from './work.js'

export type SlotReport = Omit<Report, 'agent'>

export interface SlotWorld extends WorkWorld {
  readonly agent: Process
  readonly onReport: (report: SlotReport) => void
  readonly onRoom: () => void
}

interface Running {
  readonly task: Task
  readonly work: Work
  sequence: number
  isRecalled: boolean
}

const START_SECONDS = 0.06

const endOf = (task: Task): number => {
  const { items } = task
  if ('sha256' in items || items.form !== 'range') throw new Error('items of a simulation are a range')
  return task.start + items.count
}

export class SimSlot {
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
    const work = new Work(this.#world, { task, end: endOf(task) }, this.#worker, this)
    this.#running = { task, work, sequence: 0, isRecalled: false }
    this.#world.timeline.after(this.#isWarm ? 0.0002 : START_SECONDS, () => work.chunk())
    this.#isWarm = true
  }

  /** Gives back what its worker has not begun. */
  recall(): void {
    const running = this.#running
    if (running === undefined || running.isRecalled || this.#world.jobOf(running.task.job).operation === 'fold') return
    running.isRecalled = true
    const { task, work } = running
    const givenBack = { start: work.curtail(), end: endOf(task) }
    if (givenBack.start < givenBack.end)
      this.#report(running, { start: task.start, end: task.start }, [], [], false, { givenBack })
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

  /** Nothing is blamed when it ended between two items. */
  ended(worker: number, blame: Span | undefined): void {
    this.#world.agent.do(() => {
      const running = this.#running
      if (running === undefined || !this.hears(worker)) return
      this.#discard()
      const start = running.task.start
      if (blame === undefined) {
        if (running.sequence > 0) this.#report(running, { start, end: start }, [], [], true)
        else this.#onUntouched(running.task)
      } else if (blame.end - blame.start === 1) {
        const failure: ItemFailure = { index: blame.start, reason: 'crash', message: '' }
        this.#report(running, blame, [], [failure], true)
      } else this.#report(running, { start: blame.start, end: blame.start }, [], [], true, { suspects: blame })
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
    more: { readonly suspects?: Span; readonly givenBack?: Span } = {},
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
      ...more,
    })
  }
}
