// The jobs that are not all alike: the same on every machine, and of the cost that was asked for.
import test from 'ava'
import { fastThenSlow, lowerBound, paretoLast, randomJob } from '../../bench/workload.js'

const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)

test('the skewed job costs what was asked for, its dearest items last', t => {
  const costs = paretoLast(2000, 3)
  t.true(Math.abs(sumOf(costs) - 3) < 1e-9)
  t.deepEqual(
    costs,
    costs.toSorted((a, b) => a - b),
  )
  t.true((costs.at(-1) ?? 0) > 50 * (costs[0] ?? 0))
})

test('no schedule beats half of the sum, nor the longest item', t => {
  t.is(lowerBound([1, 1, 1, 1], 2), 2)
  t.is(lowerBound([5, 1], 2), 5)
  t.is(lowerBound(fastThenSlow(4), 2), 5e-3 + 1e-6)
})

test('a seed gives the same random job again, and seeds differ', t => {
  t.deepEqual(randomJob(7), randomJob(7))
  const jobs = Array.from({ length: 60 }, (_, seed) => randomJob(seed))
  t.is(new Set(jobs.map(({ payload }) => payload)).size, 3)
  t.is(new Set(jobs.map(({ spread }) => spread)).size, 5)
  for (const { costsSeconds, padBytes } of jobs) {
    t.true(costsSeconds.every(seconds => seconds >= 0) && sumOf(costsSeconds) < 0.6)
    t.true(padBytes * costsSeconds.length <= 2.2e7)
  }
})
