import test from 'ava'
import { ServedTime } from '../../coordinator/served.js'

const NOTHING = { capacity: 0, transport: 0, tail: 0, unused: 0, lost: 0, unknown: 0, excess: 0 }

test('what is left of a slot is transport before its last report and tail after it', t => {
  const served = new ServedTime()
  served.serve('a', 1, 0)
  served.start(10)
  served.report('a/0', 5, 0, 1, 16)
  served.report('a/0', 2, 0, 1, 18)
  t.deepEqual(served.settle(21, false), { ...NOTHING, capacity: 11, transport: 1, tail: 3 })
})

test('a slot that got nothing is tail, and told as unused', t => {
  const served = new ServedTime()
  served.start(0)
  served.serve('a', 2, 0)
  served.report('a/0', 4, 0, 1, 4)
  t.deepEqual(served.settle(4, false), { ...NOTHING, capacity: 8, tail: 4, unused: 4 })
})

test('an agent that comes late counts from its first beat', t => {
  const served = new ServedTime()
  served.start(0)
  served.serve('a', 1, 0)
  served.serve('late', 2, 7)
  served.serve('late', 2, 8)
  t.is(served.settle(10, false).capacity, 16)
})

test('an agent that drains counts until its last report', t => {
  const served = new ServedTime()
  served.start(0)
  served.serve('a', 1, 0)
  served.serve('a', 0, 4)
  served.report('a/0', 6, 0, 1, 6)
  t.deepEqual(served.settle(10, false), { ...NOTHING, capacity: 6 })
})

test('an agent that dies counts until its last beat, and what it was at since its last report is lost', t => {
  const served = new ServedTime()
  served.start(0)
  served.serve('a', 1, 0)
  served.report('a/0', 2, 0, 1, 2)
  served.serve('a', 1, 5)
  served.gone('a')
  t.deepEqual(served.settle(10, false), { ...NOTHING, capacity: 5, lost: 3 })
})

test('an agent that comes back serves again', t => {
  const served = new ServedTime()
  served.start(0)
  served.serve('a', 1, 2)
  served.gone('a')
  served.serve('a', 1, 6)
  served.report('a/0', 2, 0, 1, 8)
  t.deepEqual(served.settle(8, false), { ...NOTHING, capacity: 2 })
})

test('a report that is newer than the last beat of the dead was still served', t => {
  const served = new ServedTime()
  served.start(0)
  served.serve('a', 1, 0)
  served.report('a/0', 3, 0, 1, 3)
  served.gone('a')
  t.deepEqual(served.settle(9, false), { ...NOTHING, capacity: 3 })
})

test('what a slot did for other jobs is not capacity', t => {
  const served = new ServedTime()
  served.start(0)
  served.serve('a', 1, 0)
  served.report('a/0', 4, 6, 1, 10)
  t.deepEqual(served.settle(10, false), { ...NOTHING, capacity: 4 })
})

test('a slot that nobody announced serves for as long as it says', t => {
  const served = new ServedTime()
  served.start(0)
  served.report('caller/0', 3, 0, 1, 3)
  served.report('caller/0', 2, 0, 1, 5)
  t.deepEqual(served.settle(9, false), { ...NOTHING, capacity: 5 })
})

test('a job that ends while its slots work has lost what they were at', t => {
  const served = new ServedTime()
  served.start(0)
  served.serve('a', 1, 0)
  served.report('a/0', 2, 0, 1, 2)
  t.deepEqual(served.settle(3, true), { ...NOTHING, capacity: 3, lost: 1 })
})

test('a slot that accounts for nothing is not known, and one that accounts for too much has an excess', t => {
  const silent = new ServedTime()
  silent.start(0)
  silent.serve('a', 1, 0)
  silent.report('a/0', 0, 0, 5, 4)
  t.deepEqual(silent.settle(5, false), { ...NOTHING, capacity: 5, tail: 1, unknown: 4 })
  const eager = new ServedTime()
  eager.start(0)
  eager.serve('a', 1, 0)
  eager.report('a/0', 6, 0, 5, 4)
  t.deepEqual(eager.settle(5, false), { ...NOTHING, capacity: 5, tail: 1, excess: 2 })
})

test('a shard that is only given back says nothing of the slot', t => {
  const served = new ServedTime()
  served.start(0)
  served.serve('a', 1, 0)
  served.report('a/0', 2, 0, 1, 2)
  served.report('a/0', 0, 0, 0, 8)
  t.deepEqual(served.settle(8, false), { ...NOTHING, capacity: 8, tail: 6 })
})
