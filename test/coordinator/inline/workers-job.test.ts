import test from 'ava'
import { WorkersJob, type WorkersJobOptions } from '../../../coordinator/inline/workers-job.js'

/** One that has begun, with so many workers that were there before it asked. */
const begun = async (ready: number, joinSeconds: number | undefined) => {
  const pool = { ready, joinSeconds }
  const claim = { ready, workers: async () => 0.1, release: () => {} }
  const hands = { slots: 2, run: async () => ({}) }
  const way = { place: 'local', slots: 2, pool, hands: async () => hands }
  const job = new WorkersJob({
    ways: { likeliest: way, open: async () => ({ way, hands, claim }) },
    function: async () => ({}),
    operation: 'map',
    input: () => ({ count: 0, next: async () => undefined, close: async () => {} }),
    isOver: () => false,
    hasItems: () => true,
    onSlots: () => true,
    caller: () => ({}),
    clock: () => 0,
  } as unknown as WorkersJobOptions)
  await job.ask(1, 1, () => 0)
  return { job, pool }
}

test('what a start took is not what joining costs', async t => {
  const { job, pool } = await begun(0, 0.0004)
  job.joined(0.3)
  t.is(pool.joinSeconds, 0.0004)
})

test('what joining costs is told once a job, and one dear job doubles it at most', async t => {
  const { job, pool } = await begun(1, 0.0004)
  job.joined(0.3)
  t.is(pool.joinSeconds, 0.0008)
  job.joined(0.3)
  t.is(pool.joinSeconds, 0.0008)
  const next = await begun(1, 0.0008)
  next.job.joined(0.0004)
  t.true(Math.abs((next.pool.joinSeconds ?? 0) - 0.0006) < 1e-12)
  const first = await begun(1, undefined)
  first.job.joined(0.004)
  t.is(first.pool.joinSeconds, 0.004)
})
