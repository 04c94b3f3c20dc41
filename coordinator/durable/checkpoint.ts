// What a later process needs to go on with a job: how far its output is written, and who may write it. Types, and how a
// process numbers what it makes. In: nothing. Out: types, numbers. Always true: numbers of a later process are above all
// that an earlier one gave, so that nothing of the two is ever taken for the other's.
import type { ItemFailure } from '../../proto/outcome.js'
import type { Span } from '../../proto/shard.js'
import type { OutputPoint } from '../output/output.js'

/** How far a job is: what it says is written for good, whatever came after it. */
export interface Checkpoint {
  readonly output: OutputPoint
  /** The items whose outcomes stand in the output: disjoint, ascending. */
  readonly written: readonly Span[]
  /** How many of them failed, and the first of these, for people. */
  readonly failed: number
  readonly failures: readonly ItemFailure[]
  /** Nothing is missing but the end of the output and its name. */
  readonly isWhole: boolean
}

/** A job that a later process can go on with. */
export interface Durable {
  readonly job: string
  /** Which process of the job this one is, from 1. */
  readonly owner: number
  /** How far the ones before it came. */
  readonly from?: Checkpoint | undefined
  /** Reports stay on the server when the job ends, however it does: whoever asked for it takes them away. */
  readonly keepsReports?: boolean
  /** Resolves when it is there after a power cut too. `failed`: the items that have failed since the last that was saved. */
  save(checkpoint: Checkpoint, failed: readonly number[]): Promise<void>
}

/** A queue may be lost so often within one process. */
const EPOCHS_PER_OWNER = 2 ** 16
/** 2 million processes of a job leave the numbers exact. */
const SHARDS_PER_OWNER = 2 ** 32

export const firstEpochOf = (owner: number): number => (owner - 1) * EPOCHS_PER_OWNER + 1

export const firstShardOf = (owner: number): number => (owner - 1) * SHARDS_PER_OWNER
