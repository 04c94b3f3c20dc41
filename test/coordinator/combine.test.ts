import test from 'ava'
import { combineReceipts } from '../../coordinator/combine.js'
import { receipt } from './cli/fixtures.js'

const round = (seconds: number) =>
  receipt({
    items: 10,
    wall_seconds: seconds,
    slots: 2,
    capacity_core_seconds: 2 * seconds,
    core_seconds: {
      ...receipt().core_seconds,
      compute: seconds,
      start: seconds,
      decode: 0,
      encode: 0,
      dispatch: 0,
      transport: 0,
      tail: 0,
    },
    serial_seconds_estimate: { value: seconds, low: seconds, high: seconds, method: 'measured' },
    decisions: [{ at_seconds: 1, decision: 'go', figures: {} }],
    shards: 3,
  })

test('one round is its own receipt', t => {
  const only = receipt()
  t.is(combineReceipts(only, []), only)
})

test('rounds are added up: times, slots, shards; the items are those of the first', t => {
  const all = combineReceipts(receipt({ ...round(4), items: 1000, slots: 2 }), [round(2), round(2)])
  t.like(all, {
    items: 1000,
    wall_seconds: 8,
    capacity_core_seconds: 16,
    slots: 2,
    shards: 9,
    speedup: 1,
    efficiency: 0.5,
    serial_seconds_estimate: { value: 8, low: 8, high: 8, method: 'measured; over 3 rounds' },
  })
  t.is(all.core_seconds.compute, 8)
  t.is(all.core_seconds.start, 8)
  t.deepEqual(
    all.decisions.map(({ at_seconds: at }) => at),
    [1, 5, 7],
  )
  t.regex(all.advice.join(), /^Starting workers took 8 s of 16 s/)
})
