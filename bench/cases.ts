// What is measured, group by group, and what is said of it. In: a rig. Out: cases, whose samples are seconds; rows of a
// table made of their medians. Always true: the cases of a group are run in turns, so that a slow spell meets all of them.
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Gate } from './gate.js'
import { MANYHANDS, NODE, type Rig, type StationName, wholeProcess } from './rig.js'
import type { StationAnswer, StationRequest } from './stations/protocol.js'
import { perItem, type Row, ratio, type Samples, seconds, share } from './table.js'

export interface Case {
  readonly id: string
  /** Further runs that are not counted, before the first one. */
  readonly warm: boolean
  run(): Promise<StationAnswer>
}

export interface Group {
  readonly id: string
  readonly title: string
  /** Times the repetitions asked for. */
  readonly times?: number
  readonly cases: readonly Case[]
  rows(samples: Samples): Row[]
}

const SLOTS = 2
const SPIN_ITEMS = 4000
const SPIN_SECONDS = 0.001
const NOOP_ITEMS = 100_000
const SQRT = { from: 10, end: 5_000_000 } as const

export const groupsOf = (rig: Rig, gate: Gate): Group[] => [
  efficiency(rig, gate),
  handingOver(rig),
  roots(rig),
  startUp(),
]

const at = (rig: Rig, station: StationName, request: StationRequest, id: string): Case => ({
  id,
  warm: true,
  run: () => rig.measure(station, request),
})

const cold = (id: string, command: () => Promise<readonly string[]> | readonly string[], check = noCheck): Case => ({
  id,
  warm: false,
  run: async () => {
    const answer = { seconds: await wholeProcess(await command()) }
    await check()
    return answer
  },
})

const noCheck = async (): Promise<void> => {}

const efficiency = (rig: Rig, gate: Gate): Group => {
  const request = { job: 'spin', from: 0, count: SPIN_ITEMS, turns: gate.turns(SPIN_SECONDS) } as const
  return {
    id: 'efficiency',
    title: `Efficiency: ${SPIN_ITEMS} items of 1 ms on ${SLOTS} slots`,
    cases: [
      at(rig, 'loop', request, 'loop'),
      at(rig, 'local', request, 'local'),
      at(rig, 'nats', request, 'nats'),
      at(rig, 'piscina', { ...request, how: '16' }, 'piscina'),
    ],
    rows: samples => {
      const serial = samples.median('loop')
      const against = (id: string) => samples.values(id).map(wall => serial / (SLOTS * wall))
      return [
        seconds('plain loop, one core', samples.values('loop')),
        seconds('manyhands, local', samples.values('local')),
        share('… loop / (2 x wall)', against('local')),
        share('… compute / (2 x wall), as its receipt says', samples.efficiencies('local'), { least: 0.95 }),
        seconds('manyhands, NATS, one agent', samples.values('nats')),
        share('… loop / (2 x wall)', against('nats')),
        share('… compute / (2 x wall), as its receipt says', samples.efficiencies('nats'), { least: 0.9 }),
        seconds('Piscina, 16 chunks by hand', samples.values('piscina')),
        share('… loop / (2 x wall)', against('piscina')),
      ]
    },
  }
}

const handingOver = (rig: Rig): Group => {
  const request = { job: 'noop', from: 0, count: NOOP_ITEMS } as const
  const output = join(rig.folder, 'noop.f64')
  const ours = ['map', 'dist/bench/functions.js#noop', '--range', `0..${NOOP_ITEMS}`, '--quiet', '--output', output]
  const check = () => checkDoubles(output, NOOP_ITEMS, NOOP_ITEMS - 1)
  const numbers = ['noop', '0', String(NOOP_ITEMS)]
  const cases: [Case, string][] = [
    [at(rig, 'local', { ...request, how: 'boxed' }, 'local'), 'manyhands, local, warm pool'],
    [at(rig, 'nats', { ...request, how: 'boxed' }, 'nats'), 'manyhands, NATS, warm pool'],
    [at(rig, 'python pool', request, 'pool'), 'Python Pool(2).map, warm'],
    [at(rig, 'piscina', { ...request, how: '16' }, 'piscina 16'), 'Piscina, 16 chunks by hand, warm'],
    [at(rig, 'piscina', { ...request, how: '100' }, 'piscina 100'), 'Piscina, 100 chunks by hand, warm'],
    [cold('cold', () => [NODE, MANYHANDS, ...ours, '--slots', '2'], check), 'manyhands map, local, whole process'],
    [
      cold('cold nats', async () => [NODE, MANYHANDS, ...ours, '--nats', await rig.nats()], check),
      'manyhands map, NATS, whole process',
    ],
    [cold('cold pool', () => rig.python('pool', ...numbers)), 'Python Pool(2).map, whole process'],
    [cold('cold piscina', () => rig.piscina(...numbers, '16')), 'Piscina, 16 chunks, whole process'],
  ]
  return {
    id: 'items',
    title: `What an item costs: ${NOOP_ITEMS.toLocaleString('en-US')} items that do nothing`,
    cases: cases.map(([each]) => each),
    rows: samples => [
      ...cases.map(([{ id }, title]) => perItem(title, samples.values(id), NOOP_ITEMS)),
      ratio('manyhands local / Pool.map, warm', samples, 'local', 'pool'),
      ratio('manyhands local / Piscina 16 chunks, warm', samples, 'local', 'piscina 16'),
      ratio('manyhands local / Pool.map, whole process', samples, 'cold', 'cold pool'),
      ratio('manyhands local / Piscina, whole process', samples, 'cold', 'cold piscina'),
    ],
  }
}

const roots = (rig: Rig): Group => {
  const count = SQRT.end - SQRT.from
  const request = { job: 'sqrt', from: SQRT.from, count } as const
  const output = join(rig.folder, 'roots.f64')
  const ours = ['map', 'examples/sqrt.ts', '--range', '10..5_000_000', '--slots', '2', '--quiet', '--output', output]
  const numbers = ['sqrt', String(SQRT.from), String(count)]
  const cases: [Case, string][] = [
    [at(rig, 'local', { ...request, how: 'f64' }, 'f64'), "manyhands, local, warm, as: 'f64'"],
    [at(rig, 'local', { ...request, how: 'boxed' }, 'boxed'), 'manyhands, local, warm, an array of numbers'],
    [at(rig, 'local python', request, 'python'), 'manyhands, local, warm, a Python function, as doubles'],
    [at(rig, 'nats', { ...request, how: 'f64' }, 'nats'), "manyhands, NATS, warm, as: 'f64'"],
    [at(rig, 'python pool', request, 'pool'), 'Python Pool(2).map, warm'],
    [at(rig, 'piscina', { ...request, how: '16' }, 'piscina'), 'Piscina, 16 chunks by hand, warm'],
    [at(rig, 'loop', request, 'loop'), 'plain loop in Node'],
    [at(rig, 'python loop', request, 'python loop'), 'plain loop in Python'],
    [
      cold(
        'cold',
        () => [NODE, MANYHANDS, ...ours],
        () => checkDoubles(output, count, Math.sqrt(SQRT.end - 1)),
      ),
      'manyhands map, local, whole process',
    ],
    [cold('cold pool', () => rig.python('pool', ...numbers)), 'Python Pool(2).map, whole process'],
    [cold('cold piscina', () => rig.piscina(...numbers, '16')), 'Piscina, 16 chunks, whole process'],
  ]
  return {
    id: 'roots',
    title: '5,000,000 square roots',
    cases: cases.map(([each]) => each),
    rows: samples => [
      ...cases.map(([{ id }, title]) => seconds(title, samples.values(id))),
      ratio('Pool.map / manyhands, Python function, warm', samples, 'pool', 'python', { least: 2.5 }),
      ratio('plain Python loop / manyhands, Python function, warm', samples, 'python loop', 'python', { least: 1 }),
      ratio("Piscina / manyhands as: 'f64', warm", samples, 'piscina', 'f64', { least: 8 }),
      ratio('Pool.map / manyhands over NATS, warm', samples, 'pool', 'nats', { least: 2 }),
      ratio('Pool.map / manyhands, whole process', samples, 'cold pool', 'cold', { least: 1 }),
      ratio('Piscina / manyhands, whole process', samples, 'cold piscina', 'cold', { least: 2 }),
    ],
  }
}

const startUp = (): Group => ({
  id: 'start',
  title: 'Start-up of the command',
  times: 4,
  cases: [cold('node', () => [NODE, '-e', '0']), cold('help', () => [NODE, MANYHANDS, '--help'])],
  rows: samples => [
    seconds('node -e 0', samples.values('node')),
    seconds('manyhands --help', samples.values('help')),
    ratio('manyhands --help / node -e 0', samples, 'help', 'node', { most: 2.5 }),
  ],
})

/** Outside the clock: as many doubles as items, and the last one right. */
const checkDoubles = async (path: string, count: number, last: number): Promise<void> => {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const { buffer } = await file.read(Buffer.alloc(8), 0, 8, size - 8)
    const got = buffer.readDoubleLE(0)
    if (size !== 8 * count || got !== last)
      throw new Error(`${path} has ${size} bytes and ends with ${got}: expected ${8 * count}, ${last}`)
  } finally {
    await file.close()
  }
}
