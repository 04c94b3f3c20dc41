// Samples, calibration and predictions with real workers. Functions that wait, not compute, so that a busy machine tells
// little; what is asserted of times are generous ratios.
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { calibrateLocal } from '../../coordinator/calibrate.js'
import { readCosts } from '../../coordinator/costs.js'
import { type ExplainOptions, explain, explainedJson, slotCounts } from '../../coordinator/explain.js'
import type { AnyFunction } from '../../coordinator/function/function.js'
import { literalFunction } from '../../coordinator/function/literal.js'
import { openRange, range } from '../../coordinator/input/range.js'
import { JOB_DEFAULTS } from '../../coordinator/job.js'
import { openLocal } from '../../coordinator/local.js'
import { runSample } from '../../coordinator/sampling.js'
import { spreadOfRange } from '../../coordinator/spread.js'
import { unpackItems } from '../../proto/items.js'
import { monotonicSeconds } from '../../proto/timing.js'

const CORES = 2
const open = (slots: number) => openLocal({ slots, onPrint: () => {} })
const spreadTo = (total: number) => spreadOfRange(total, (start, count) => ({ form: 'range', start, step: 1, count }))

const sampling = async (fn: AnyFunction, total: number, over: { seconds?: number; mostItems?: number } = {}) => {
  const hands = open(1)
  try {
    return await runSample({
      hands,
      request: { function: await literalFunction(fn), options: JOB_DEFAULTS },
      picks: spreadTo(total).picks,
      total,
      seconds: 1,
      mostItems: 1000,
      keeps: true,
      clock: monotonicSeconds,
      ...over,
    })
  } finally {
    await hands.close()
  }
}

test.serial('a sample knows what an item takes, keeps what it gave, and ends in its time', async t => {
  const wait = async (ms: number) => {
    await new Promise(go => setTimeout(go, 30 + (ms % 2)))
    return ms * 2
  }
  const { sample, sampled, seconds, end } = await sampling(wait, 10_000, { seconds: 0.5 })
  t.is(end.state, 'done')
  t.true(sample.itemSeconds > 0.025 && sample.itemSeconds < 0.09, `${sample.itemSeconds} s an item`)
  t.true(seconds < 10)
  t.is(sampled.length, sample.items)
  t.true(sample.items >= 3 && sample.items < 40)
  const indices = sampled.map(({ index }) => index)
  t.deepEqual(
    indices,
    [...indices].sort((a, b) => a - b),
  )
  t.true((indices.at(-1) ?? 0) > 5000, 'items from all over the input')
  for (const { index, outcome, item } of sampled) {
    t.deepEqual(unpackItems(item), [index])
    t.true('value' in outcome && unpackItems(outcome.value)[0] === index * 2)
  }
})

test.serial('items of microseconds are tried many at a time', async t => {
  const { sample, end } = await sampling((x: number) => Math.sqrt(x), 1_000_000, { mostItems: 200_000 })
  t.is(end.state, 'done')
  t.true(sample.items > 1000)
  t.true(sample.itemSeconds > 0 && sample.itemSeconds < 1e-4)
})

test.serial('a small input is tried whole, and failures are kept like values', async t => {
  const odd = (x: number) => {
    if (x % 2) throw new Error(`odd ${x}`)
    return x
  }
  const { sampled, sample, end } = await sampling(odd, 5)
  t.is(sample.items, 5)
  t.is(end.failed, 2)
  t.deepEqual(
    sampled.map(({ outcome }) => ('failure' in outcome ? outcome.failure.index : undefined)),
    [undefined, 1, undefined, 3, undefined],
  )
})

test.serial('a sample ends when what it keeps takes too much memory', async t => {
  // Of items that all take the same enough would be known before.
  const large = async (x: number) => {
    await new Promise(go => setTimeout(go, 10 + 20 * Math.random()))
    return 'x'.repeat(2 << 20) + x
  }
  const { end, sampled } = await sampling(large, 1000, { seconds: 60 })
  t.is(end.state, 'done')
  t.true(sampled.length >= 16 && sampled.length < 200, `${sampled.length}`)
})

test.serial('calibration measures every cost of this machine', async t => {
  const hands = open(CORES)
  const costs = await calibrateLocal({ hands, runner: 'node' })
  await hands.close()
  t.true(costs.startSeconds > 0.005 && costs.startSeconds < 10)
  t.true(costs.jobSeconds > 0 && costs.jobSeconds < 1)
  t.true(costs.shardSeconds > 0 && costs.shardSeconds < 0.1)
  t.true(costs.itemSeconds >= 0 && costs.itemSeconds < 1e-3)
  t.true(costs.byteSeconds >= 0 && costs.byteSeconds < 1e-4)
  t.true(costs.callerShardSeconds > 0 && costs.callerShardSeconds < 0.1)
})

test.serial('a prediction is near what the job takes, and costs are remembered', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'manyhands-explain-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const where = { cores: CORES, file: join(folder, 'costs.json') }
  const fn = await literalFunction(async (x: number) => {
    await new Promise(go => setTimeout(go, 20))
    return x
  })
  const total = 300
  // By itself a worker takes up more than one item that waits.
  const jobOptions = { ...JOB_DEFAULTS, concurrency: 1 }
  const options: ExplainOptions = {
    openLocal: async slots => open(slots),
    slots: CORES,
    costs: where,
    request: { function: fn, options: jobOptions },
    spread: spreadTo(total),
    isRange: true,
    keeps: false,
    clock: monotonicSeconds,
  }
  const explained = await explain(options)
  t.deepEqual((await readCosts(where)).local.node, explained.local)
  t.is((await explain(options)).local.measurements, 2, 'one measurement may have been made on a busy machine')
  const third = await explain(options)
  t.deepEqual((await explain(options)).local, third.local, 'three are enough')
  t.is(explained.recommended.place, 'local', JSON.stringify(explainedJson(explained)))
  t.is(explained.recommended.slots, CORES)
  const { seconds, speedup } = explained.recommended
  t.true(speedup > 1.3 && speedup <= 2, `${speedup}`)
  const hands = open(CORES)
  const { receipt } = await hands.run({
    function: fn,
    operation: 'map',
    input: openRange(range(total)),
    output: { write: async () => {}, commit: async () => {}, abandon: async () => {} },
    options: jobOptions,
  })
  await hands.close()
  const ratio = receipt.wall_seconds / seconds
  t.true(ratio > 0.4 && ratio < 2.5, `predicted ${seconds} s, took ${receipt.wall_seconds} s`)
  const json = explainedJson(explained)
  t.is(json.schema, 'manyhands.explain/1')
  t.is(json.predictions.filter(prediction => prediction.recommended).length, 1)
  t.is(json.sample.total, total)
})

test('slots are explained from one on, by doubling where they are many', t => {
  t.deepEqual(slotCounts(1), [1])
  t.deepEqual(slotCounts(3), [1, 2, 3])
  t.deepEqual(slotCounts(24), [1, 2, 4, 8, 16, 24])
  t.deepEqual(slotCounts(32), [1, 2, 4, 8, 16, 32])
})
