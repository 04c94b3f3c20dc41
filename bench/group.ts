// A group of measurements that belong together: its cases, and what is said of their samples.
// Always true: the cases of a group are run in turns, one repetition of each after the other, so that a slow spell of the
// machine meets all of them; a case that fails is told of and left out, and the others go on.
import type { Gate } from './gate.js'
import type { Peers } from './peers.js'
import type { Receipts } from './receipts.js'
import type { Rig, StationName } from './rig.js'
import { type Answer, Samples } from './samples.js'
import type { StationRequest } from './stations/protocol.js'
import type { Row } from './table.js'
import { time } from './table.js'

export interface Case {
  readonly id: string
  /** Further runs that are not counted, before the first one; 0 without it. */
  readonly warmUps?: number
  run(): Promise<Answer>
}

export interface Plan {
  readonly cases: readonly Case[]
  /** Times the repetitions asked for. */
  readonly times?: number
  /** Why something that belongs here is not measured. */
  readonly leftOut?: readonly string[]
  rows(samples: Samples): Row[]
  /** Further tables and charts, as Markdown. */
  text?(samples: Samples): string
}

export interface Bench {
  readonly rig: Rig
  readonly gate: Gate
  readonly peers: Peers
  readonly receipts: Receipts
  readonly repetitions: number
  /** Seconds of compute at each grain. */
  readonly grainSeconds: number
  readonly seeds: number
  /** How often Python's empty loop turns in that time. */
  pythonTurns(seconds: number): Promise<number>
  /** Where a chart goes, as SVG. */
  readonly saveChart: (svg: string) => void
  /** How far the run is. */
  readonly progress: (line: string) => void
  /** For whoever wants to see every run. */
  readonly tell: (line: string) => void
}

export interface Group {
  readonly id: string
  readonly title: string
  open(bench: Bench): Promise<Plan> | Plan
}

/** A case at a station that stays warm. */
export const warm = ({ rig }: Bench, id: string, station: StationName, request: StationRequest): Case => ({
  id,
  warmUps: 2,
  run: () => rig.measure(station, request),
})

/** So many cases that failed for one reason are named. */
const SHOWN = 3

export interface Measured {
  readonly samples: Samples
  /** What failed, and why. */
  readonly notes: readonly string[]
  /** Fewer repetitions than were asked for. */
  readonly isCut: boolean
}

/** What is left of the time for the whole run. */
export interface TimeLeft {
  /** For further repetitions. */
  readonly isEnough: () => boolean
  /** For anything at all. */
  readonly isAny: () => boolean
}

/** All failures of one kind in one sentence. */
const notesOf = (failures: ReadonlyMap<string, readonly string[]>): string[] =>
  Array.from(failures, ([why, ids]) => `${ids.slice(0, SHOWN).join(', ')}${ids.length > SHOWN ? ', …' : ''}: ${why}`)

export const measure = async (id: string, plan: Plan, bench: Bench, timeLeft: TimeLeft): Promise<Measured> => {
  const samples = new Samples()
  const failures = new Map<string, string[]>()
  let cases = plan.cases
  const attempt = async (each: Case, run: () => Promise<void>): Promise<void> => {
    try {
      if (!timeLeft.isAny()) throw new Error('no time was left')
      await run()
    } catch (error) {
      cases = cases.filter(other => other !== each)
      const why = error instanceof Error ? error.message : String(error)
      failures.set(why, [...(failures.get(why) ?? []), each.id])
    }
  }
  for (const each of plan.cases)
    for (let nth = 0; nth < (each.warmUps ?? 0); nth++)
      if (cases.includes(each)) await attempt(each, async () => void (await each.run()))
  const wanted = Math.max(1, Math.round(bench.repetitions * (plan.times ?? 1)))
  let repetitions = 0
  while (repetitions < wanted && (repetitions === 0 || timeLeft.isEnough())) {
    for (const each of cases)
      await attempt(each, async () => {
        const answer = await bench.gate.run(() => each.run())
        samples.add(each.id, answer)
        bench.tell(`${id}: ${each.id} took ${time(answer.seconds)}`)
        for (const account of answer.receipts ?? []) bench.receipts.add(`${id}: ${each.id}`, account)
      })
    repetitions++
    bench.progress(`${id}: ${repetitions} of ${wanted}`)
  }
  return { samples, notes: notesOf(failures), isCut: repetitions < wanted }
}
