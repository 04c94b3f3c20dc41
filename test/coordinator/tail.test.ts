import test from 'ava'
import { type Candidate, recallsOf } from '../../coordinator/tail.js'

const candidate = (shard: number, more: Partial<Candidate> = {}): Candidate => ({
  shard,
  open: 4,
  sinceSeconds: 0,
  itemSeconds: 0.0004,
  isStarted: false,
  holder: 'a',
  mayRecall: true,
  mayCopy: false,
  ...more,
})
const recalls = (candidates: Candidate[], now: number, slots = 1, helpers = 0, workers = 1): [number, number][] =>
  recallsOf(candidates, {
    slots,
    helpers,
    workers,
    itemSeconds: 0.0004,
    leastSeconds: 0.002,
    spareSeconds: 0,
    spareCopies: 0,
    now,
  }).map(({ shard, restSeconds }) => [shard, restSeconds])

test('what would end before it could be shared is left alone', t => {
  t.deepEqual(recalls([candidate(1, { isStarted: true })], 0.001), [])
  t.deepEqual(recalls([candidate(1, { open: 40 })], 0.001), [])
  t.deepEqual(recalls([candidate(1, { open: 40, mayRecall: false })], 0.004), [])
})

test('what should have ended long ago may take as long again, however little it seemed', t => {
  t.deepEqual(recalls([candidate(1)], 0.01), [[1, 0.01]])
  t.deepEqual(recalls([candidate(1, { isStarted: true })], 0.01), [[1, 0.01]])
  t.deepEqual(recalls([candidate(1, { isStarted: true, open: 1 })], 0.01), [])
})

test('most work first, and of the same work the newest, which stands behind the others', t => {
  const long = candidate(1, { open: 100, isStarted: true })
  t.deepEqual(
    recalls([candidate(2), long, candidate(3), candidate(4)], 0.01, 3).map(([shard]) => shard),
    [1, 4, 3],
  )
  t.deepEqual(
    recalls([candidate(2, { sinceSeconds: -1 }), candidate(3, { open: 8 })], 0.01).map(([shard]) => shard),
    [3],
  )
})

test('a single item of which nobody has said a word may come back to a caller, and to nobody else', t => {
  const waiting = candidate(1, { open: 1, itemSeconds: 0.01, holder: undefined })
  t.deepEqual(recalls([waiting], 0.003), [])
  t.deepEqual(recalls([waiting], 0.003, 1, 1).length, 1)
  t.deepEqual(recalls([candidate(1, { ...waiting, isStarted: true })], 0.003, 1, 1), [])
})

test('a caller is given what stands whole behind what workers are at, the newest first, and less than its share of all', t => {
  const four = [1, 2, 3, 4].map(shard => candidate(shard, { open: 10 }))
  const to = (workers: number, more: Candidate[] = []): number[] =>
    recalls([...four, ...more], 0.004, 1, 1, workers).map(([shard]) => shard)
  t.deepEqual(to(1), [4, 3], 'a third of all is more than one of four')
  t.deepEqual(to(2), [4])
  t.deepEqual(to(1, [candidate(5, { open: 100 })]), [5])
  t.deepEqual(to(1, [candidate(5, { open: 20, mayRecall: false })]), [4, 3])
  t.deepEqual(to(4), [4], 'nothing stands behind: of what runs, the longest rest')
})

test('workers that have nothing to do are given rests beside a caller', t => {
  const some = [1, 2, 3].map(shard => candidate(shard, { open: 20 }))
  t.deepEqual(
    recalls(some, 0.001, 2, 1, 2).map(([shard]) => shard),
    [3],
    'what may be on its way to them is left alone',
  )
  t.deepEqual(
    recalls(some, 0.01, 2, 1, 2).map(([shard]) => shard),
    [3, 2],
  )
})
