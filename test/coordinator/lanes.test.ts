import test from 'ava'
import { ShardLanes } from '../../coordinator/lanes.js'
import { NO_TIME } from '../../proto/timing.js'

/** So many items of so many seconds, with so many in progress at once. */
const seen = (lanes: ShardLanes, items: number, seconds: number, atOnce: number, cpuSeconds = 0): ShardLanes => {
  const itemSeconds = items * seconds
  for (let times = 0; times < 30; times++)
    lanes.observe(items, { ...NO_TIME, itemSeconds, computeSeconds: itemSeconds / atOnce, cpuSeconds })
  return lanes
}

test('where one item is in progress at a time nothing is asked for', t => {
  const lanes = new ShardLanes(undefined)
  lanes.observe(10, { ...NO_TIME, computeSeconds: 1, cpuSeconds: 0 })
  t.is(lanes.leastItems(1000, 2), 0)
  t.is(lanes.leastBoxSeconds(), 0)
  t.is(lanes.firstItems(1000, 2), 1)
})

test('the first shards have an item for each lane that was asked for, as far as there are so many', t => {
  t.is(new ShardLanes(16).firstItems(1000, 2), 16)
  t.is(new ShardLanes(16).firstItems(undefined, 2), 16)
  t.is(new ShardLanes(16).firstItems(20, 2), 10)
  t.is(new ShardLanes(16).firstItems(0, 2), 1)
})

test('a shard has some items for each lane, its share of what remains at the end, and never less than the lanes', t => {
  const lanes = seen(new ShardLanes(16), 16, 0.02, 16)
  t.is(lanes.leastItems(undefined, 2), 64)
  t.is(lanes.leastItems(10_000, 2), 64)
  t.is(lanes.leastItems(100, 2), 50)
  t.is(lanes.leastItems(20, 2), 16)
  t.is(lanes.leastItems(7, 2), 7)
})

test('an async function that uses the core is like any other', t => {
  t.is(seen(new ShardLanes(undefined), 10, 0.01, 1, 0.1).leastItems(1000, 2), 0)
})

test('a function that waits gets shards in which its worker can find out how many help', t => {
  const lanes = seen(new ShardLanes(undefined), 4, 0.02, 1)
  t.is(lanes.leastItems(10_000, 2), 256)
  t.is(lanes.leastItems(10, 2), 5)
  t.is(seen(new ShardLanes(undefined), 100, 0.02, 30).leastItems(40, 2), 30)
})

test('a time box has room for the rounds of a shard', t => {
  t.true(Math.abs(seen(new ShardLanes(16), 16, 2, 16).leastBoxSeconds() - 16) < 1e-6)
})
