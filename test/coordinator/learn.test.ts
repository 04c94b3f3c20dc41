import test from 'ava'
import { type Costs, NO_COSTS } from '../../coordinator/costs.js'
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

test('a first measurement is taken as it is, smaller ones soon hold, larger ones when they come again', t => {
  const shardSeconds = (costs: Costs): number => costs.local.node?.shardSeconds ?? Number.NaN
  const measured = (costs: Costs, seconds: number): Costs =>
    withLocal(costs, 'node', placeCosts({ shardSeconds: seconds }))
  const once = measured(NO_COSTS, 1e-4)
  t.is(shardSeconds(once), 1e-4)
  const quieter = measured(once, 2e-5)
  t.true(shardSeconds(quieter) < 6e-5)
  t.is(quieter.local.node?.measurements, 2)
  t.true(shardSeconds(measured(once, 1e-2)) < 3e-3, 'one noisy run does not replace it')
  let costs = once
  for (let nth = 0; nth < 30; nth++) costs = measured(costs, 3e-4)
  t.true(Math.abs(shardSeconds(costs) / 3e-4 - 1) < 0.01)
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
