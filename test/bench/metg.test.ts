// The minimum effective task granularity, read off curves whose answer is known.
import test from 'ava'
import { metg } from '../../bench/metg.js'

const curve = (...points: [number, number][]) =>
  points.map(([grainSeconds, efficiency]) => ({ grainSeconds, efficiency }))

test('a grain is read off between its neighbours on logarithmic axes', t => {
  const found = metg(curve([1e-6, 0.25], [1e-4, 1]), 0.5)
  t.is(found.is, 'exact')
  t.true(Math.abs(found.seconds - 1e-5) < 1e-12)
})

test('a curve that is good from its first grain on gives a bound, and so does one that never is', t => {
  t.deepEqual(metg(curve([1e-6, 0.6], [1e-5, 0.9]), 0.5), { seconds: 1e-6, is: 'most' })
  t.deepEqual(metg(curve([1e-6, 0.1], [1e-5, 0.4]), 0.5), { seconds: 1e-5, is: 'more' })
})

test('the smallest grain that is good enough counts, whatever a few large items do', t => {
  const found = metg(curve([1e-6, 0.25], [1e-4, 1], [1e-1, 0.45]), 0.5)
  t.is(found.is, 'exact')
  t.true(Math.abs(found.seconds - 1e-5) < 1e-12)
})

test('the order of the points does not matter', t => {
  const points = curve([1e-6, 0.1], [1e-5, 0.5], [1e-4, 0.9])
  t.deepEqual(metg(points.toReversed(), 0.5), metg(points, 0.5))
})
