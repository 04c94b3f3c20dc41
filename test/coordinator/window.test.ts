import test from 'ava'
import fc from 'fast-check'
import { Window } from '../../coordinator/window.js'

const after = (shardSize: number | undefined, seconds: number): Window => {
  const window = new Window(shardSize, 3)
  for (let nth = 0; nth < 50; nth++) window.observe(seconds)
  return window
}

test('three shards a slot are under way, until it is known how long one takes', t => {
  t.is(new Window(1, 3).size(4, 1e6), 12)
  t.is(after(1, 0.01).size(4, 1e6), 12)
})

test('of shards that take no time many are under way, as many as half a millisecond holds', t => {
  t.is(after(1, 0).size(2, 1e6), 64)
  t.is(after(1, 35e-6).size(2, 1e6), 20)
  t.is(after(1, 0).size(2, undefined), 64)
})

test('sizes that follow what is measured are left to grow instead', t => {
  t.is(after(undefined, 0).size(2, 1e6), 6)
})

test('in the tail no shard waits behind many others', t => {
  t.is(after(10, 0).size(2, 800), 20)
  t.is(after(10, 0).size(2, 0), 6)
})

test('the window never closes, and never has more shards than a broadcast can name', t => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 10, noNaN: true }),
      fc.integer({ min: 1, max: 1000 }),
      fc.nat(),
      (seconds, slots, left) => {
        const size = after(1, seconds).size(slots, left)
        return size >= 3 * slots && size <= 4096
      },
    ),
  )
  t.pass()
})
