import test from 'ava'
import { NO_COSTS } from '../../coordinator/costs.js'
import { type Ended, itemSecondsOf, withCluster, withJob, withLocal } from '../../coordinator/learn.js'
import type { Receipt } from '../../coordinator/receipt.js'
import { receipt } from './cli/fixtures.js'
import { clusterCosts, placeCosts } from './costs-fixture.js'

const ended = (of: Receipt, key = 'k', startSeconds?: number): Ended => ({
  receipt: of,
  runner: 'node',
  key,
  startSeconds,
})

test('a first measurement is taken as it is, later ones move it', t => {
  const once = withLocal(NO_COSTS, 'node', placeCosts({ shardSeconds: 1e-5 }))
  t.is(once.local.node?.shardSeconds, 1e-5)
  const twice = withLocal(once, 'node', placeCosts({ shardSeconds: 3e-5 }))
  t.true(Math.abs((twice.local.node?.shardSeconds ?? 0) - 2e-5) < 1e-12)
  t.is(twice.local.node?.measurements, 2)
  let costs = twice
  for (let nth = 0; nth < 20; nth++) costs = withLocal(costs, 'node', placeCosts({ shardSeconds: 8e-5 }))
  t.true(Math.abs((costs.local.node?.shardSeconds ?? 0) - 8e-5) < 1e-7)
  const noisy = withLocal(costs, 'node', placeCosts({ shardSeconds: 1 }))
  t.true((noisy.local.node?.shardSeconds ?? 1) < 0.5, 'one noisy run does not replace it')
})

test('a cluster has the slots that it had last, and the one met last is the last to be forgotten', t => {
  let costs = withCluster(NO_COSTS, 'nats://a', clusterCosts({ slots: 8 }))
  costs = withCluster(costs, 'nats://b', clusterCosts())
  costs = withCluster(costs, 'nats://a', clusterCosts({ slots: 16 }))
  t.deepEqual(Object.keys(costs.clusters), ['nats://b', 'nats://a'])
  t.is(costs.clusters['nats://a']?.slots, 16)
})

test('a job tells what its function takes an item', t => {
  const costs = withJob(NO_COSTS, ended(receipt({ items: 1000, placement: 'inline' }), 'k'))
  t.is(itemSecondsOf(costs, 'k'), 91 / 1000)
  t.is(itemSecondsOf(costs, 'other'), undefined)
  const nothing = receipt({ items: 0 })
  t.is(withJob(costs, ended(nothing, 'other')), costs)
})

test('a job of shards of one item tells what a shard costs, and one of large shards does not', t => {
  const known = withLocal(NO_COSTS, 'node', placeCosts({ shardSeconds: 0.001 }))
  const large = withJob(known, ended(receipt({ items: 40_000, shards: 100 }), 'k'))
  t.is(large.local.node?.shardSeconds, 0.001)
  const small = withJob(known, ended(receipt({ items: 1818, shards: 1818 }), 'k'))
  const perShard = (0.9 + 1 + 1.1) / 1818
  t.true((small.local.node?.shardSeconds ?? 0) > 0.001 && (small.local.node?.shardSeconds ?? 1) < perShard)
  t.is(withJob(NO_COSTS, ended(receipt({ items: 1818 }), 'k')).local.node, undefined)
})

test('a job in which a worker was started tells what that takes', t => {
  const known = withLocal(NO_COSTS, 'node', placeCosts({ startSeconds: 0.06 }))
  const large = receipt({ items: 40_000, shards: 100 })
  t.is(withJob(known, ended(large)).local.node?.startSeconds, 0.06)
  const learned = withJob(known, ended(large, 'k', 0.04)).local.node
  t.true((learned?.startSeconds ?? 1) < 0.06 && (learned?.startSeconds ?? 0) > 0.04)
  t.is(learned?.shardSeconds, placeCosts().shardSeconds)
})
