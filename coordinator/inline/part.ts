// What a head start does with its items: map or fold them, in the caller's process and from workers' outcomes. In: pieces to
// run, outcomes at their places. Out: failures; the values are where the part keeps them.
import type { ItemFailure, Outcomes } from '../../proto/outcome.js'
import type { Operation } from '../../proto/shard.js'
import type { Piece } from './shares.js'

export interface Part {
  readonly operation: Operation
  /** Makes room for a piece's values: what that takes is not the function's time. */
  prepare(piece: Piece): void
  /** Runs the piece that was prepared; a promise only where there is something to wait for. Resolves with its failures. */
  run(piece: Piece): readonly ItemFailure[] | Promise<readonly ItemFailure[]>
  /** The job is over: no further item is begun, and what is waited for counts no more. */
  leave(): void
  /** What workers made of a span. */
  write(outcomes: Outcomes): Promise<void>
  /**
   * What it would cost the caller to give an item away and to take its value over, measured with its own within about `mostSeconds`;
   * undefined before there are any. `itemSeconds`: what is to be saved.
   */
  handoverSeconds(itemSeconds: number, mostSeconds: number): number | undefined
  /** Whether what waits for its turn leaves room for more. */
  readonly hasRoom: boolean
}
