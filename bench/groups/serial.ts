// What a plain loop would have taken, as the receipt of a job that loses says, against the loop as it is measured.
import { type Bench, type Group, type Plan, warm } from '../group.js'
import { median, type Samples } from '../samples.js'
import type { StationRequest } from '../stations/protocol.js'
import { type Row, three, time } from '../table.js'

const MOST_OFF = 0.1

const jobs = (bench: Bench): { readonly id: string; readonly title: string; readonly request: StationRequest }[] => {
  const spin = (count: number, seconds: number): StationRequest => ({
    job: 'spin',
    items: { count, turns: bench.gate.turns(seconds) },
    as: 'f64',
  })
  const roots = { job: 'sqrt', items: { from: 10, count: 5_000_000 - 10 } } as const
  return [
    { id: 'roots', title: '5,000,000 roots', request: { ...roots, as: 'f64' } },
    { id: 'tiny', title: '400,000 items of 0.3 us', request: spin(400_000, 0.3e-6) },
    { id: 'small', title: '100,000 items of 4 us', request: spin(100_000, 4e-6) },
  ]
}

const rowOf = (samples: Samples, id: string, title: string): Row => {
  const told = median(samples.told(id, 'serialSeconds'))
  const loop = samples.median(`loop ${id}`)
  return {
    title: `serial estimate of a job forced local, ${title}, against the measured loop`,
    figure: `${three(told / loop)} x (${time(told)} against ${time(loop)}; the job took ${time(samples.median(id))})`,
    goal: { text: '0.9 x to 1.1 x', isMet: Math.abs(told / loop - 1) <= MOST_OFF },
  }
}

const open = (bench: Bench): Plan => {
  const all = jobs(bench)
  return {
    cases: all.flatMap(({ id, request }) => [
      warm(bench, `loop ${id}`, 'ours', { ...request, by: 'loop' }),
      warm(bench, id, 'ours', { ...request, place: 'local' }),
    ]),
    rows: samples => all.map(({ id, title }) => rowOf(samples, id, title)),
  }
}

export const serial: Group = { id: 'serial', title: 'What the receipt says a loop would have taken', open }
