// What a coordinator daemon does for those who ask: the port between the daemon and its callers. The daemon has one, and
// client.ts is its twin over gRPC, which is what commands hold. Types, and the errors that both sides give.
// Always true: jobs are named by ids, agents by names; once submit has resolved, the job needs its caller no more.
import type { ItemFailure, Outcomes } from '../../proto/outcome.js'
import type { RunnerName } from '../../proto/shard.js'
import type { Receipt } from '../receipt.js'

/** A job as it is asked for, but for the bytes that follow it. */
export interface JobAsked {
  /** For people. */
  readonly name: string
  readonly runner: RunnerName
  /** As of JobFunction (function/function.ts). */
  readonly entry: string
  readonly function: string
  readonly init?: string
  readonly command?: readonly string[]
  readonly shell?: boolean
  readonly shared?: 'json' | 'bytes'
  readonly spread?: boolean
  readonly timeoutSeconds?: number
  readonly retries?: number
  readonly maxFailures?: { readonly count: number } | { readonly fraction: number }
  readonly shardSize?: number
  readonly concurrency?: number
  /** Jobs of one priority share the slots by their weights, 1 to 1000; by default 1. */
  readonly weight?: number
  /** A job of a higher one comes first; by default 0. */
  readonly priority?: number
  /** The most slots that work on it at once. */
  readonly maxSlots?: number
  /** Labels that an agent must offer to work on it. */
  readonly needs?: readonly string[]
  readonly input: AskedRange | AskedInput
}

export interface AskedRange {
  readonly start: number
  readonly end: number
  readonly step: number
}

export interface AskedInput {
  readonly format: AskedFormat
  /** What it is called in words about items of it that cannot be read. */
  readonly name?: string
}

export type AskedFormat = 'jsonl' | 'lines' | 'csv' | 'json'

/** What follows a job: its files, then its shared data, then its input. What is long comes in several, each of any length. */
export type AskedPart =
  | { readonly type: 'file'; readonly path: string; readonly data: Uint8Array }
  | { readonly type: 'shared' | 'input'; readonly data: Uint8Array }

export type ViewState = 'waiting' | 'running' | 'done' | 'stopped' | 'cancelled' | 'broken'

/** A job as it is seen from outside. */
export interface JobView {
  readonly id: string
  /** Ascending in the order of submission. */
  readonly number: number
  readonly name: string
  readonly state: ViewState
  /** Undefined where it is not known before the input is read. */
  readonly items?: number
  readonly settled: number
  readonly failed: number
  /** Since it was submitted, until it ended. */
  readonly wallSeconds: number
  /** Why it waits, was cancelled, or ended before its last item. */
  readonly why?: string
  /** When it was submitted, by the daemon's clock; RFC 3339, for people. */
  readonly submitted: string
  /** The daemon that has it. */
  readonly owner?: string
  readonly weight: number
  readonly priority: number
  /** That its agents offer it. */
  readonly slots: number
}

export interface JobDetail {
  readonly view: JobView
  readonly asked: JobAsked
  /** Once it has ended. */
  readonly receipt?: Receipt
  /** The first of them, at most 20. */
  readonly failures: readonly ItemFailure[]
}

export interface AgentView {
  readonly name: string
  readonly host: string
  readonly slots: number
  /** That a worker has begun a shard in. */
  readonly busySlots: number
  readonly draining: boolean
  readonly secondsSinceBeat: number
  readonly labels: readonly string[]
  /** Why no shards are given to it. */
  readonly why?: string
  /** The version of its manyhands. */
  readonly program: string
}

export interface ResultsAsked {
  /** Outcomes of items before it are left out; by default 0. */
  readonly start?: number
  /** In input order (the default), or as they were settled. */
  readonly ordered?: boolean
  /** By default what is not settled yet is waited for, until the job has ended. */
  readonly settledOnly?: boolean
}

export interface Desk {
  submit(asked: JobAsked, parts: AsyncIterable<AskedPart>): Promise<JobView>
  /** How it is now, at each change, and a few times a second while it runs; the last one is its end. */
  watch(job: string, signal: AbortSignal): AsyncIterable<JobView>
  /** Disjoint, and in order unless asked for otherwise; ends with the job. Read no faster than they are taken. */
  results(job: string, asked: ResultsAsked, signal: AbortSignal): AsyncIterable<Outcomes>
  /** What was settled stays. Of one that has ended nothing is changed. */
  cancel(job: string, reason: string): Promise<JobView>
  /** Goes on with one that ended before its last item; one that runs is left as it is. */
  resume(job: string): Promise<JobView>
  /** One that has ended, and its results, are there no more. */
  forget(job: string): Promise<void>
  /** In the order of submission. */
  jobs(): Promise<readonly JobView[]>
  describe(job: string): Promise<JobDetail>
  agents(): Promise<readonly AgentView[]>
  /** It takes no more, finishes what it holds, and ends. */
  drain(agent: string): Promise<AgentView>
  /** So many of its slots take work from now on. */
  setSlots(agent: string, slots: number): Promise<AgentView>
}

/** What a desk refuses, with a code that programs act on. */
export type DeskCode =
  /** No such job, or it was forgotten. */
  | 'JOB_UNKNOWN'
  /** Not possible in the state that it is in. */
  | 'JOB_STATE'
  | 'AGENT_UNKNOWN'
  /** What was asked for contradicts itself, or is not what was expected; `field` names where. */
  | 'ASKED'
  /** It takes no more for now: try again later. */
  | 'BUSY'
  /** What is kept in NATS cannot be read or written now: try again. */
  | 'STORE'
  /** No daemon answers; of the client alone. */
  | 'UNREACHABLE'
  /** The daemon ends: ask another one. */
  | 'ENDING'

export class DeskError extends Error {
  override readonly name = 'DeskError'
  readonly code: DeskCode
  /** Of what was asked for, in the spelling of control.proto. */
  readonly field: string | undefined

  constructor(code: DeskCode, message: string, options: ErrorOptions & { readonly field?: string } = {}) {
    super(message, options)
    this.code = code
    this.field = options.field
  }
}
