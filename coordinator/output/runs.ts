// Outcomes taken apart in the order of their items: values, and the failures between them.
// In: a span's outcomes. Out: runs of values with the index of the first, and failures, ascending; every item once.
import { countOf, type Items, sliceItems } from '../../proto/items.js'
import type { ItemFailure, Outcomes } from '../../proto/outcome.js'

export type Run = { readonly start: number; readonly values: Items } | { readonly failure: ItemFailure }

// Smaller: more calls. Larger: longer strings while values are written as text.
const RUN_ITEMS = 16_384

export function* runsOf(outcomes: Outcomes): Generator<Run> {
  const { values, failures, start } = outcomes
  const count = countOf(values)
  let taken = 0
  let failed = 0
  for (;;) {
    const failure = failures[failed]
    const until = failure ? Math.min(count, failure.index - start - failed) : count
    while (taken < until) {
      const to = Math.min(until, taken + RUN_ITEMS)
      yield { start: start + failed + taken, values: sliceItems(values, taken, to) }
      taken = to
    }
    if (!failure) return
    yield { failure }
    failed += 1
  }
}
