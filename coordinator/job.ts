// A job as the CLI and the library hand it to the coordinator, and what comes back.
import type { BlobSource } from '../proto/blob.js'
import type { ItemFailure } from '../proto/outcome.js'
import type { Operation, RunnerName } from '../proto/shard.js'
import type { Accounts } from './accounts.js'
import type { Durable } from './durable/checkpoint.js'
import type { JobFunction } from './function/function.js'
import type { Help } from './inline/help.js'
import type { Input } from './input/input.js'
import type { Output } from './output/output.js'
import type { Phases, Receipt } from './receipt.js'

export interface JobRequest {
  readonly function: JobFunction
  readonly operation: Operation
  readonly input: Input
  readonly output: Output
  /** An item that is an array becomes the arguments of the call. */
  readonly spread?: boolean
  /** What `init` is given. */
  readonly shared?: Shared<Uint8Array | BlobSource>
  readonly options: JobOptions
  /** Aborting it is the first Ctrl-C: nothing more is started, what runs is finished, what is settled is written. */
  readonly signal?: AbortSignal
  /** Aborting it ends the job at once: what runs is killed. */
  readonly abort?: AbortSignal
  readonly onProgress?: (progress: Progress) => void
  /** A later process can go on with it, or this one does with what an earlier one has begun; a map alone. */
  readonly durable?: Durable
  /** The caller runs items of the same input in its own loop: what it measured of an item, over so many. */
  readonly caller?: {
    readonly itemSeconds: number
    readonly items: number
    readonly accounts: Accounts
    /** It can take back, at the end, what workers have not begun: where outcomes find their places by themselves. */
    readonly help?: Help
  }
}

/** What `init` is given: one extended JSON text, or raw bytes. */
export interface Shared<C = Uint8Array> {
  readonly kind: 'json' | 'bytes'
  readonly content: C
}

export interface JobOptions {
  /** Items of a shard; by default sized from what is measured. */
  readonly shardSize?: number
  /** The longest that one item may take. */
  readonly timeoutSeconds?: number
  /** Items in progress at once in each worker; by default as many as it finds to help, for functions that wait. */
  readonly concurrency?: number
  /** Further tries of an item that failed, whatever the reason. */
  readonly retries: number
  /** `stop`: the first failure ends the job; `collect`: failures are outcomes like any other. */
  readonly onError: 'stop' | 'collect'
  /** With `collect`: more failures than this end the job; a fraction is of all items (or of those settled so far, where the number is not known). */
  readonly maxFailures?: { readonly count: number } | { readonly fraction: number }
  /** When slots are idle, what a host is silent on for much longer than usual is run on another one too; at most 10 % more work. */
  readonly speculation: boolean
  /** Outcomes go to the output as they settle. */
  readonly unordered: boolean
  /** Jobs of one priority share the slots by their weights, 1 to 1000; by default 1. */
  readonly weight?: number
  /** A job of a higher one comes first; by default 0. */
  readonly priority?: number
  /** The most slots of all agents that work on it at once. */
  readonly maxSlots?: number
  /** Labels that an agent must offer, all of them, to work on it. */
  readonly needs?: readonly string[]
  /** How many bytes of items and outcomes may be held at once. */
  readonly memoryBytes: number
}

export const JOB_DEFAULTS: JobOptions = {
  retries: 0,
  onError: 'collect',
  speculation: true,
  unordered: false,
  // Smaller: a slow item stalls the others sooner. Larger: a higher peak of memory.
  memoryBytes: 64 * 1024 * 1024,
}

export interface Progress {
  readonly settled: number
  /** Of these, by an earlier process of the job. */
  readonly settledBefore?: number
  readonly failed: number
  readonly total: number | undefined
  readonly slots: number
  readonly agents: number
  readonly wallSeconds: number
  /** Where the slots' time went so far, as in the receipt; what is in no report yet is `transport` or `tail`. */
  readonly coreSeconds?: Phases
  /** Why nothing is running, in a sentence; for instance that no agent has joined yet. */
  readonly waiting?: string
}

/** How a job ended. The output was committed only when `state` is `done`. */
export interface JobEnd {
  readonly job: string
  /** `stopped`: too many failures; `interrupted`: the signal; `broken`: it could not run, or input or output failed. */
  readonly state: 'done' | 'stopped' | 'interrupted' | 'broken'
  readonly settled: number
  readonly failed: number
  /** The first failures, for people (at most 20). */
  readonly failures: readonly ItemFailure[]
  /** Why, for `stopped` and `broken`: what, where, why, what to do. */
  readonly why?: string
  readonly receipt: Receipt
}

/** A job's wish for workers, before and while it runs. */
export interface Claim {
  /** Workers that are there and cost no start. */
  readonly ready: number
  /** So many should be there from now on. Resolves when the first is, with the seconds that its start took. */
  workers(count: number): Promise<number>
  /** Nobody wishes any more; the workers stay for the next job. Idempotent. */
  release(): void
}

/** The slots that a coordinator may use: this machine's, or those of the agents on a NATS server. */
export interface Hands {
  /** Of all there may be; infinite where nobody knows. */
  readonly slots: number
  /** Without a claim of its own, a job gets as many workers as what remains of it is worth. */
  run(request: JobRequest): Promise<JobEnd>
  claim(runner: RunnerName): Claim
  /** Ends what it started; idempotent. */
  close(): Promise<void>
}
