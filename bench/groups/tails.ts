// Jobs whose items are not alike: makespan against what no schedule can beat, max(sum / slots, longest item).
// Always true: the sum is the plain loop's, of the same language, in the same run.
import { type Bench, type Case, type Group, type Plan, warm } from '../group.js'
import type { PeerName } from '../peers.js'
import type { StationName } from '../rig.js'
import type { Samples } from '../samples.js'
import type { StationRequest } from '../stations/protocol.js'
import { type Row, three, time } from '../table.js'
import { fastThenSlow, lowerBound, paretoLast } from '../workload.js'

const SLOTS = 2
const SKEWED_ITEMS = 2000
const SKEWED_SECONDS = 3
const HALVES_ITEMS = 800

const JOBS = [
  { id: 'skewed', title: 'skewed job (Pareto, expensive at the end)', costs: paretoLast(SKEWED_ITEMS, SKEWED_SECONDS) },
  { id: 'halves', title: 'fast-then-slow job (1 us, then 5 ms)', costs: fastThenSlow(HALVES_ITEMS) },
] as const

interface Subject {
  readonly id: string
  readonly title: string
  readonly station: StationName
  readonly loop: 'loop' | 'python loop'
  readonly request?: Partial<StationRequest>
  readonly peer?: PeerName
  readonly goal?: number
}

const SUBJECTS: readonly Subject[] = [
  { id: 'local', title: 'local', station: 'ours', loop: 'loop', request: { as: 'f64', place: 'local' }, goal: 1.05 },
  {
    id: 'nats',
    title: 'NATS, one agent',
    station: 'ours nats',
    loop: 'loop',
    request: { as: 'f64', place: 'cluster' },
  },
  { id: 'piscina', title: 'Piscina, item by item', station: 'piscina', loop: 'loop', peer: 'Piscina' },
  {
    id: 'piscina 16',
    title: 'Piscina, 16 chunks',
    station: 'piscina',
    loop: 'loop',
    request: { chunks: 16 },
    peer: 'Piscina',
  },
  { id: 'pool', title: 'Python Pool.map', station: 'python pool', loop: 'python loop' },
  { id: 'pool1', title: 'Python Pool.map, chunksize 1', station: 'python pool1', loop: 'python loop' },
  { id: 'joblib', title: 'joblib', station: 'python joblib', loop: 'python loop', peer: 'joblib' },
]

/** A job of seconds warms up enough the first time. */
const once = (...of: Parameters<typeof warm>): Case => ({ ...warm(...of), warmUps: 1 })

const casesOf = async (bench: Bench, job: (typeof JOBS)[number], subjects: readonly Subject[]): Promise<Case[]> => {
  const node = { count: job.costs.length, turns: job.costs.map(seconds => bench.gate.turns(seconds)) }
  const perTurn = await bench.pythonTurns(1)
  const snake = { count: job.costs.length, turns: job.costs.map(seconds => Math.max(1, Math.round(seconds * perTurn))) }
  return [
    once(bench, `${job.id} loop`, 'ours', { job: 'spin', items: node, as: 'f64', by: 'loop' }),
    once(bench, `${job.id} python loop`, 'python loop', { job: 'spin', items: snake }),
    ...subjects.map(({ id, station, loop, request }) =>
      once(bench, `${job.id} ${id}`, station, { job: 'spin', items: loop === 'loop' ? node : snake, ...request }),
    ),
  ]
}

const rowOf = (samples: Samples, job: (typeof JOBS)[number], { id, title, loop, goal }: Subject): Row => {
  const sum = job.costs.reduce((all, seconds) => all + seconds, 0)
  const bound = (samples.median(`${job.id} ${loop}`) * lowerBound(job.costs, SLOTS)) / sum
  const wall = samples.median(`${job.id} ${id}`)
  return {
    title: `${job.title}, ${title}: makespan / max(sum / 2, longest)`,
    figure: `${three(wall / bound)} x (${time(wall)} against ${time(bound)})`,
    ...(goal !== undefined && { goal: { text: `<= ${goal} x`, isMet: wall / bound <= goal } }),
  }
}

const open = async (bench: Bench): Promise<Plan> => {
  const subjects = SUBJECTS.filter(({ peer }) => peer === undefined || bench.peers.has(peer))
  const cases = await Promise.all(JOBS.map(job => casesOf(bench, job, subjects)))
  return {
    cases: cases.flat(),
    rows: samples => JOBS.flatMap(job => subjects.map(subject => rowOf(samples, job, subject))),
  }
}

export const tails: Group = { id: 'tails', title: 'Uneven jobs on 2 slots', open }
