// The account of a job's core-seconds (design.md, section 9). JSON schema: manyhands.receipt/1.
import type { Decision } from './decisions.js'

export interface Receipt {
  readonly schema: 'manyhands.receipt/1'
  readonly job: string
  readonly name: string
  readonly items: number
  readonly failed: number
  readonly placement: 'inline' | 'local' | 'cluster'
  readonly slots: number
  readonly wall_seconds: number
  readonly capacity_core_seconds: number
  readonly core_seconds: {
    readonly compute: number
    readonly start: number
    readonly decode: number
    readonly encode: number
    readonly dispatch: number
    readonly transport: number
    readonly tail: number
    readonly lost: number
    readonly other: number
  }
  readonly serial_seconds_estimate: {
    readonly value: number
    readonly low: number
    readonly high: number
    readonly method: string
  }
  readonly speedup: number
  readonly efficiency: number
  readonly break_even_items: number | null
  readonly shards: number
  /** Outcomes that came for an item that was settled before; they were counted and dropped. */
  readonly duplicates: number
  /** Attempts that were offered again, by cause. */
  readonly reoffers: number
  readonly advice: readonly string[]
  /** What was decided, with its figures, in the order of time. */
  readonly decisions: readonly Decision[]
}
