// How many items of a job have failed, and the first of them for people. In: failures as they come. Out: the same, counted.
import type { ItemFailure } from '../proto/outcome.js'

/** So many are kept. */
const KEPT = 20

export class FailureCount {
  #count: number
  readonly #first: ItemFailure[]

  /** `from`: what an earlier process of the job has counted. */
  constructor(from?: { readonly failed: number; readonly failures: readonly ItemFailure[] }) {
    this.#count = from?.failed ?? 0
    this.#first = [...(from?.failures ?? [])]
  }

  get count(): number {
    return this.#count
  }

  get first(): readonly ItemFailure[] {
    return this.#first
  }

  add(failures: readonly ItemFailure[]): void {
    this.#count += failures.length
    this.#first.push(...failures.slice(0, Math.max(0, KEPT - this.#first.length)))
  }
}
