import test from 'ava'
import { Cutting } from '../../coordinator/cutting.js'
import { NO_SLOT_TIME } from '../../proto/timing.js'

test('a job with a limit has no more shards at once, however short they are', t => {
  const load = { slots: 2, liveShards: 0, waitingItems: 0, unread: 1_000_000, heldBytes: 0 }
  const open = (mostShards?: number): number => {
    const limit = mostShards === undefined ? {} : { mostShards }
    const cutting = new Cutting({ shardsPerSlot: 1, callers: 0, memoryBytes: 1e9, fixedSize: 1, ...limit })
    cutting.observe(1, { ...NO_SLOT_TIME, computeSeconds: 1e-6 }, 8)
    let liveShards = 0
    while (cutting.isOpen({ ...load, liveShards })) liveShards++
    return liveShards
  }
  t.true(open() > 20)
  t.is(open(2), 2)
})
