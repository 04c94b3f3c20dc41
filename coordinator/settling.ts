// The output side of a job: what is settled goes through gather to the output, in order where order is asked for, and
// failures are counted. In: settled outcomes. Out: the same at the output, one write after the other; a word when too many
// items have failed or the output is broken. Always true: nothing is written after the job is broken; the output is committed
// or abandoned, and only after the last write.
import { countOf } from '../proto/items.js'
import type { ItemFailure, Outcomes } from '../proto/outcome.js'
import type { Operation, Span } from '../proto/shard.js'
import type { Clock } from '../proto/timing.js'
import type { Checkpoint } from './durable/checkpoint.js'
import { FailureCount } from './failure-count.js'
import { Gather, outcomesBytes } from './gather.js'
import type { JobRequest } from './job.js'
import { SpanSet } from './spans.js'

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

/** So many items from the first on are among the spans, without a gap. */
const frontOf = ([first]: readonly Span[] = []): number => (first?.start === 0 ? first.end : 0)

export class Settling {
  readonly #options: SettlingOptions
  readonly #gather: Gather
  #pendingWriteBytes = 0
  #writing: Promise<void> = Promise.resolve()
  readonly #failures: FailureCount
  /** Of a job that can be gone on with: what stands in the output, by this process or an earlier one. */
  readonly #written: { readonly items: SpanSet; readonly failures: FailureCount; failed: number[] } | undefined
  #hasNews = false

  constructor(options: SettlingOptions) {
    this.#options = options
    const { durable, options: how } = options.request
    const from = durable?.from
    this.#failures = new FailureCount(from)
    this.#written = durable && { items: new SpanSet(from?.written), failures: new FailureCount(from), failed: [] }
    this.#gather = new Gather({ ordered: !how.unordered, from: this.front })
  }

  /** What waits for its turn, or to be written. */
  get heldBytes(): number {
    return this.#gather.heldBytes + this.#pendingWriteBytes
  }

  get failed(): number {
    return this.#failures.count
  }

  /** The first of them. */
  get failures(): readonly ItemFailure[] {
    return this.#failures.first
  }

  /** So many items from the first on need not be read: they are written. */
  get front(): number {
    return frontOf(this.#options.request.durable?.from?.written)
  }

  settle(outcomes: Outcomes): void {
    this.#count(outcomes.failures)
    for (const ready of this.#gather.step(outcomes)) this.#write(ready)
  }

  /** Resolves when all that could be written is. */
  written(): Promise<void> {
    return this.#writing
  }

  /**
   * Makes durable what is written by now, of a job that can be gone on with; says how far that is, and what has failed since the
   * last time. Undefined where nothing was written since, unless `isAnyway`.
   */
  checkpoint(
    isWhole: boolean,
    isAnyway: boolean,
  ): Promise<{ readonly checkpoint: Checkpoint; readonly failed: readonly number[] } | undefined> {
    const written = this.#written
    const { output } = this.#options.request
    const made = this.#writing.then(async () => {
      if (written === undefined || output.checkpoint === undefined) throw new Error('the output cannot be gone on with')
      if (!(this.#hasNews || isAnyway)) return undefined
      const point = await output.checkpoint()
      this.#hasNews = false
      const { items, failures, failed } = written
      written.failed = []
      const counted = { failed: failures.count, failures: [...failures.first] }
      return { checkpoint: { output: point, written: items.all(), ...counted, isWhole }, failed }
    })
    // No write comes between the two; who asked hears what went wrong.
    this.#writing = made.then(
      () => {},
      () => {},
    )
    return made
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
    this.#failures.add(failures)
    if (onError === 'stop' || operation === 'fold') {
      const [first] = failures as [ItemFailure]
      onTooManyFailures(`Item ${first.index} failed: ${first.message}`)
    } else if (maxFailures !== undefined && this.#failures.count > this.#mostFailures(maxFailures)) {
      onTooManyFailures(`${this.#failures.count} items failed, more than allowed`)
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

  #note({ start, end, failures }: Outcomes): void {
    this.#hasNews = true
    this.#written?.items.add(start, end)
    this.#written?.failures.add(failures)
    for (const { index } of failures) this.#written?.failed.push(index)
  }

  #write(outcomes: Outcomes): void {
    const { isBroken, onBroken, onRoom } = this.#options
    const bytes = outcomesBytes(outcomes)
    this.#pendingWriteBytes += bytes
    this.#writing = this.#writing
      .then(() => (isBroken() ? undefined : this.#keep(outcomes).then(() => this.#note(outcomes))))
      .then(
        () => {
          this.#pendingWriteBytes -= bytes
          onRoom()
        },
        error => onBroken((error as Error).message),
      )
  }
}
