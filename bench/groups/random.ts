// Random jobs: what `auto` loses against the better of running inline and forced to local workers.
import { type Bench, type Group, type Plan, warm } from '../group.js'
import { quantile, type Samples } from '../samples.js'
import type { StationRequest } from '../stations/protocol.js'
import { percent, type Row, three, time } from '../table.js'
import { type RandomJob, randomJob } from '../workload.js'

const PLACES = ['auto', 'inline', 'local'] as const
const REGRET = { part: 0.1, plusSeconds: 0.005 }
const JOB_OF = { numbers: 'spin', records: 'record', texts: 'padded' } as const

const requestOf = (bench: Bench, { payload, costsSeconds, padBytes }: RandomJob): StationRequest => {
  const turns = costsSeconds.map(seconds => bench.gate.turns(seconds))
  return { job: JOB_OF[payload], items: { count: turns.length, turns, padBytes }, isCollected: true }
}

interface Regret {
  readonly job: RandomJob
  /** More than the better of both took. */
  readonly seconds: number
  readonly betterSeconds: number
  /** What is left of it after the part that is allowed. */
  readonly beyondSeconds: number
}

const regretsOf = (jobs: readonly RandomJob[], samples: Samples): Regret[] =>
  jobs.flatMap(job => {
    const took = (place: (typeof PLACES)[number]): number => samples.median(`${job.seed} ${place}`)
    const betterSeconds = Math.min(took('inline'), took('local'))
    const seconds = took('auto') - betterSeconds
    if (!Number.isFinite(seconds)) return []
    return [{ job, seconds, betterSeconds, beyondSeconds: seconds - REGRET.part * betterSeconds }]
  })

const rowsOf = (regrets: readonly Regret[]): Row[] => {
  const beyond = regrets.map(({ beyondSeconds }) => beyondSeconds)
  const p95 = quantile(beyond, 0.95)
  const worst = regrets.toSorted((a, b) => b.beyondSeconds - a.beyondSeconds)[0]
  const lost = regrets.reduce((all, { seconds }) => all + seconds, 0)
  const better = regrets.reduce((all, { betterSeconds }) => all + betterSeconds, 0)
  return [
    {
      title: `${regrets.length} random jobs: regret of \`auto\` against the better of inline and local, p95`,
      figure: `10 % ${p95 < 0 ? '-' : '+'} ${time(Math.abs(p95))}`,
      goal: { text: '<= 10 % + 5 ms', isMet: p95 <= REGRET.plusSeconds },
    },
    {
      title: 'random jobs within 10 % + 5 ms of the better',
      figure: percent(beyond.filter(seconds => seconds <= REGRET.plusSeconds).length / beyond.length),
    },
    { title: '`auto` / the better of both, all random jobs together', figure: `${three(1 + lost / better)} x` },
    ...(worst === undefined
      ? []
      : [
          {
            title: 'the largest regret',
            figure: `${time(worst.seconds)} on ${time(worst.betterSeconds)}: seed ${worst.job.seed}, ${worst.job.costsSeconds.length} ${worst.job.payload}, costs ${worst.job.spread}`,
          },
        ]),
  ]
}

const open = (bench: Bench): Plan => {
  const jobs = Array.from({ length: bench.seeds }, (_, seed) => randomJob(seed))
  return {
    times: 0.6,
    cases: jobs.flatMap(job => {
      const request = requestOf(bench, job)
      return PLACES.map(place => ({
        ...warm(bench, `${job.seed} ${place}`, 'ours', { ...request, place }),
        warmUps: 1,
      }))
    }),
    rows: samples => rowsOf(regretsOf(jobs, samples)),
  }
}

export const random: Group = { id: 'random', title: 'Random jobs, placed by `auto`', open }
