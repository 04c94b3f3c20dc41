import test from 'ava'
import fc from 'fast-check'
import { Sizing } from '../../coordinator/sizing.js'
import { NO_TIME, type Timing } from '../../proto/timing.js'

const took = (computeSeconds: number, dispatchSeconds = 0): Timing => ({ ...NO_TIME, computeSeconds, dispatchSeconds })
/** After so many like it, the estimate is what was seen. */
const learned = (sizing: Sizing, items: number, timing: Timing, bytes = 0): Sizing => {
  for (let times = 0; times < 50; times++) sizing.observe(items, timing, bytes)
  return sizing
}

test('before anything is measured a shard is one item', t => {
  t.is(new Sizing({}).size(1000, 4), 1)
})

test('a size that the user set is never changed', t => {
  t.is(learned(new Sizing({ fixedSize: 7 }), 1, took(10)).size(3, 4), 7)
})

test('a shard takes its target', t => {
  t.is(learned(new Sizing({}), 100, took(0.1)).size(undefined, 4), 100)
})

test('an item longer than the target goes alone', t => {
  t.is(learned(new Sizing({}), 1, took(5)).size(1000, 4), 1)
})

test('one shard of fast items is no reason for a shard of a million', t => {
  const sizing = new Sizing({})
  sizing.observe(1, took(1e-9), 0)
  t.is(sizing.size(undefined, 4), 32)
  sizing.observe(32, took(32e-9), 0)
  t.is(sizing.size(undefined, 4), 1024)
})

test('items that wait together go in shards that fill the lanes, however long each takes', t => {
  const waits = { ...NO_TIME, computeSeconds: 1, itemSeconds: 16 }
  const sizing = learned(new Sizing({ concurrency: 16 }), 16, waits)
  t.is(sizing.size(10_000, 2), 64)
  t.is(sizing.size(20, 2), 16)
  t.true(sizing.timeBoxSeconds(2) > 4)
  t.is(new Sizing({ concurrency: 16 }).size(10_000, 2), 16)
})

test('what remains is shared between the slots, in small pieces towards the end', t => {
  const sizing = learned(new Sizing({}), 1000, took(0.1))
  t.is(sizing.size(1_000_000, 4), 1000)
  t.is(sizing.size(1200, 4), 100)
  t.is(sizing.size(120, 4), 10)
  // One coordinator follows 10,000 shards a second for a while: 0.4 ms are the least that is worth a shard of four slots.
  t.is(sizing.size(0, 4), 4)
})

test('pieces do not get so small that handing them over costs more than it brings', t => {
  const sizing = learned(new Sizing({}), 1000, took(0.1, 0.0005))
  // 0.5 ms of overhead is 2 % of 25 ms, which 250 items take, give or take a rounding.
  t.true([249, 250].includes(sizing.size(1200, 4)))
})

test('large outcomes make small shards', t => {
  t.is(learned(new Sizing({}), 100, took(0.1), 100 * 1024 * 1024).size(undefined, 4), 4)
})

test('with thousands of slots shards last longer, so that one coordinator keeps up', t => {
  const sizing = learned(new Sizing({}), 1000, took(0.1))
  t.is(sizing.size(undefined, 1000), 10_000)
  t.is(sizing.timeBoxSeconds(1000), 4)
  t.is(sizing.timeBoxSeconds(4), 0.4)
})

test('a shard without items teaches nothing', t => {
  const sizing = new Sizing({})
  sizing.observe(0, took(1), 0)
  t.is(sizing.itemSeconds, undefined)
})

test('a size is a whole number of at least one, whatever was measured', t => {
  const seconds = fc.double({ min: 0, max: 1e6, noNaN: true })
  const shard = fc.tuple(fc.nat({ max: 1e6 }), seconds, seconds, fc.nat({ max: 1e9 }))
  fc.assert(
    fc.property(
      fc.array(shard, { maxLength: 20 }),
      fc.option(fc.nat()),
      fc.integer({ min: 1, max: 1e4 }),
      (shards, remaining, slots) => {
        const sizing = new Sizing({})
        for (const [items, compute, dispatch, bytes] of shards) sizing.observe(items, took(compute, dispatch), bytes)
        const size = sizing.size(remaining ?? undefined, slots)
        if (!Number.isSafeInteger(size) || size < 1) throw new Error(`a size of ${size}`)
      },
    ),
    { numRuns: 3000 },
  )
  t.pass()
})

test('a thousandfold change is followed within a few reports, whatever was seen before', t => {
  const sizing = learned(new Sizing({}), 100_000, took(0.1))
  t.is(sizing.size(undefined, 2), 100_000)
  const sizes = [1, 2, 3, 4, 5, 6].map(() => {
    sizing.observe(20, took(0.1), 0)
    return sizing.size(undefined, 2)
  })
  t.true((sizes.at(-1) as number) < 25, sizes.join())
  for (let reports = 0; reports < 6; reports++) sizing.observe(100_000, took(0.1), 0)
  t.true(sizing.size(undefined, 2) > 80_000)
})

test('one odd report moves sizes by no more than its square root', t => {
  const sizing = learned(new Sizing({}), 100, took(0.1))
  sizing.observe(1, took(0.1), 0)
  t.is(sizing.size(undefined, 2), 10)
})

test('a size that changes by more than four times is told once', t => {
  const sizing = learned(new Sizing({}), 100, took(0.1))
  t.like(sizing.change(2), { before: 1, after: 100 })
  t.is(sizing.change(2), undefined)
  for (let reports = 0; reports < 10; reports++) sizing.observe(100, took(0.3), 0)
  t.is(sizing.change(2), undefined, 'a third of it is no news')
  for (let reports = 0; reports < 10; reports++) sizing.observe(100, took(1), 0)
  t.like(sizing.change(2), { before: 100, after: 10 })
})
