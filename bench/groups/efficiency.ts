// Items of 1 ms on two slots: the part of both cores that works on items.
import { type Bench, type Group, type Plan, warm } from '../group.js'
import type { Samples } from '../samples.js'
import { share, took } from '../table.js'

const SLOTS = 2
const ITEMS = 2000
const ITEM_SECONDS = 0.001

const open = (bench: Bench): Plan => {
  const request = { job: 'spin', items: { count: ITEMS, turns: bench.gate.turns(ITEM_SECONDS) }, as: 'f64' } as const
  const hasPiscina = bench.peers.has('Piscina')
  const against = (samples: Samples, id: string): number[] => {
    const serial = samples.median('loop')
    return samples.values(id).map(wall => serial / (SLOTS * wall))
  }
  return {
    cases: [
      warm(bench, 'loop', 'ours', { ...request, by: 'loop' }),
      warm(bench, 'local', 'ours', { ...request, place: 'local' }),
      warm(bench, 'nats', 'ours nats', { ...request, place: 'cluster' }),
      warm(bench, 'bare', 'floor', request),
      ...(hasPiscina
        ? [
            warm(bench, 'piscina', 'piscina', { job: 'spin', items: request.items }),
            warm(bench, 'piscina 16', 'piscina', { job: 'spin', items: request.items, chunks: 16 }),
          ]
        : []),
    ],
    rows: samples => [
      share('efficiency at 1 ms an item, local: loop / (2 x wall)', against(samples, 'local'), { least: 0.97 }),
      share('efficiency at 1 ms an item, NATS: loop / (2 x wall)', against(samples, 'nats'), { least: 0.95 }),
      share('two bare processes, half of the items each: what this machine gives', against(samples, 'bare')),
      share('compute / (2 x wall), as the receipt says, local', samples.told('local', 'efficiency')),
      share('compute / (2 x wall), as the receipt says, NATS', samples.told('nats', 'efficiency')),
      ...(hasPiscina
        ? [
            share('Piscina, item by item', against(samples, 'piscina')),
            share('Piscina, 16 chunks by hand', against(samples, 'piscina 16')),
          ]
        : []),
      took(`a plain loop over ${ITEMS} items, one core`, samples.values('loop')),
    ],
  }
}

export const efficiency: Group = {
  id: 'efficiency',
  title: `Efficiency: ${ITEMS} items of 1 ms on ${SLOTS} slots`,
  open,
}
