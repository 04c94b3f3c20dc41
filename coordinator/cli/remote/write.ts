// A daemon's outcomes on their way to an output of this machine. In: outcomes, how they are written. Out: the same bytes as `map`
// writes of the same outcomes. Always true: where the place of a value is what says which item it is of, nothing stands behind a gap.
import type { Outcomes } from '../../../proto/outcome.js'
import type { Output } from '../../output/output.js'

export interface Written {
  readonly items: number
  /** Items that are settled and stand behind a gap. */
  readonly leftOut: number
}

export const writeOutcomes = async (
  outcomes: AsyncIterable<Outcomes>,
  output: Output,
  { start, isPlaced }: { readonly start: number; readonly isPlaced: boolean },
): Promise<Written> => {
  let next = start
  let items = 0
  let leftOut = 0
  for await (const some of outcomes) {
    if (isPlaced && some.start !== next) {
      leftOut += some.end - some.start
      continue
    }
    next = some.end
    items += some.end - some.start
    await output.write(some)
  }
  return { items, leftOut }
}
