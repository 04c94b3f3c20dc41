// Efficiency against grain, from 0.1 us to 100 ms an item, and the smallest grain at which half of both cores works on items.
// Always true: efficiency is what the plain loop of the same language takes for an item, in the same run, x items / (2 x wall).
import { svgChart, textChart } from '../chart.js'
import { type Bench, type Case, type Group, type Plan, warm } from '../group.js'
import { type GrainPoint, type Metg, metg } from '../metg.js'
import type { Samples } from '../samples.js'
import { percent, type Row, time } from '../table.js'
import { LOOPS, type LoopName, SUBJECTS, type Subject } from './subjects.js'

const SLOTS = 2
const HALF = 0.5
const GRAINS = [0.1e-6, 0.3e-6, 1e-6, 3e-6, 10e-6, 100e-6, 1e-3, 10e-3, 100e-3]
/** Fewer: the slots do not end together, and efficiency is about luck. */
const LEAST_ITEMS = 8
const LEAST_LOOP_ITEMS = 3
/** A loop needs less time than a pool for a steady figure. */
const LOOP_PART = 0.4

const itemsAt = (seconds: number, grain: number, least: number, most: number): number =>
  Math.round(Math.max(least, Math.min(most, seconds / grain)))

interface Point {
  readonly grain: number
  readonly count: number
  readonly loopCount: number
}

const pointsOf = ({ grainSeconds }: Bench, subject: Subject): Point[] =>
  GRAINS.filter(grain => grain >= subject.leastGrain).map(grain => ({
    grain,
    count: itemsAt(grainSeconds, grain, LEAST_ITEMS, subject.mostItems),
    loopCount: itemsAt(grainSeconds * LOOP_PART, grain, LEAST_LOOP_ITEMS, LOOPS[subject.loop].mostItems),
  }))

const turnsFor = async ({ gate, pythonTurns }: Bench, loop: LoopName, grain: number): Promise<number> =>
  LOOPS[loop].isPython ? await pythonTurns(grain) : gate.turns(grain)

const casesOf = async (bench: Bench, subjects: readonly Subject[]): Promise<Case[]> => {
  const cases = new Map<string, Case>()
  for (const subject of subjects)
    for (const { grain, count, loopCount } of pointsOf(bench, subject)) {
      const turns = await turnsFor(bench, subject.loop, grain)
      const { station, request } = LOOPS[subject.loop]
      const loopId = `${subject.loop} ${grain}`
      cases.set(loopId, warmUpOnce(warm(bench, loopId, station, { ...request, items: { count: loopCount, turns } })))
      const id = `${subject.id} ${grain}`
      cases.set(id, warmUpOnce(warm(bench, id, subject.station, { ...subject.request, items: { count, turns } })))
    }
  return [...cases.values()]
}

const warmUpOnce = (each: Case): Case => ({ ...each, warmUps: 1 })

/** A place for each grain; none where it was not measured. */
type Curve = readonly (GrainPoint | undefined)[]

/** At the grain that the loop really had. */
const curveOf = (bench: Bench, subject: Subject, samples: Samples): Curve => {
  const points = new Map(pointsOf(bench, subject).map(point => [point.grain, point]))
  return GRAINS.map(grain => {
    const point = points.get(grain)
    if (point === undefined) return undefined
    const perItem = samples.median(`${subject.loop} ${grain}`) / point.loopCount
    const efficiency = (perItem * point.count) / (SLOTS * samples.median(`${subject.id} ${grain}`))
    return Number.isFinite(efficiency) ? { grainSeconds: perItem, efficiency } : undefined
  })
}

const metgOf = (curve: Curve): Metg | undefined => {
  const points = curve.filter(point => point !== undefined)
  return points.length > 0 ? metg(points, HALF) : undefined
}

const SIGNS = { exact: '', most: '<= ', more: '> ' }
const shown = (found: Metg | undefined): string =>
  found === undefined ? 'not measured' : `${SIGNS[found.is]}${time(found.seconds)}`

const rowOf = ({ title, goalSeconds }: Subject, curve: Curve): Row => {
  const found = metgOf(curve)
  const isMet = found !== undefined && found.is !== 'more' && found.seconds <= (goalSeconds ?? 0)
  return {
    title: `METG(50 %) an item: ${title}`,
    figure: shown(found),
    ...(goalSeconds !== undefined && { goal: { text: `<= ${time(goalSeconds)}`, isMet } }),
  }
}

const matrix = (curves: ReadonlyMap<Subject, Curve>): string => {
  const head = ['', ...GRAINS.map(time), 'METG(50 %)']
  const lines = Array.from(curves, ([{ title }, curve]) => [
    title,
    ...curve.map(point => (point === undefined ? '' : percent(point.efficiency))),
    shown(metgOf(curve)),
  ])
  return [head, head.map(() => '---'), ...lines].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

const open = async (bench: Bench): Promise<Plan> => {
  const subjects = SUBJECTS.filter(({ peer }) => peer === undefined || bench.peers.has(peer))
  const curves = (samples: Samples): Map<Subject, Curve> =>
    new Map(subjects.map(subject => [subject, curveOf(bench, subject, samples)]))
  return {
    cases: await casesOf(bench, subjects),
    rows: samples => Array.from(curves(samples), ([subject, curve]) => rowOf(subject, curve)),
    text: samples => {
      const all = curves(samples)
      const lines = Array.from(all, ([{ title }, points]) => ({ title, points }))
      bench.saveChart(svgChart('Efficiency on 2 slots against grain', lines, GRAINS))
      return `Efficiency on ${SLOTS} slots:\n\n${matrix(all)}\n\n\`\`\`text\n${textChart(lines, GRAINS)}\n\`\`\``
    },
  }
}

export const grains: Group = { id: 'grains', title: 'Grains: efficiency from 0.1 us to 100 ms an item', open }
