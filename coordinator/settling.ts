// The output side of a job: what is settled goes through gather to the output, in order where order is asked for, and
// failures are counted. In: settled outcomes. Out: the same at the output, one write after the other; a word when too many
// items have failed or the output is broken. Always true: nothing is written after the job is broken; the output is committed
// or abandoned, and only after the last write.
import { countOf } from '../proto/items.js'
import type { ItemFailure, Outcomes } from '../proto/outcome.js'
import type { Operation } from '../proto/shard.js'
import type { Clock } from '../proto/timing.js'
import { Gather, outcomesBytes } from './gather.js'
import type { JobRequest } from './job.js'

export interface SettlingOptions {
  readonly request: JobRequest
  readonly operation: Operation
  readonly settledItems: () => number
  readonly isBroken: () => boolean
  /** So many items have failed that the job is over. */
  readonly onTooManyFailures: (why: string) => void
  readonly onBroken: (why: string) => void
  /** Told how long so many numbers took on their way to where the results are, but for what is only begun. */
  readonly keeping?: { readonly clock: Clock; readonly onKept: (items: number, seconds: number) => void }
  /** Less is held than before. */
  readonly onRoom: () => void
}

/** The first failures are kept for people. */
const FAILURES_KEPT = 20

export class Settling {
  readonly #options: SettlingOptions
  readonly #gather: Gather
  #pendingWriteBytes = 0
  #writing: Promise<void> = Promise.resolve()
  #failed = 0
  readonly #failures: ItemFailure[] = []

  constructor(options: SettlingOptions) {
    this.#options = options
    this.#gather = new Gather({ ordered: !options.request.options.unordered })
  }

  /** What waits for its turn, or to be written. */
  get heldBytes(): number {
    return this.#gather.heldBytes + this.#pendingWriteBytes
  }

  get failed(): number {
    return this.#failed
  }

  /** The first of them. */
  get failures(): readonly ItemFailure[] {
    return this.#failures
  }

  settle(outcomes: Outcomes): void {
    this.#count(outcomes.failures)
    for (const ready of this.#gather.step(outcomes)) this.#write(ready)
  }

  /** Resolves when all that could be written is. */
  written(): Promise<void> {
    return this.#writing
  }

  async close(end: 'commit' | 'abandon'): Promise<void> {
    const { output } = this.#options.request
    try {
      await output[end]()
    } catch (error) {
      this.#options.onBroken((error as Error).message)
      await output.abandon().catch(() => {})
    }
  }

  #count(failures: readonly ItemFailure[]): void {
    if (failures.length === 0) return
    const { request, operation, onTooManyFailures } = this.#options
    const { onError, maxFailures } = request.options
    this.#failed += failures.length
    this.#failures.push(...failures.slice(0, Math.max(0, FAILURES_KEPT - this.#failures.length)))
    if (onError === 'stop' || operation === 'fold') {
      const [first] = failures as [ItemFailure]
      onTooManyFailures(`Item ${first.index} failed: ${first.message}`)
    } else if (maxFailures !== undefined && this.#failed > this.#mostFailures(maxFailures)) {
      onTooManyFailures(`${this.#failed} items failed, more than allowed`)
    }
  }

  #mostFailures(limit: { readonly count: number } | { readonly fraction: number }): number {
    if ('count' in limit) return limit.count
    return limit.fraction * (this.#options.request.input.count ?? Math.max(100, this.#options.settledItems()))
  }

  #keep(outcomes: Outcomes): Promise<void> {
    const { request, keeping } = this.#options
    // Other values are unpacked first, which a plain loop need not.
    if (keeping === undefined || outcomes.values.form !== 'f64') return request.output.write(outcomes)
    const began = keeping.clock()
    const written = request.output.write(outcomes)
    keeping.onKept(countOf(outcomes.values), keeping.clock() - began)
    return written
  }

  #write(outcomes: Outcomes): void {
    const { isBroken, onBroken, onRoom } = this.#options
    const bytes = outcomesBytes(outcomes)
    this.#pendingWriteBytes += bytes
    this.#writing = this.#writing
      .then(() => (isBroken() ? undefined : this.#keep(outcomes)))
      .then(
        () => {
          this.#pendingWriteBytes -= bytes
          onRoom()
        },
        error => onBroken((error as Error).message),
      )
  }
}
