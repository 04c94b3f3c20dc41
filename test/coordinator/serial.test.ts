import test from 'ava'
import fc from 'fast-check'
import { Serial } from '../../coordinator/serial.js'
import { NO_TIME, type Timing } from '../../proto/timing.js'

const took = (computeSeconds: number, more: Partial<Timing> = {}): Timing => ({
  ...NO_TIME,
  computeSeconds,
  cpuSeconds: computeSeconds,
  ...more,
})
const near = (t: { true(value: boolean, message?: string): void }, value: number, expected: number): void =>
  t.true(Math.abs(value - expected) <= 1e-9 + 1e-6 * expected, `${value}, expected ${expected}`)

test('without reports there is no estimate', t => {
  t.deepEqual(new Serial().estimate(), { value: 0, low: 0, high: 0, method: 'no item ran to its end' })
  t.deepEqual(new Serial().itemSeconds, { median: 0, slowest: 0 })
})

test('long items are summed as they were', t => {
  const serial = new Serial()
  for (const seconds of [1, 2, 3, 10]) serial.add(1, took(seconds))
  const { value, low, high, method } = serial.estimate()
  for (const figure of [value, low, high]) near(t, figure, 16)
  t.is(method, 'the time inside the function')
})

test('what a worker waited for a core is not billed, and stays in the high end', t => {
  const serial = new Serial()
  serial.add(10, took(5, { cpuSeconds: 2, preemptedSeconds: 3 }))
  const { value, high, method } = serial.estimate()
  near(t, value, 2)
  near(t, high, 5)
  t.regex(method, /less what workers waited for a core/)
})

test('items that wait together would have waited one after the other', t => {
  const serial = new Serial()
  serial.add(16, took(1, { itemSeconds: 16, cpuSeconds: 0 }))
  near(t, serial.estimate().value, 16)
  t.regex(serial.estimate().method, /^each item's own time/)
})

test('items that compute together gain nothing by it', t => {
  const serial = new Serial()
  serial.add(4, took(2, { itemSeconds: 8, cpuSeconds: 1.5, preemptedSeconds: 0.5 }))
  near(t, serial.estimate().value, 1.5)
})

test('a loop took what it took', t => {
  const serial = new Serial()
  serial.add(10, took(5, { cpuSeconds: 2, preemptedSeconds: 3 }))
  t.like(serial.estimate(true), { value: 5, low: 2, high: 5 })
  t.regex(serial.estimate(true).method, /in the caller's own loop/)
})

test('a function that waits is billed the time that it waits', t => {
  const serial = new Serial()
  serial.add(10, took(5, { cpuSeconds: 0.01, preemptedSeconds: 0.001 }))
  near(t, serial.estimate().value, 4.999)
})

test('where nobody tells why a function had no core, the low end is its CPU time', t => {
  const serial = new Serial()
  serial.add(10, took(5, { cpuSeconds: 2 }))
  t.like(serial.estimate(), { low: 2, value: 5, high: 5 })
})

test('contended shards of many like items count at the pace of the best quarter', t => {
  const serial = new Serial()
  for (let nth = 0; nth < 10; nth++) serial.add(1000, took(nth < 4 ? 1 : 1.2))
  const { value, low, high, method } = serial.estimate()
  near(t, value, 10)
  near(t, low, 10)
  near(t, high, 11.2)
  t.regex(method, /contended least/)
})

test('shards that are unlike one another are not taken for contended ones', t => {
  const serial = new Serial()
  for (let nth = 0; nth < 10; nth++) serial.add(1000, took(nth < 5 ? 1 : 5))
  near(t, serial.estimate().value, 30)
})

test('a job of many shards takes no more memory than one of few, and keeps its sum', t => {
  const serial = new Serial()
  for (let nth = 0; nth < 100_000; nth++) serial.add(1, took(0.001 * (1 + (nth % 7))))
  near(
    t,
    serial.estimate().value,
    0.001 * Array.from({ length: 100_000 }, (_, nth) => 1 + (nth % 7)).reduce((a, b) => a + b),
  )
})

test('the slowest item is found in its report', t => {
  const serial = new Serial()
  for (let nth = 0; nth < 100; nth++) serial.add(50, took(0.05))
  serial.add(150, took(2.149))
  const { median, slowest } = serial.itemSeconds
  t.true(Math.abs(median - 0.001) < 0.000_02, `${median}`)
  t.true(Math.abs(slowest - 2) < 0.01, `${slowest}`)
})

test('low <= value <= high, whatever is reported', t => {
  const report = fc.record({
    items: fc.nat({ max: 2000 }),
    computeSeconds: fc.double({ min: 0, max: 100, noNaN: true }),
    cpuSeconds: fc.double({ min: 0, max: 100, noNaN: true }),
    preempted: fc.double({ min: 0, max: 1, noNaN: true }),
    itemSeconds: fc.double({ min: 0, max: 500, noNaN: true }),
  })
  fc.assert(
    fc.property(fc.array(report, { maxLength: 40 }), reports => {
      const serial = new Serial()
      for (const { items, computeSeconds, cpuSeconds, preempted, itemSeconds } of reports)
        serial.add(items, {
          ...NO_TIME,
          computeSeconds,
          cpuSeconds,
          itemSeconds,
          preemptedSeconds: preempted * computeSeconds,
        })
      const { low, value, high } = serial.estimate()
      const { median, slowest } = serial.itemSeconds
      if (!(0 <= low && low <= value && value <= high)) throw new Error(`${low}, ${value}, ${high}`)
      if (![low, value, high, median, slowest].every(Number.isFinite)) throw new Error('not finite')
    }),
    { numRuns: 2000 },
  )
  t.pass()
})

test('keeping numbers is a loop’s work as well: at its best pace, and told where it counts', t => {
  const serial = new Serial()
  for (let report = 0; report < 8; report++) serial.add(1000, took(1e-3))
  const before = serial.estimate()
  for (const seconds of [1e-3, 1e-3, 1e-3, 1e-3, 1.2e-3, 1.2e-3, 1.2e-3, 4e-3]) serial.kept(1000, seconds)
  const { value, low, high, method } = serial.estimate()
  t.true(Math.abs(value - before.value - 11e-3) < 1e-6, `${value}`)
  t.true(low <= value && value <= high)
  t.true(Math.abs(high - before.high - 11.6e-3) < 1e-6, `${high}`)
  t.regex(method, /with what it takes to keep the results/)
  t.is(serial.estimate(true).value, before.high)
  const slow = new Serial()
  slow.add(1000, took(1))
  slow.kept(1000, 1e-6)
  t.notRegex(slow.estimate().method, /keep/)
})
