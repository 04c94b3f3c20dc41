// What becomes of an item: a value or a failure, one an item, whatever dies. A failure has the shape of a success plus a
// reason; the first reason wins.
import type { Items } from './items.js'
import type { Span } from './shard.js'
import type { SlotTiming } from './timing.js'

/**
 * `error`: the function threw, or the command ended with a code other than 0. `crash`: the worker ended while the item
 * ran. `timeout`: the item ran longer than allowed. `cancelled`: the job was stopped before the item ended.
 * `undecodable`: the item could not be read, or its value not be written.
 */
export type FailureReason = 'error' | 'crash' | 'timeout' | 'cancelled' | 'undecodable'

export interface Failure {
  readonly reason: FailureReason
  readonly message: string
  /** The remote stack, as the remote language prints it. */
  readonly stack?: string
  /** The last of the worker's standard error, when its end says more than the message. */
  readonly stderr?: string
}

export interface ItemFailure extends Failure {
  readonly index: number
}

/**
 * Settled items in the order of their indices: exactly one outcome for each item of the span. Failures name their index
 * (ascending); `values` are those of the other items, in order.
 * For a fold, `values` holds one value for the whole span.
 */
export interface Outcomes extends Span {
  readonly values: Items
  readonly failures: readonly ItemFailure[]
}

/** Outcomes of a part of a shard, as an agent reports them: applied whole or not at all. */
export interface Report extends Outcomes {
  readonly job: string
  readonly epoch: number
  readonly shard: number
  readonly attempt: number
  readonly agent: string
  /** Counts the attempt's reports from 0. */
  readonly sequence: number
  readonly timing: SlotTiming
  /** Which of the agent's slots ran it, from 0. */
  readonly slot: number
  /** The attempt has ended: what it did not report is given back. */
  readonly last: boolean
  /** Items one of which ended the worker, nobody knows which: to be run again carefully. */
  readonly suspects?: Span
  /** The end of its span, which the attempt will not run; it goes on with what stands before. */
  readonly givenBack?: Span
  /** Why the attempt could not run at all: the bundle was refused, or the module failed to load. */
  readonly refusal?: string
}
