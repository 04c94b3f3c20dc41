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
  return { job: JOB_OF[payload], items: { count: turns.length, turns, padBytes } }
}

interface Regret {
  readonly job: RandomJob
  readonly seconds: number
  readonly better: number
}

const regretsOf = (jobs: readonly RandomJob[], samples: Samples): Regret[] =>
  jobs.flatMap(job => {
    const [auto, inline, local] = PLACES.map(place => samples.median(`${job.seed} ${place}`)) as [
      number,
      number,
      number,
    ]
    const better = Math.min(inline, local)
    return Number.isFinite(auto + better) ? [{ job, seconds: auto - better, better }] : []
  })

const rowsOf = (regrets: readonly Regret[]): Row[] => {
  const beyond = regrets.map(({ seconds, better }) => seconds - REGRET.part * better)
  const p95 = quantile(beyond, 0.95)
  const worst = regrets.toSorted((a, b) => b.seconds - b.better * REGRET.part - (a.seconds - a.better * REGRET.part))[0]
  const sums = regrets.reduce(
    (all, { seconds, better }) => ({ auto: all.auto + seconds + better, better: all.better + better }),
    { auto: 0, better: 0 },
  )
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
    { title: '`auto` / the better of both, all random jobs together', figure: `${three(sums.auto / sums.better)} x` },
    ...(worst === undefined
      ? []
      : [
          {
            title: 'the largest regret',
            figure: `${time(worst.seconds)} on ${time(worst.better)}: seed ${worst.job.seed}, ${worst.job.costsSeconds.length} ${worst.job.payload}, costs ${worst.job.spread}`,
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
