// The picture of docs/explain.md, made of round figures.
import test from 'ava'
import { renderExplanation } from '../../../coordinator/cli/explanation.js'
import { plainPaint } from '../../../coordinator/cli/verdict.js'
import type { Explained } from '../../../coordinator/explain.js'
import { type Places, predict, recommended, type Sample } from '../../../coordinator/predict.js'
import { clusterCosts, placeCosts } from '../costs-fixture.js'
import { end } from './fixtures.js'

const images: Sample = {
  items: 40,
  total: 12_000,
  itemSeconds: 0.0184,
  sigmaSeconds: 0.0061,
  longestSeconds: 0.03,
  cpuSeconds: undefined,
  loadSeconds: 0,
  warmUpSeconds: 0,
  bytesIn: 310_000,
  bytesOut: 42_000,
  textBytes: 352_000,
}

const explained = (sample: Sample, places: Partial<Places>, over: Partial<Explained> = {}): Explained => {
  const local = placeCosts()
  const predictions = predict(sample, { cores: 8, localSlots: [1, 8], local, ...places })
  return {
    name: 'resize',
    runner: 'node',
    concurrency: 1,
    sampling: { sample, end: end({ failed: 0 }), sampled: [], startSeconds: 0, seconds: 2.1 },
    sample,
    local,
    cluster: places.cluster,
    clusterFault: undefined,
    predictions,
    recommended: recommended(predictions),
    ...over,
  }
}
const linesOf = (of: Explained, isWhole = true): string[] => renderExplanation(of, plainPaint, isWhole).split('\n')

test('a sample is one line, and each place another, with what limits it', t => {
  const cluster = clusterCosts({ bytesPerSecond: 117.5e6 })
  const lines = linesOf(explained(images, { cluster }))
  t.is(
    lines[0],
    'resize  Sampled 40 of 12,000 items in 2.1 s · 18.4 ms an item (σ 6.1 ms) · in 303 KiB, out 41 KiB an item',
  )
  t.regex(lines[3] ?? '', /^ {2}inline \(a plain loop\) +3 min 41 s +1x +one core$/)
  t.regex(lines[5] ?? '', /^ {2}local, 8 slots +\d+(\.\d)? s +\d(\.\d+)?x +cores +<- recommended$/)
  t.regex(lines[6] ?? '', /^ {2}cluster, 24 slots .* network: 3\.93 GiB at 940 Mbit\/s measured$/)
  t.is(lines.length, 8)
})

test('a job that is better left alone says from how many items on it would pay', t => {
  const lines = linesOf(
    explained(
      { ...images, total: 5, itemSeconds: 0.001, sigmaSeconds: undefined, longestSeconds: 0.001, textBytes: 0 },
      {},
    ),
  )
  t.regex(lines[3] ?? '', /<- recommended$/)
  t.regex(lines.join('\n'), /More than one core pays from about \d+ such items\./)
})

test('items that cost more to hand over than to work are told so', t => {
  const local = placeCosts({ itemSeconds: 1e-6, callerItemSeconds: 1e-6 })
  const sample = {
    ...images,
    total: 1e9,
    itemSeconds: 1e-7,
    sigmaSeconds: undefined,
    longestSeconds: 1e-7,
    textBytes: 0,
  }
  const text = linesOf(explained(sample, { local }, { local })).join('\n')
  t.regex(text, /handing over: 1 µs an item, 20 µs a shard/)
  t.regex(text, /More cores would not make it faster, however many such items there are\./)
})

test('a function that waits, failures of the sample and a cluster that is not there are named', t => {
  const waits = explained({ ...images, cpuSeconds: 0.002 }, {}, { clusterFault: 'no agent has joined' })
  const failed = end({ failed: 3, failures: [{ index: 7, reason: 'error', message: 'no such file\nmore' }] })
  const text = linesOf({ ...waits, sampling: { ...waits.sampling, end: failed } }).join('\n')
  t.regex(text, /waiting: 10\.9 % of an item is on a core/)
  t.regex(text, /several items at once in each worker \(--concurrency\)/)
  t.regex(text, /3 sampled items failed, the first with: no such file\n/)
  t.regex(text, /No prediction for the cluster: no agent has joined/)
})

test('an input that was not read to its end is not claimed to be', t => {
  t.regex(linesOf(explained(images, {}), false)[0] ?? '', /of the first 12,000 items/)
})
