// Curves of efficiency as people and programs read them. Pure. In: curves. Out: a table of METG, a chart, or an object
// (schema manyhands.bench/1, docs/explain.md). Always true: what was not reached within what was tried is said so.
import type { Metg } from '../metg.js'
import type { Curve } from './curves.js'
import { formatFigure, formatSeconds, formatShare, plural } from './figures.js'

export interface About {
  readonly place: 'local' | 'cluster'
  /** Cores of this machine that may be used. */
  readonly cores: number
  /** Processes that wanted a core in the last minute, before anything was measured. */
  readonly loadBefore: number
}

/** With more than this of a core taken by others, efficiencies are theirs as much as ours. */
const QUIET = 0.25

const BAR_WIDTH = 40
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

const bar = (fraction: number): string => {
  const eighths = Math.round(Math.min(1, Math.max(0, fraction)) * BAR_WIDTH * 8)
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '')
}

const CUT_NAMES = { 'one item': 'one item a shard', automatic: 'automatic shards' } as const

const metgText = (found: Metg | undefined): string => {
  if (found === undefined) return 'not reached'
  return `${found.isBound ? '≤ ' : ''}${formatSeconds(found.seconds)}`
}

const titleOf = ({ runner, cut }: Curve): string => `${runner}, ${CUT_NAMES[cut]}`

export const renderBench = (curves: readonly Curve[], { place, cores, loadBefore }: About): string => {
  const slots = Math.max(1, ...curves.map(curve => curve.slots))
  const where = place === 'local' ? 'this machine' : 'the cluster'
  const lines = [
    `How short a task may be on ${where}, ${plural(slots, 'slot')}, so that the slots compute for 50 % or 95 % of their time`,
    '',
    `  ${''.padEnd(28)}${'METG(50 %)'.padStart(14)}${'METG(95 %)'.padStart(14)}`,
    ...curves.map(
      curve => `  ${titleOf(curve).padEnd(28)}${metgText(curve.half).padStart(14)}${metgText(curve.most).padStart(14)}`,
    ),
  ]
  for (const curve of curves) {
    lines.push('', `  ${titleOf(curve)}: efficiency by what a task takes in a plain loop`)
    for (const { taskSeconds, efficiency } of curve.points) {
      const share = formatShare(efficiency)
      lines.push(
        `  ${formatSeconds(taskSeconds).padStart(10)}  ${bar(efficiency).padEnd(BAR_WIDTH)} ${share.padStart(7)}`,
      )
    }
  }
  if (place === 'local' && loadBefore > QUIET * cores)
    lines.push(
      '',
      `  This machine was busy before (load ${formatFigure(loadBefore)} on ${plural(cores, 'core')}): the figures are worse than it is.`,
    )
  return `${lines.join('\n')}\n`
}

const metgJson = (found: Metg | undefined) =>
  found === undefined ? null : { seconds: found.seconds, is_bound: found.isBound }

export const benchJson = (curves: readonly Curve[], { place, cores, loadBefore }: About) => ({
  schema: 'manyhands.bench/1',
  place,
  cores,
  load_before: loadBefore,
  curves: curves.map(({ runner, cut, slots, points, half, most }) => ({
    runner,
    shards: cut,
    slots,
    metg_50: metgJson(half),
    metg_95: metgJson(most),
    points: points.map(({ taskSeconds, granularitySeconds, efficiency }) => ({
      task_seconds: taskSeconds,
      granularity_seconds: granularitySeconds,
      efficiency,
    })),
  })),
})
