import test from 'ava'
import { advise, type Facts } from '../../coordinator/advice.js'
import { receipt } from './cli/fixtures.js'

/** A job of 100 items on 8 slots for 10 s that has nothing to be told. */
const facts = (over: Partial<Facts> = {}, phases: Partial<Facts['core_seconds']> = {}): Facts => {
  const core = { compute: 80, start: 0, decode: 0, encode: 0, dispatch: 0, transport: 0, tail: 0, lost: 0, other: 0 }
  const { advice: _, decisions: __, ...figures } = receipt()
  return {
    ...figures,
    items: 100,
    shards: 50,
    slots: 8,
    wall_seconds: 10,
    capacity_core_seconds: 80,
    core_seconds: { ...core, ...phases },
    cpu_core_seconds: 80,
    preempted_core_seconds: 0,
    unused_core_seconds: 0,
    serial_seconds_estimate: { value: 80, low: 80, high: 80, method: '' },
    speedup: 8,
    item_seconds: { median: 0.8, slowest: 0.9 },
    ...over,
  }
}

test('a job that has its slots busy is told nothing, nor one without items', t => {
  t.deepEqual(advise(facts()), [])
  t.deepEqual(advise(facts({ items: 0 }, { start: 80 })), [])
  t.deepEqual(advise(facts({}, { compute: 77, tail: 3 })), [])
})

test('a job that a plain loop would have beaten is told so first, with its figures', t => {
  const slow = facts(
    {
      items: 400_000,
      wall_seconds: 21.4,
      capacity_core_seconds: 171.2,
      speedup: 0.075,
      serial_seconds_estimate: { value: 1.6, low: 1.6, high: 1.7, method: '' },
    },
    { compute: 1.7, dispatch: 160, transport: 9.5 },
  )
  t.deepEqual(advise(slow), [
    'A plain loop would have been 13 times faster: the function takes 4 µs an item, and all else, the start of workers included, took 53 µs an item.',
  ])
})

test('the knob that would win most comes alone', t => {
  t.deepEqual(advise(facts({}, { compute: 40, start: 30, dispatch: 10 })), [
    'Starting workers took 30 s of 80 s: keep one pool for several jobs, or give it more items.',
  ])
})

test('the slowest item is named with what it held up', t => {
  const skewed = facts({ item_seconds: { median: 0.05, slowest: 1.85 } }, { compute: 75.1, tail: 4.9 })
  t.deepEqual(advise(skewed), ['The slowest item ran 37x the median and held 7 slots idle for 700 ms.'])
})

test('fewer items than slots, shards too few and too small, and slots idle for another reason have their own words', t => {
  t.regex(advise(facts({ items: 3 }, { compute: 30, tail: 50 })).join(), /^There were 3 items for 8 slots/)
  t.regex(
    advise(facts({ shards: 9 }, { compute: 60, tail: 20 }), 12).join(),
    /^Shards of 12 items left 9 shards for 8 slots/,
  )
  t.regex(
    advise(facts({}, { compute: 60, tail: 20 })).join(),
    /^Slots were idle for 2\.5 s each at the end, 25 % of the time/,
  )
  const crumbs = facts({ items: 1000, shards: 1000 }, { compute: 10, dispatch: 60, transport: 10 })
  t.regex(
    advise(crumbs, 1).join(),
    /^Shards of 1 took 70 s of 80 s to hand over: leave out the shard size, or make it about 350 items\./,
  )
})

test("slots that were not wanted are nobody's fault", t => {
  t.deepEqual(advise(facts({ unused_core_seconds: 20 }, { compute: 60, tail: 20 })), [])
})

test('handing over and packing are told apart', t => {
  t.regex(
    advise(facts({}, { compute: 40, dispatch: 30, decode: 10 })).join(),
    /^Handing items over took 30 s of 80 s, 300 ms an item/,
  )
  t.regex(
    advise(facts({}, { compute: 40, dispatch: 10, encode: 30 })).join(),
    /^Packing and unpacking .* took 30 s of 80 s/,
  )
})

test('a function that waits is told of --concurrency, one that is kept waiting is not', t => {
  t.regex(
    advise(facts({ cpu_core_seconds: 4 })).join(),
    /^The function waited for 95 % of its time \(4 s of CPU in 80 s\): .*--concurrency/,
  )
  t.deepEqual(advise(facts({ cpu_core_seconds: 0 })), [], 'nobody told')
  const together = { value: 640, low: 640, high: 650, method: '' }
  t.deepEqual(advise(facts({ cpu_core_seconds: 4, serial_seconds_estimate: together })), [], 'they wait together')
  const contended = facts({ cpu_core_seconds: 30, preempted_core_seconds: 50 })
  t.regex(advise(contended).join(), /^For 50 s of 80 s the function had no core to run on: 8 slots/)
})

test('work that was lost is told with how often it was offered again', t => {
  t.regex(
    advise(facts({ reoffers: 2 }, { compute: 60, lost: 20 })).join(),
    /^Work without an outcome took 20 s of 80 s, .*; 2 shards had to be offered again\.$/,
  )
})
