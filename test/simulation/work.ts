// One task in a worker of the simulation, after agent/runner: chunk by chunk, in a process that its agent's freezing does not
// touch. In: a task. Out: its outcomes in pieces, or the end of its worker and what is blamed for it.
import type { ItemFailure } from '../../proto/outcome.js'
import type { Span, Task } from '../../proto/shard.js'
import type { Faults } from './faults.js'
import type { SimJob } from './job.js'
import type { Timeline } from './timeline.js'

const FLUSH_SECONDS = 0.15

export interface WorkWorld {
  readonly timeline: Timeline
  readonly faults: Faults
  readonly jobOf: (name: string) => SimJob
  /** The item brought down the host. */
  readonly onPoison: () => void
}

/** The slot that hears of it. */
export interface WorkSlot {
  /** Still the worker that was started? */
  hears(worker: number): boolean
  outcomes(worker: number, span: Span, values: readonly number[], failures: ItemFailure[], last: boolean): void
  /** Nothing is blamed when it ended between two items. */
  ended(worker: number, blame: Span | undefined): void
}

interface Part {
  readonly task: Task
  readonly end: number
}

export class Work {
  readonly #world: WorkWorld
  readonly #part: Part
  readonly #worker: number
  readonly #slot: WorkSlot
  readonly #job: SimJob
  readonly #beganSeconds: number
  #flushedAtSeconds: number
  #at: number
  /** The end of the chunk that runs, and of all that shall. */
  #chunkEnd: number
  #limit: number
  #reported: number
  #values: number[] = []
  #failures: ItemFailure[] = []
  #folded = 0

  constructor(world: WorkWorld, part: Part, worker: number, slot: WorkSlot) {
    this.#world = world
    this.#part = part
    this.#worker = worker
    this.#slot = slot
    this.#job = world.jobOf(part.task.job)
    this.#beganSeconds = this.#flushedAtSeconds = world.timeline.now
    this.#at = this.#chunkEnd = this.#reported = part.task.start
    this.#limit = part.end
  }

  /** Ends it before the items that it has not begun; returns the first of them. */
  curtail(): number {
    this.#limit = Math.min(this.#limit, this.#chunkEnd)
    return this.#limit
  }

  chunk(): void {
    const { task } = this.#part
    const to = Math.min(this.#limit, this.#at + (task.careful ? 1 : this.#job.paceItems))
    if (to === this.#at && this.#limit < this.#part.end) {
      if (this.#slot.hears(this.#worker)) this.#flush(true)
      return
    }
    this.#chunkEnd = to
    let seconds = 0
    for (let index = this.#at; index < to; index++) seconds += this.#job.items[index]?.seconds ?? 0
    this.#world.timeline.after(seconds, () => {
      if (this.#slot.hears(this.#worker)) this.#finish(to)
    })
  }

  #finish(to: number): void {
    const { timeline, faults } = this.#world
    const { task } = this.#part
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
    if (to >= this.#limit || isBoxOver) {
      this.#flush(true)
      return
    }
    if (!isFold && (task.careful || timeline.now - this.#flushedAtSeconds >= FLUSH_SECONDS)) this.#flush(false)
    if (faults.happens('worker dies between items')) this.#slot.ended(this.#worker, undefined)
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
