// What daemons write down of a job under its keys: what was asked for, once, and how it is, again and again. Types, and the two as
// JSON. In: bytes of a bucket. Out: records, or an error that names the key. Always true: a state is written only in place of the
// one that its writer knew, so that two daemons never both have a job.
//
//   arriving ─> active ─> done | stopped | cancelled | broken ─> leaving ─> (no keys)
//                 ^──────────────── resume ──────────┘
import type { BlobRef } from '../../proto/shard.js'
import type { Checkpoint } from '../durable/checkpoint.js'
import type { Receipt } from '../receipt.js'
import type { JobAsked } from './desk.js'

const SCHEMA = 'manyhands.served/1'

/** Messages of a job's journal, from one position to before another. */
export interface Stretch {
  readonly from: number
  readonly to: number
}

/** Where in its journal stands what came with a job. */
export interface Spooled {
  readonly files: readonly (Stretch & { readonly path: string })[]
  /** Null without any. */
  readonly shared: (Stretch & { readonly blob: BlobRef }) | null
  readonly input: Stretch
  /** Of each message, but for the last ones of a stretch. */
  readonly chunkBytes: number
}

export interface JobRecord {
  readonly schema: typeof SCHEMA
  readonly id: string
  readonly number: number
  /** By the clock of the daemon that took it; RFC 3339, for people. */
  readonly submitted: string
  readonly asked: JobAsked
  /** Of items, where it is known before the input is read. */
  readonly count: number | null
  /** Null where nothing came with it. */
  readonly spooled: Spooled | null
}

export type Phase = 'arriving' | 'active' | EndPhase | 'leaving'
export type EndPhase = 'done' | 'stopped' | 'cancelled' | 'broken'

export interface JobState {
  readonly schema: typeof SCHEMA
  readonly phase: Phase
  /** How many daemons have had it, this one among them: it numbers epochs and shards (durable/checkpoint.ts). */
  readonly owner: number
  /** The tenure of the daemon that has it; null: whoever comes first may have it. */
  readonly daemon: string | null
  /** Null before the first. What stands in the output's journal behind it counts as well. */
  readonly checkpoint: Checkpoint | null
  /** As of this writing: of all daemons that had it together. */
  readonly wallSeconds: number
  readonly settled: number
  readonly failed: number
  /** Why it ended so. */
  readonly why?: string
  readonly receipt?: Receipt
}

/** What is wished of a job, by whoever does not have it. */
export interface Wish {
  readonly cancel: string
}

export const keysOf = (id: string) => ({ record: `${id}.record`, state: `${id}.state`, wish: `${id}.wish` })

export const isEnd = (phase: Phase): phase is EndPhase => !['arriving', 'active', 'leaving'].includes(phase)

export const newState = (phase: Phase, daemon: string): JobState => ({
  schema: SCHEMA,
  phase,
  owner: 1,
  daemon,
  checkpoint: null,
  wallSeconds: 0,
  settled: 0,
  failed: 0,
})

export const newRecord = (record: Omit<JobRecord, 'schema'>): JobRecord => ({ schema: SCHEMA, ...record })

export const toBytes = (value: JobRecord | JobState | Wish): Uint8Array => Buffer.from(JSON.stringify(value))

export const fromBytes = <T>(key: string, bytes: Uint8Array): T => {
  const value = JSON.parse(Buffer.from(bytes).toString()) as { readonly schema?: unknown }
  if (value.schema !== undefined && value.schema !== SCHEMA)
    throw new Error(
      `${key} was written by another version of manyhands (${JSON.stringify(value.schema)}, not ${SCHEMA})`,
    )
  return value as T
}
