import test from 'ava'
import fc from 'fast-check'
import { Lanes, MOST_LANES } from '../../../agent/runner/lanes.js'

interface Server {
  /** How long an item takes with so many in progress. */
  readonly seconds: (atOnce: number) => number
  /** CPU of an item. */
  readonly cpuSeconds?: number
  readonly hasValue?: (atOnce: number) => boolean
}

/** The counts that lanes go through while so many items end, all of them with every lane in use. */
const counts = (items: number, server: Server, concurrency?: number): number[] => {
  let cpuSeconds = 0
  const lanes = new Lanes(concurrency, () => cpuSeconds)
  return Array.from({ length: items }, () => {
    const { count } = lanes
    cpuSeconds += server.cpuSeconds ?? 0
    const hasValue = server.hasValue?.(count) ?? true
    lanes.observe({ lanes: count, atOnce: count, seconds: server.seconds(count), hasValue })
    return lanes.count
  })
}

test('items that wait are given more lanes, twice as many at a time, up to the most', t => {
  const seen = [...new Set(counts(1000, { seconds: () => 0.02 }))]
  t.deepEqual(seen, [1, 2, 4, 8, 16, 32, MOST_LANES])
})

test('a server that takes four at once is not asked for much more', t => {
  const seen = counts(5000, { seconds: atOnce => 0.01 * Math.max(1, atOnce / 4) })
  t.true(Math.max(...seen) <= 8)
  const few = seen.slice(100).filter(count => count <= 4).length
  t.true(few > 0.9 * 4900, `${few} items of 4900 with 4 lanes`)
})

test('items that use the core stay alone', t => {
  t.deepEqual([...new Set(counts(500, { seconds: atOnce => 0.01 * atOnce, cpuSeconds: 0.01 }))], [1])
})

test('half a core waits for twice as many, and the whole core for no more', t => {
  const seen = counts(3000, { seconds: atOnce => Math.max(0.01, 0.005 * atOnce), cpuSeconds: 0.005 })
  t.true(Math.max(...seen) <= 4)
})

test('a rate of failures is no rate', t => {
  t.is(Math.max(...counts(500, { seconds: () => 0.02, hasValue: () => false })), 1)
  const seen = counts(2000, { seconds: () => 0.02, hasValue: atOnce => atOnce <= 8 })
  t.true(seen.slice(200).filter(count => count > 8).length < 0.2 * 1800)
})

test('what was asked for stays', t => {
  t.deepEqual([...new Set(counts(500, { seconds: () => 0.02 }, 5))], [5])
  t.deepEqual([...new Set(counts(500, { seconds: atOnce => atOnce, cpuSeconds: 1 }, 5))], [5])
})

test('items that ran while most lanes were empty say nothing', t => {
  const lanes = new Lanes(undefined, () => 0)
  for (let item = 0; item < 2; item++) lanes.observe({ lanes: 1, atOnce: 1, seconds: 0.1, hasValue: true })
  t.is(lanes.count, 2)
  for (let item = 0; item < 100; item++) lanes.observe({ lanes: 2, atOnce: 1, seconds: 0.1, hasValue: true })
  t.is(lanes.count, 2)
})

test('whatever is measured, there is at least one lane and never more than the most', t => {
  const taken = fc.record({ seconds: fc.double({ min: 0, max: 10, noNaN: true }), hasValue: fc.boolean() })
  const property = fc.property(
    fc.array(taken, { maxLength: 500 }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    (all, cpu) => {
      let cpuSeconds = 0
      const lanes = new Lanes(undefined, () => cpuSeconds)
      for (const each of all) {
        cpuSeconds += cpu
        lanes.observe({ ...each, lanes: lanes.count, atOnce: lanes.count })
        if (!(lanes.count >= 1 && lanes.count <= MOST_LANES && Number.isInteger(lanes.count))) return false
      }
      return true
    },
  )
  t.notThrows(() => fc.assert(property))
})
