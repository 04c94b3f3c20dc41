// A worker as the agent holds it: a child process in a slot. In: code to load, runs. Out: events, in order.
// Always true: what a worker reports of a run covers its items from the front without a gap; `ended` comes exactly once and
// last, whatever happens to the process; nothing is run after it. (agent/process.ts does the work; runner/ has the children.)
import type { Items } from '../proto/items.js'
import type { Failure, FailureReason, ItemFailure } from '../proto/outcome.js'
import type { JobSpec, RunnerName, Span } from '../proto/shard.js'
import type { Clock, Timing } from '../proto/timing.js'

/** A job's code as it lies on this host. */
export interface LoadedCode {
  readonly spec: JobSpec
  /** The folder that the bundle was unpacked into; absent without a bundle. */
  readonly bundleFolder?: string
  /** The file that holds what `init` is given. */
  readonly sharedFile?: string
}

export interface WorkerRun {
  /** Unique in this worker; ascending. */
  readonly run: number
  /** As given to `load`. */
  readonly load: number
  /** The index of the first item. */
  readonly start: number
  readonly items: Items
  readonly careful: boolean
  readonly timeBoxSeconds: number
}

export type WorkerEvent =
  /** The process speaks the protocol. `startSeconds` since spawn. */
  | { readonly type: 'ready'; readonly startSeconds: number }
  | { readonly type: 'loaded'; readonly load: number }
  /** The module could not be loaded, has no such export, or init failed. The worker lives on. */
  | { readonly type: 'refused'; readonly load: number; readonly failure: Failure }
  /** Outcomes of a part of a run, parts in order; after `last` what was not covered is given back. */
  | {
      readonly type: 'outcomes'
      readonly run: number
      readonly span: Span
      /** Theirs is the memory of the worker's next outcomes: they hold until the handler returns. */
      readonly values: Items
      readonly failures: readonly ItemFailure[]
      readonly timing: Timing
      readonly last: boolean
    }
  /**
   * The process is gone; comes exactly once, last. `blame` when a run was in progress: the items one of which was running
   * (one item: it is to blame exactly; several: suspects), and why: it died (`crash`) or was killed for taking too long (`timeout`).
   */
  | {
      readonly type: 'ended'
      readonly message: string
      readonly stderr: string
      readonly blame?: { readonly run: number; readonly span: Span; readonly reason: FailureReason }
      /** close() or kill() was asked for. */
      readonly wanted: boolean
    }

export interface Worker {
  readonly pid: number | undefined
  load(load: number, code: LoadedCode): void
  run(run: WorkerRun): void
  /** It has begun a later run; the end of this one's outcomes is on its way. */
  isBeyond(run: number): boolean
  /** Ends the run before the items that it has not begun; returns the first of them, as far as is known. */
  curtail(run: number): number | undefined
  /** Ends the worker after what it runs; resolves when the process and its group are gone; kills after `graceSeconds`. */
  close(graceSeconds: number): Promise<void>
  /** Kills the process group now; resolves when the process is gone. */
  kill(): Promise<void>
}

export interface WorkerOptions {
  readonly runner: RunnerName
  readonly clock: Clock
  readonly onEvent: (event: WorkerEvent) => void
  /** What the user's function prints, line by line, for the agent's own standard error. */
  readonly onPrint: (line: string) => void
  readonly cwd: string
}
