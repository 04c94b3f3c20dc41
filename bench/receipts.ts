// What the bench keeps of a receipt. In: receipts of every measured job. Out: how many of their core-seconds have a name.
import type { Receipt } from '../coordinator/receipt.js'

export interface Account {
  readonly placement: Receipt['placement']
  readonly wallSeconds: number
  readonly efficiency: number
  /** What a plain loop would have taken, as the receipt says. */
  readonly serialSeconds: number
  /** The part of slots x wall that stands in a named phase; a second that is named twice counts against it. */
  readonly accounted: number
}

export const accountOf = (receipt: Receipt): Account => {
  const { other, ...named } = receipt.core_seconds
  const capacity = receipt.capacity_core_seconds
  const namedSeconds = Object.values(named).reduce((sum, seconds) => sum + seconds, 0)
  return {
    placement: receipt.placement,
    wallSeconds: receipt.wall_seconds,
    efficiency: receipt.efficiency,
    serialSeconds: receipt.serial_seconds_estimate.value,
    accounted: capacity > 0 ? 1 - Math.abs(capacity - namedSeconds) / capacity : 0,
  }
}

interface Told {
  readonly from: string
  readonly account: Account
}

/** All receipts of one run of the bench. */
export class Receipts {
  readonly #told: Told[] = []

  add(from: string, account: Account): void {
    this.#told.push({ from, account })
  }

  get count(): number {
    return this.#told.length
  }

  below(part: number): Told[] {
    return this.#told.filter(({ account }) => !(account.accounted >= part))
  }

  get worst(): Told | undefined {
    return this.#told.toSorted((a, b) => a.account.accounted - b.account.accounted)[0]
  }
}
