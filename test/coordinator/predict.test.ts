import test from 'ava'
import fc from 'fast-check'
import { type Places, predict, recommended, type Sample } from '../../coordinator/predict.js'
import { clusterCosts, placeCosts } from './costs-fixture.js'

const sample = (over: Partial<Sample> = {}): Sample => ({
  items: 40,
  total: 12_000,
  itemSeconds: 0.0184,
  sigmaSeconds: 0.006,
  longestSeconds: 0.03,
  cpuSeconds: undefined,
  loadSeconds: 0,
  warmUpSeconds: 0,
  bytesIn: 8,
  bytesOut: 8,
  textBytes: 0,
  ...over,
})
const places = (over: Partial<Places> = {}): Places => ({
  cores: 8,
  localSlots: [1, 2, 4, 8],
  local: placeCosts(),
  ...over,
})
const at = (of: Sample, where: Places, slots: number) => {
  const found = predict(of, where).find(prediction => prediction.place === 'local' && prediction.slots === slots)
  if (found === undefined) throw new Error('not predicted')
  return found
}

test('a loop takes the sum of the items, and slots share it', t => {
  const predictions = predict(sample(), places())
  t.deepEqual(
    predictions.map(({ place, slots }) => [place, slots]),
    [['inline', 1], ...[1, 2, 4, 8].map(slots => ['local', slots])],
  )
  const [inline] = predictions
  t.is(inline?.seconds, 12_000 * 0.0184)
  t.is(inline?.limit, 'one core')
  const eight = at(sample(), places(), 8)
  t.true(eight.speedup > 7.8 && eight.speedup <= 8)
  t.is(eight.limit, 'cores')
  t.deepEqual(recommended(predictions), eight)
})

test('slots beyond the cores gain nothing for a function that computes, and much for one that waits', t => {
  const where = places({ cores: 2, localSlots: [2, 8] })
  const computes = at(sample({ cpuSeconds: 0.018 }), where, 8)
  t.true(computes.speedup < 2.1)
  const waits = at(sample({ cpuSeconds: 0.0004 }), where, 8)
  t.true(waits.speedup > 7)
  t.is(waits.limit, 'waiting')
})

test('several items at once in each worker help what waits, and not what computes', t => {
  const where = places({ cores: 2, localSlots: [2] })
  const waits = sample({ cpuSeconds: 0.0004 })
  const gain = (of: Sample): number => at(of, where, 2).seconds / at(of, { ...where, concurrency: 16 }, 2).seconds
  t.true(gain(waits) > 12 && gain(waits) <= 16, `${gain(waits)}`)
  t.true(gain(sample({ cpuSeconds: 0.0184 })) < 1.05)
})

test('a tiny job is limited by start-up, and the loop is recommended', t => {
  const tiny = sample({ total: 10_000, itemSeconds: 1e-8, longestSeconds: 1e-8 })
  const predictions = predict(tiny, places())
  t.is(predictions.at(-1)?.limit, 'start-up')
  t.is(recommended(predictions).place, 'inline')
})

test('tiny items are limited by handing over, and never pay where an item costs more than it takes', t => {
  const where = places({ local: placeCosts({ itemSeconds: 1e-6, callerItemSeconds: 1e-6 }) })
  const eight = at(sample({ total: 1e9, itemSeconds: 1e-7, longestSeconds: 1e-7 }), where, 8)
  t.is(eight.limit, 'handing over')
  t.is(eight.breakEvenItems, null)
  t.true(eight.speedup < 1)
})

test('one item as long as all others together is the limit', t => {
  const eight = at(sample({ total: 100, longestSeconds: 1.5 }), places(), 8)
  t.is(eight.limit, 'the longest item')
  t.true(eight.seconds > 1.5)
})

test('fewer items than slots leave slots idle', t => {
  const eight = at(sample({ total: 2, itemSeconds: 1, longestSeconds: 1 }), places(), 8)
  t.true(eight.speedup < 2)
})

test('large items are limited by the network of a cluster', t => {
  const images = sample({ bytesIn: 310_000, bytesOut: 42_000 })
  const cluster = clusterCosts({ bytesPerSecond: 117e6 })
  const [prediction] = predict(images, places({ cluster })).slice(-1)
  t.is(prediction?.place, 'cluster')
  t.is(prediction?.limit, 'network')
  t.true(Math.abs((prediction?.seconds ?? 0) - (12_000 * 352_000) / 117e6) < 1)
})

test('a cluster without slots, and a machine without known costs, are not predicted', t => {
  t.is(predict(sample(), places({ cluster: clusterCosts({ slots: 0 }) })).length, 5)
  t.is(predict(sample(), places({ local: undefined })).length, 1)
})

test('from the break-even on the place is faster than the loop, and below it is not', t => {
  const { breakEvenItems } = at(sample(), places(), 2)
  t.truthy(breakEvenItems)
  const items = breakEvenItems as number
  t.true(at(sample({ total: items }), places(), 2).speedup >= 1)
  t.true(at(sample({ total: items - 1 }), places(), 2).speedup < 1)
})

test('fewer slots are recommended where more are hardly faster', t => {
  const predictions = predict(sample({ total: 2, itemSeconds: 1, longestSeconds: 1 }), places())
  t.is(recommended(predictions).slots, 2)
})

test('no prediction promises more than its slots, or less time than the longest item', t => {
  const seconds = fc.double({ min: 1e-9, max: 10, noNaN: true })
  t.notThrows(() =>
    fc.assert(
      fc.property(
        fc.record({
          total: fc.integer({ min: 1, max: 1e9 }),
          itemSeconds: seconds,
          stretch: fc.double({ min: 1, max: 100, noNaN: true }),
          bytes: fc.integer({ min: 0, max: 1e6 }),
          slots: fc.integer({ min: 1, max: 1000 }),
          cores: fc.integer({ min: 1, max: 64 }),
        }),
        ({ total, itemSeconds, stretch, bytes, slots, cores }) => {
          const longestSeconds = total === 1 ? itemSeconds : itemSeconds * stretch
          const of = sample({ total, itemSeconds, longestSeconds, bytesIn: bytes, textBytes: bytes })
          const predictions = predict(of, {
            cores,
            localSlots: [slots],
            local: placeCosts(),
            cluster: clusterCosts({ slots }),
          })
          const best = recommended(predictions)
          const fastest = Math.min(...predictions.map(one => one.seconds))
          return (
            predictions.every(one => one.speedup <= one.slots * (1 + 1e-9) && Number.isFinite(one.seconds)) &&
            predictions.slice(1).every(one => one.seconds >= longestSeconds * (1 - 1e-9)) &&
            best.seconds <= fastest / 0.9
          )
        },
      ),
    ),
  )
})
