// How a job ends that began in its caller's loop. In: ends, whoever reaches one; failures of items. Out: the state of the whole, and
// a signal for all who work on it. Always true: the first end that is not `done` is the job's; the first failures are kept.
import type { ItemFailure } from '../../proto/outcome.js'
import { FailureCount } from '../failure-count.js'
import type { JobEnd } from '../job.js'

export class Ending {
  readonly #stop = new AbortController()
  readonly #onEnd: () => void
  readonly #failures = new FailureCount()
  #state: JobEnd['state'] = 'done'
  #why: string | undefined

  /** Called once, when the job ends before all its items have. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd
  }

  get isOver(): boolean {
    return this.#stop.signal.aborted
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  get failed(): number {
    return this.#failures.count
  }

  end(state: JobEnd['state'], why?: string): void {
    if (this.isOver) return
    this.#state = state
    this.#why = why
    this.#stop.abort()
    this.#onEnd()
  }

  /** Failures that are outcomes like any other. */
  keep(failures: readonly ItemFailure[]): void {
    this.#failures.add(failures)
  }

  /** What the job's end says of it. */
  get told(): Pick<JobEnd, 'state' | 'failed' | 'failures' | 'why'> {
    const why = this.#why
    return {
      state: this.#state,
      failed: this.#failures.count,
      failures: this.#failures.first,
      ...(why !== undefined && { why }),
    }
  }
}
