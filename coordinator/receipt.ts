// The account of a job's core-seconds (design.md, section 9). JSON schema: manyhands.receipt/1, in docs/receipt.md with every
// field's unit and meaning, and for programs in docs/receipt.schema.json.
import type { Decision } from './decisions.js'

export const PHASES = [
  'compute',
  'start',
  'decode',
  'encode',
  'dispatch',
  'transport',
  'tail',
  'lost',
  'other',
] as const
export type Phases = Readonly<Record<(typeof PHASES)[number], number>>

export interface Receipt {
  readonly schema: 'manyhands.receipt/1'
  readonly job: string
  readonly name: string
  readonly items: number
  readonly failed: number
  readonly placement: 'inline' | 'local' | 'cluster'
  /** On average: capacity / wall. */
  readonly slots: number
  readonly wall_seconds: number
  readonly capacity_core_seconds: number
  /** Together they are the capacity. */
  readonly core_seconds: Phases
  /** CPU that the workers used for reports that counted; 0 where it is not known. */
  readonly cpu_core_seconds: number
  /** Of compute: the function wanted a core and had none. */
  readonly preempted_core_seconds: number
  /** Of tail: slots that got no work at all. */
  readonly unused_core_seconds: number
  /** The same slots' time for other jobs; no part of the capacity. */
  readonly elsewhere_core_seconds: number
  readonly serial_seconds_estimate: SerialEstimate
  readonly speedup: number
  readonly efficiency: number
  /** The serial fraction after Karp and Flatt; null on one slot or without an estimate. */
  readonly karp_flatt: number | null
  /** From so many items on such a job is faster than a loop; null when never, or when nobody can know. */
  readonly break_even_items: number | null
  /** From so long an item on a job of so many items is faster than a loop. */
  readonly break_even_item_seconds: number | null
  readonly item_seconds: ItemSeconds
  readonly shards: number
  /** Outcomes that came for an item that was settled before; they were counted and dropped. */
  readonly duplicates: number
  /** Attempts that were offered again, by cause. */
  readonly reoffers: number
  readonly advice: readonly string[]
  /** What was decided, with its figures, in the order of time. */
  readonly decisions: readonly Decision[]
}

/** What one core would take, in a plain loop. */
export interface SerialEstimate {
  readonly value: number
  readonly low: number
  readonly high: number
  readonly method: string
}

/** In the function, without preemption: from means of reports, so from below where items are short. */
export interface ItemSeconds {
  readonly median: number
  readonly slowest: number
}
