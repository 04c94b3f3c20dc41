// The samples of a group, by case. In: what each repetition answered. Out: medians, percentiles and spreads.
import type { Account } from './receipts.js'

export interface Answer {
  readonly seconds: number
  /** Of every job of ours that was run for it. */
  readonly receipts?: readonly Account[]
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >>> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

/** The smallest value that `part` of all values do not exceed. */
export const quantile = (values: readonly number[], part: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN
}

export class Samples {
  readonly #answers = new Map<string, Answer[]>()

  add(id: string, answer: Answer): void {
    const answers = this.#answers.get(id)
    if (answers === undefined) this.#answers.set(id, [answer])
    else answers.push(answer)
  }

  has(...ids: readonly string[]): boolean {
    return ids.every(id => this.#answers.has(id))
  }

  /** Seconds, one a repetition. */
  values(id: string): number[] {
    return (this.#answers.get(id) ?? []).map(answer => answer.seconds)
  }

  median(id: string): number {
    return median(this.values(id))
  }

  /** A figure of the receipts, one a repetition. */
  told(id: string, figure: 'efficiency' | 'serialSeconds'): number[] {
    return (this.#answers.get(id) ?? []).map(answer => median((answer.receipts ?? []).map(account => account[figure])))
  }

  toJSON(): object {
    return Object.fromEntries(this.#answers)
  }
}
