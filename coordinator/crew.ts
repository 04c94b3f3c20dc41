// How many workers a job on this machine should have. A pure machine: measurements in, a number out.
// Always true: the first worker is the baseline; further ones are asked for only when what is left is worth more than their
// start, and a job's number never sinks: those that came cost nothing by staying.

export interface CrewOptions {
  readonly slots: number
  /** From spawn to a worker that speaks, as measured last, or the best that is known. */
  readonly startSeconds: number
  readonly now: number
}

/** What a job is like by its newest report. */
export interface Pace {
  /** In a worker, all told; undefined before the first report. */
  readonly itemSeconds: number | undefined
  /** What was measured, all told. */
  readonly measuredSeconds: number
  /** Items that are not settled; undefined where nobody knows. */
  readonly left: number | undefined
}

/**
 * What is left must be worth so many starts of a worker for each further one. Smaller: workers that come when the job is
 * nearly over. Larger: jobs of some hundred milliseconds stay on one core.
 */
const STARTS_WORTH = 2
/**
 * What workers have been measured at for less is no evidence: a lone item of nanoseconds takes 40 us, because what comes once a
 * shard does. Smaller: jobs of a few milliseconds ask for all workers. Larger: they come later where they pay.
 */
const EVIDENCE_SECONDS = 0.5e-3

export class Crew {
  readonly #slots: number
  readonly #beganAt: number
  #startSeconds: number
  #wanted = 1

  constructor({ slots, startSeconds, now }: CrewOptions) {
    this.#slots = slots
    this.#startSeconds = startSeconds
    this.#beganAt = now
  }

  get startSeconds(): number {
    return this.#startSeconds
  }

  /** All that there can be are asked for. */
  get isFull(): boolean {
    return this.#wanted >= this.#slots
  }

  /** The first worker has come. */
  ready(startSeconds: number): void {
    this.#startSeconds = startSeconds
  }

  /** `busySince`: when the first worker began what it has not reported yet. */
  wanted(now: number, { itemSeconds, measuredSeconds, left }: Pace, busySince: number | undefined): number {
    // An item that is still running takes at least as long as it has.
    const running = itemSeconds === undefined && busySince !== undefined ? now - Math.max(busySince, this.#beganAt) : 0
    const each = itemSeconds !== undefined && measuredSeconds >= EVIDENCE_SECONDS ? itemSeconds : running
    // Of an endless input as much is expected as there was.
    const worthSeconds = left === undefined ? now - this.#beganAt : left * each
    const worth = 1 + Math.floor(worthSeconds / (STARTS_WORTH * Math.max(this.#startSeconds, 1e-3)))
    this.#wanted = Math.max(this.#wanted, Math.min(this.#slots, worth, left ?? this.#slots))
    return this.#wanted
  }
}
