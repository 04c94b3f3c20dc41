import test from 'ava'
import type { Curve } from '../../../coordinator/cli/curves.js'
import { benchJson, renderBench } from '../../../coordinator/cli/curves-text.js'

const curve: Curve = {
  runner: 'node',
  cut: 'one item',
  slots: 2,
  points: [
    { taskSeconds: 1e-3, granularitySeconds: 1.02e-3, efficiency: 0.98 },
    { taskSeconds: 3e-5, granularitySeconds: 6e-5, efficiency: 0.5 },
  ],
  half: { seconds: 3e-5, isBound: true },
  most: undefined,
}
const about = { place: 'local', cores: 2, loadBefore: 0.1 } as const

test('the table has METG, the chart a bar a duration', t => {
  const lines = renderBench([curve], about).split('\n')
  t.regex(lines[0] ?? '', /this machine, 2 slots/)
  t.regex(lines[3] ?? '', /^ {2}node, one item a shard +≤ 30 µs +not reached$/)
  t.is(lines[6], `        1 ms  ${'█'.repeat(39)}▎    98 %`)
  t.is(lines[7], `       30 µs  ${'█'.repeat(20).padEnd(40)}    50 %`)
})

test('a machine that was busy is told of, a cluster’s own machine is not known', t => {
  t.notRegex(renderBench([curve], about), /busy/)
  t.regex(renderBench([curve], { ...about, loadBefore: 3 }), /busy before \(load 3 on 2 cores\)/)
  t.regex(renderBench([curve], { ...about, place: 'cluster' }), /on the cluster/)
})

test('programs get the points and both figures', t => {
  const json = benchJson([curve], about)
  t.is(json.schema, 'manyhands.bench/1')
  t.like(json.curves[0], { shards: 'one item', metg_50: { seconds: 3e-5, is_bound: true }, metg_95: null })
  t.is(json.curves[0]?.points.length, 2)
})
