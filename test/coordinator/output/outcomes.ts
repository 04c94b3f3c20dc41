// Outcomes for tests of writers: made at random, and cut at random.
import fc from 'fast-check'
import { type Items, packValues } from '../../../proto/items.js'
import type { ItemFailure, Outcomes } from '../../../proto/outcome.js'
import { anyValue } from '../../proto/any-value.js'

/** What became of each item in turn. */
export type Settled = { value: unknown } | { message: string }

export const settled = (value: fc.Arbitrary<unknown> = anyValue()): fc.Arbitrary<Settled[]> =>
  fc.array(
    fc.oneof(
      { weight: 4, arbitrary: value.map(one => ({ value: one })) },
      { weight: 1, arbitrary: fc.string().map(message => ({ message })) },
    ),
    { maxLength: 30 },
  )

/** Spans from the first item to the last, cut at these places. */
export const spansOf = (items: readonly Settled[], places: readonly number[]): Outcomes[] => {
  const cuts = [...new Set([0, ...places.filter(at => at < items.length), items.length])].sort((a, b) => a - b)
  return cuts.slice(1).map((end, nth) => outcomesOf(items.slice(cuts[nth], end), cuts[nth]))
}

export const outcomesOf = (items: readonly Settled[], start = 0): Outcomes => {
  const values: unknown[] = []
  const failures: ItemFailure[] = []
  items.forEach((item, nth) => {
    if ('value' in item) values.push(item.value)
    else failures.push({ index: start + nth, reason: 'error', message: item.message })
  })
  return { start, end: start + items.length, values: packValues(values).items, failures }
}

export const valuesOutcomes = (values: Items, count: number): Outcomes => ({
  start: 0,
  end: count,
  values,
  failures: [],
})
