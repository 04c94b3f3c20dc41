// Puts settled outcomes into the order of the input. A pure machine: spans in, spans out.
// In: disjoint spans of outcomes, in any order. Out: the same spans, each exactly once; in order unless unordered.
// Always true: `nextIndex` is the first index that has not come out, `heldBytes` what waits for it.
import { countOf, sizeOf, sliceItems } from '../proto/items.js'
import type { Outcomes } from '../proto/outcome.js'
import type { Span } from '../proto/shard.js'

/** What a failure takes beside its texts. */
const FAILURE_BYTES = 128

export const outcomesBytes = (outcomes: Outcomes): number => {
  let bytes = sizeOf(outcomes.values)
  for (const failure of outcomes.failures) {
    bytes += FAILURE_BYTES + failure.message.length + (failure.stack?.length ?? 0) + (failure.stderr?.length ?? 0)
  }
  return bytes
}

/** The outcomes of a span within those of a larger one. */
export const sliceOutcomes = (outcomes: Outcomes, { start, end }: Span): Outcomes => {
  if (start === outcomes.start && end === outcomes.end) return outcomes
  const failures = outcomes.failures.filter(({ index }) => index >= start && index < end)
  const failedBefore = outcomes.failures.filter(({ index }) => index < start).length
  const from = start - outcomes.start - failedBefore
  return { start, end, failures, values: sliceItems(outcomes.values, from, from + (end - start) - failures.length) }
}

/** Whether there is one outcome for each item of the span: what a report of a map must hold. */
export const isComplete = (outcomes: Outcomes): boolean =>
  countOf(outcomes.values) + outcomes.failures.length === outcomes.end - outcomes.start

export class Gather {
  readonly #ordered: boolean
  readonly #waiting = new Map<number, Outcomes>()
  #nextIndex: number
  #heldBytes = 0

  /** `from`: what stands before it came out in an earlier process. */
  constructor(options: { ordered: boolean; from?: number }) {
    this.#ordered = options.ordered
    this.#nextIndex = options.from ?? 0
  }

  get nextIndex(): number {
    return this.#nextIndex
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** What may go to the output now that these outcomes are there. */
  step(outcomes: Outcomes): Outcomes[] {
    if (!this.#ordered) return [outcomes]
    if (outcomes.start !== this.#nextIndex) {
      this.#waiting.set(outcomes.start, outcomes)
      this.#heldBytes += outcomesBytes(outcomes)
      return []
    }
    const ready = [outcomes]
    this.#nextIndex = outcomes.end
    for (let next = this.#waiting.get(this.#nextIndex); next !== undefined; next = this.#waiting.get(this.#nextIndex)) {
      this.#waiting.delete(next.start)
      this.#heldBytes -= outcomesBytes(next)
      this.#nextIndex = next.end
      ready.push(next)
    }
    return ready
  }
}
