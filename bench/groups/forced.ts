// The founding job forced to this machine's workers, against what the bare parts allow, and against Piscina by hand.
import { type Bench, type Group, type Plan, warm } from '../group.js'
import { ratio, took } from '../table.js'

const request = { job: 'sqrt', items: { from: 10, count: 5_000_000 - 10 } } as const

const open = (bench: Bench): Plan => {
  const hasPiscina = bench.peers.has('Piscina')
  return {
    cases: [
      warm(bench, 'floor', 'floor', { ...request, as: 'f64' }),
      warm(bench, 'f64', 'ours', { ...request, as: 'f64', place: 'local' }),
      warm(bench, 'array', 'ours', { ...request, place: 'local' }),
      warm(bench, 'nats', 'ours nats', { ...request, as: 'f64', place: 'cluster' }),
      ...(hasPiscina ? [warm(bench, 'piscina', 'piscina', { ...request, chunks: 16 })] : []),
    ],
    rows: samples => [
      ratio("5,000,000 roots forced local, `as: 'f64'`, warm, against the bare floor", samples, 'f64', 'floor', {
        most: 1.4,
      }),
      took('the floor: two framed children, packed doubles', samples.values('floor')),
      took("forced local, `as: 'f64'`", samples.values('f64')),
      took('forced local, an array of numbers', samples.values('array')),
      took("NATS, one agent, `as: 'f64'`", samples.values('nats')),
      ...(hasPiscina
        ? [
            took('Piscina, 16 chunks by hand', samples.values('piscina')),
            ratio("Piscina by hand / forced local, `as: 'f64'`", samples, 'piscina', 'f64'),
          ]
        : []),
    ],
  }
}

export const forced: Group = { id: 'forced', title: 'Forced to local workers: 5,000,000 square roots, warm', open }
