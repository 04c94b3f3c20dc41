// The first call of a process, which is what users meet first: `pool.map` against the plain loop, either as the first that its
// process runs. Always true: each sample has a process of its own; the clock runs around the call alone, which makes the pool as well
// (to import the library is before it, to close the pool after it); the function itself is passed.
import type { Bench, Case, Group, Plan } from '../group.js'
import type { ItemsSpec, Job } from '../items.js'
import type { StationRequest } from '../stations/protocol.js'
import { bound, time } from '../table.js'

const LOOPS_SECONDS = [0.05, 0.25, 0.5, 1, 2]
const BUSY_LOOPS_SECONDS = [0.5, 1, 2]
const KINDS_SECONDS = 0.5
const ITEM_SECONDS = 50e-6
const WORDS = 200
/** What a text of so many words takes, in turns of the spin loop: about. */
const TURNS_PER_TEXT = 27_000
const GOAL = { factor: 1.05, plusSeconds: 0.01 }

interface Pair {
  readonly id: string
  readonly title: string
  readonly request: StationRequest
  readonly isBesideBusyLoop?: boolean
}

const numbers = (bench: Bench, seconds: number): ItemsSpec => ({
  count: Math.round(seconds / ITEM_SECONDS),
  turns: bench.gate.turns(ITEM_SECONDS),
})

const pairs = (bench: Bench): Pair[] => {
  const items = numbers(bench, KINDS_SECONDS)
  const texts = { count: Math.round(bench.gate.turns(KINDS_SECONDS) / TURNS_PER_TEXT), words: WORDS }
  const kind = (job: Job, title: string, request: Partial<StationRequest> = {}): Pair => ({
    id: title,
    title: `${time(KINDS_SECONDS)} of ${title}`,
    request: { job, items, ...request },
  })
  const spins = (seconds: number): Pair => ({
    id: time(seconds),
    title: `${time(seconds)} of numbers`,
    request: { job: 'spin', items: numbers(bench, seconds) },
  })
  return [
    ...LOOPS_SECONDS.map(spins),
    kind('scored', 'objects of 5 fields'),
    kind('promised', 'numbers by an async function'),
    kind('sorted', 'texts', { items: texts }),
    kind('spin', 'numbers by `imap`', { isStreamed: true }),
    ...BUSY_LOOPS_SECONDS.map(spins).map(pair => ({
      ...pair,
      id: `${pair.id} busy`,
      title: `${pair.title}, both beside one busy loop`,
      isBesideBusyLoop: true,
    })),
  ]
}

const casesOf = ({ rig }: Bench, { id, request, isBesideBusyLoop }: Pair): Case[] => {
  const fresh = (name: string, form: Partial<StationRequest>): Case => {
    const run: Case['run'] = () => rig.measureFresh('ours', { ...request, ...form })
    return { id: name, run: isBesideBusyLoop ? () => rig.besideBusyLoop(run) : run }
  }
  return [fresh(`loop ${id}`, { by: 'loop' }), fresh(id, { isCold: true, isPassed: true })]
}

const open = (bench: Bench): Plan => {
  const all = pairs(bench)
  return {
    cases: all.flatMap(pair => casesOf(bench, pair)),
    rows: samples =>
      all.map(({ id, title }) => bound(`first call of a process, ${title}`, samples, id, `loop ${id}`, GOAL)),
  }
}

export const first: Group = { id: 'first', title: 'The first call of a process against the loop it replaces', open }
