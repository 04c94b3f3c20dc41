import test, { type ExecutionContext } from 'ava'
import { WorkersJob, type WorkersJobOptions } from '../../../coordinator/inline/workers-job.js'
import type { JobRequest } from '../../../coordinator/job.js'

/** One that has begun, with so many workers that were there before it asked, and has read when the caller had lost so much. */
const begun = async (
  ready: number,
  joinSeconds: number | undefined,
  lostSeconds: number,
): Promise<number | undefined> => {
  const pool = { ready, joinSeconds }
  const claim = { ready, workers: async () => 0.1, release: () => {} }
  const lost = { seconds: 1 }
  const hands = {
    slots: 2,
    run: async ({ input }: JobRequest) => {
      lost.seconds += lostSeconds
      await input.next(1, 1)
      lost.seconds += 100
      await input.next(1, 1)
    },
  }
  const way = { place: 'local', slots: 2, pool, hands: async () => hands }
  const job = new WorkersJob({
    ways: { likeliest: way, open: async () => ({ way, hands, claim }) },
    function: async () => ({}),
    operation: 'map',
    input: () => ({ count: 0, next: async () => undefined, close: async () => {} }),
    lostSeconds: () => lost.seconds,
    isOver: () => false,
    hasItems: () => true,
    onSlots: () => true,
    caller: () => ({}),
    clock: () => 0,
  } as unknown as WorkersJobOptions)
  await job.ask(1, 1, () => 0)
  await job.end
  return pool.joinSeconds
}

const close = (t: ExecutionContext, seconds: number | undefined, to: number): void => {
  t.true(Math.abs((seconds ?? 0) - to) < 1e-9, `${seconds}`)
}

test('what a start took is not what joining costs', async t => {
  t.is(await begun(0, 0.0004, 0.3), 0.0004)
})

test('joining costs four times what the caller has lost when its workers first read; one dear job doubles it at most', async t => {
  close(t, await begun(1, undefined, 0.001), 0.004)
  close(t, await begun(1, 0.0004, 0.3), 0.0008)
  close(t, await begun(1, 0.0008, 0.0001), 0.0006)
})
