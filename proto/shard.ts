// The unit of transport and lease: a contiguous range of items in one message, and of nothing else. Every promise is an
// item's own (proto/outcome.ts).
import type { Items } from './items.js'

/** A half-open range of item indices, `[start, end)`. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** What a worker does with the items of a shard: one outcome an item, or one value for all of them. */
export type Operation = 'map' | 'fold'

/** How a language's worker is started and spoken to. */
export type RunnerName = 'node' | 'python' | 'exec'

/** Bytes that a coordinator keeps under their SHA-256 (hex) and serves in chunks. */
export interface BlobRef {
  readonly sha256: string
  readonly sizeBytes: number
}

/** What an agent must know of a job to work its shards; announced by hash and never changed. */
export interface JobSpec {
  readonly job: string
  /** For people: the function's name, or the command's. */
  readonly name: string
  readonly operation: Operation
  readonly runner: RunnerName
  /** The job's code; absent for `exec` and for built-ins. */
  readonly bundle?: BlobRef
  /** The file of the bundle that holds the function, relative to the bundle's root. */
  readonly entry: string
  /** The export's name, or a built-in's path from the global object (`Math.sqrt`) when there is no bundle. */
  readonly function: string
  /** An export of the entry that is called once in each worker before its first item. */
  readonly init?: string
  /** What `init` is given: one extended JSON text, or raw bytes. */
  readonly shared?: { readonly blob: BlobRef; readonly kind: 'json' | 'bytes' }
  /** An item that is an array becomes the arguments of the call. */
  readonly spread: boolean
  /** For a fold: the export that each item goes through first. */
  readonly mapper?: string
  /** The longest that one item may take. */
  readonly timeoutSeconds?: number
  /** For `exec`: the argument vector with its placeholders, and whether a shell runs it. */
  readonly command?: { readonly argv: readonly string[]; readonly shell: boolean }
  /** How many items a worker has in progress at once; absent: as many as it finds to help, for functions that wait. */
  readonly concurrency?: number
  /** Values that are objects may come as records: who asked makes objects of them, not lines. */
  readonly takesRecords?: boolean
}

/** One offer of a shard. */
export interface Task {
  readonly job: string
  readonly epoch: number
  readonly shard: number
  readonly attempt: number
  /** The index of the first item; the last is `start + countOf(items) - 1`. */
  readonly start: number
  readonly items: Items | BlobRef
  /** Announce every item before it is started: a worker died here before, nobody knows on which item. */
  readonly careful: boolean
  /** The worker gives back what it did not reach after this long. */
  readonly timeBoxSeconds: number
}
