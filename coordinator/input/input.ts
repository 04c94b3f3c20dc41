// Where items come from: read lazily, in batches, as fast as the reorder window lets them in and no faster.
// In: a range, a file, a stream, a list of files, any iterable. Out: batches in input order; every item has the index
// that its place gives it, also one that could not be read.
import type { Items } from '../../proto/items.js'

/** A batch of items, or one item that cannot be read (it becomes an `undecodable` failure and takes up one index). */
export type InputBatch = { readonly items: Items } | { readonly undecodable: string }

export interface Input {
  /** The number of items, where it is known before reading. */
  readonly count: number | undefined
  /**
   * The next 1 to `maxItems` items, of about `maxBytes` at most (a single larger item is handed over alone), or
   * `undefined` at the end. Waits for the first item only: what a slow source has not given yet does not hold up the rest.
   * A read error rejects, and says where.
   */
  next(maxItems: number, maxBytes: number): Promise<InputBatch | undefined>
  /** Lets go of files and streams; idempotent; allowed at any time. */
  close(): Promise<void>
}
