// Some items of a job that has ended, run again by themselves. In: the job's input and output, which items. Out: an input and
// an output with these items alone, and an end that calls them by their places in the whole. Always true: an item that fails
// again is known by its place.
import { countOf } from '../../proto/items.js'
import type { Outcomes } from '../../proto/outcome.js'
import type { Input, InputBatch } from '../input/input.js'
import type { JobEnd } from '../job.js'
import type { Output } from '../output/output.js'

/** What is passed over is read in pieces of this size. */
const SKIP_BYTES = 1024 * 1024

/** The items at these places, ascending. */
export class PickedInput implements Input {
  readonly count: number
  readonly #input: Input
  readonly #places: ArrayLike<number>
  #picked = 0
  #index = 0

  constructor(input: Input, places: ArrayLike<number>) {
    this.#input = input
    this.#places = places
    this.count = places.length
  }

  async next(maxItems: number, maxBytes: number): Promise<InputBatch | undefined> {
    while (this.#picked < this.#places.length) {
      const place = this.#places[this.#picked] as number
      const gap = place - this.#index
      if (gap > 0) {
        await this.#read(gap, SKIP_BYTES)
        continue
      }
      let run = 1
      while (run < maxItems && this.#places[this.#picked + run] === place + run) run++
      const { batch, items } = await this.#read(run, maxBytes)
      this.#picked += items
      return batch
    }
    return undefined
  }

  close(): Promise<void> {
    return this.#input.close()
  }

  async #read(most: number, maxBytes: number): Promise<{ readonly batch: InputBatch; readonly items: number }> {
    const batch = await this.#input.next(most, maxBytes)
    if (batch === undefined)
      throw new Error(
        `the input has only ${this.#index} items: item ${this.#places[this.#picked]} is not there any more`,
      )
    const items = 'undecodable' in batch ? 1 : countOf(batch.items)
    this.#index += items
    return { batch, items }
  }
}

/** Notes which items fail again. */
export class RetryOutput implements Output {
  /** Their places. */
  readonly failed: number[] = []
  readonly #output: Output
  readonly #places: ArrayLike<number>

  constructor(output: Output, places: ArrayLike<number>) {
    this.#output = output
    this.#places = places
  }

  write(outcomes: Outcomes): Promise<void> {
    for (const { index } of outcomes.failures) this.failed.push(this.#places[index] as number)
    return this.#output.write(outcomes)
  }

  commit(): Promise<void> {
    return this.#output.commit()
  }

  abandon(): Promise<void> {
    return this.#output.abandon()
  }
}

/** The end with the items at their places in the whole. */
export const placedEnd = (end: JobEnd, places: ArrayLike<number>): JobEnd => {
  const failures = end.failures.map(failure => ({ ...failure, index: places[failure.index] as number }))
  // The reason names the item by its place among those that are run.
  const why = end.why?.replace(/^Item (\d+) failed: /, (_, index) => `Item ${places[Number(index)]} failed: `)
  return { ...end, failures, ...(why !== undefined && { why }) }
}
