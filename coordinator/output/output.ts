// Where outcomes go: written as they settle, whole or not at all.
// In: disjoint spans of outcomes; in input order unless the job is unordered. Out: bytes that depend on the outcomes
// alone, never on how they were cut into spans.
import type { Outcomes } from '../../proto/outcome.js'

/** How far an output is written, so that a later process can go on there. */
export interface OutputPoint {
  /** Which file it is, whatever its name. */
  readonly file: string
  readonly bytes: number
  /** The format's state there, as JSON. */
  readonly format: unknown
}

export interface Output {
  /** It makes objects of values, not lines: workers may send records. */
  readonly takesRecords?: boolean
  /** Takes outcomes; resolves when there is room for more (back-pressure). A write error rejects, and says what and where. */
  write(outcomes: Outcomes): Promise<void>
  /** Makes durable what was written; only an output that can be gone on with has it. */
  checkpoint?(): Promise<OutputPoint>
  /** Everything is written: makes it durable and gives it its name. */
  commit(): Promise<void>
  /** The job ended before its output was whole: keeps what was written as `.part`, or ends a stream at the last whole item. */
  abandon(): Promise<void>
}
