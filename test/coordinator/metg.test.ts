import test from 'ava'
import { type GrainPoint, metg } from '../../coordinator/metg.js'

const point = (taskSeconds: number, efficiency: number): GrainPoint => ({
  taskSeconds,
  granularitySeconds: taskSeconds / efficiency,
  efficiency,
})

test('it lies between the shortest task that is efficient enough and the next shorter one', t => {
  const points = [point(1e-5, 0.4), point(1e-3, 0.9), point(1e-4, 0.6)]
  const found = metg(points, 0.5)
  t.false(found?.isBound)
  t.true(Math.abs((found?.seconds ?? 0) - 10 ** -4.5) < 1e-9)
})

test('a task of constant overhead has it where task and overhead are alike', t => {
  const overhead = 2e-5
  const points = Array.from({ length: 25 }, (_, nth) => 10 ** (-2 - nth / 6)).map(task =>
    point(task, task / (task + overhead)),
  )
  const half = metg(points, 0.5)?.seconds ?? 0
  const most = metg(points, 0.95)?.seconds ?? 0
  t.true(Math.abs(half / overhead - 1) < 0.03)
  t.true(Math.abs(most / (19 * overhead) - 1) < 0.1)
})

test('where every task was efficient enough it is at most the shortest, and where none was it is not known', t => {
  t.deepEqual(metg([point(1e-3, 0.99), point(1e-4, 0.97)], 0.95), { seconds: 1e-4, isBound: true })
  t.is(metg([point(1e-3, 0.5)], 0.95), undefined)
  t.is(metg([], 0.5), undefined)
})

test('a dip at longer tasks does not count: it is other processes that were in the way', t => {
  const found = metg([point(1e-2, 0.99), point(1e-3, 0.3), point(1e-4, 0.9), point(1e-5, 0.1)], 0.5)
  t.true((found?.seconds ?? 1) < 1e-4 && (found?.seconds ?? 0) > 1e-5)
})
