// A job's receipt as people read it: what was gained, where the core-seconds went, the one knob that would help, and with
// -v what was decided. Pure. In: a Receipt. Out: lines. Always true: a job that a plain loop would have beaten is told so.
import type { Decision } from '../decisions.js'
import { isSlower } from '../gain.js'
import type { Receipt } from '../receipt.js'
import { formatBytes, formatFigure, formatSeconds, formatShare, plural } from './figures.js'
import type { VerdictOptions } from './verdict.js'

type AccountOptions = Pick<VerdictOptions, 'paint' | 'verbose'>

const BAR_WIDTH = 40
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']
/** Below this a share is said in words of the table alone: its bar would be empty. */
const LEAST_SHARE = 0.0005
/** Smaller spreads are not worth their place. */
const LEAST_SPREAD = 0.005
/** Of the capacity: so much time for other jobs is told. */
const WORTH_TELLING = 0.01

const bar = (fraction: number): string => {
  const eighths = Math.round(Math.min(1, Math.max(0, fraction)) * BAR_WIDTH * 8)
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '')
}

/** Two workers gain 1.93x; of eight slots a tenth is enough. */
const times = (speedup: number): string =>
  `${speedup >= 3 ? formatFigure(Number(speedup.toFixed(1))) : formatFigure(speedup)}x`

const whole = (fraction: number): string =>
  fraction >= 0.1 ? `${Math.round(100 * fraction)} %` : formatShare(fraction)

const column = (head: string, left: string, right: string): string =>
  `  ${head.padEnd(12)}${left.padEnd(24)}${right}`.trimEnd()

const gainLines = (receipt: Receipt, { paint }: AccountOptions): string[] => {
  const { serial_seconds_estimate: serial, slots, shards, karp_flatt: serialFraction } = receipt
  // No item ran to its end: there is nothing to compare.
  if (serial.value <= 0) return []
  const gain = `${times(receipt.speedup)} on ${plural(slots, 'slot')}`
  if (isSlower(receipt))
    return [
      column('Speedup', gain, paint('yellow', `ONE CORE WOULD HAVE TAKEN ${formatSeconds(serial.value)}`)),
      ...lossLines(receipt),
    ]
  const spread = Math.max(serial.high - serial.value, serial.value - serial.low) / serial.value
  // Inline there are none: the loop itself is what is told.
  const source = shards === 0 ? 'as it did' : `from ${plural(shards, 'shard')}`
  const from = `${source}${spread > LEAST_SPREAD ? `, ±${Math.round(spread * 100)} %` : ''}`
  return [
    column('Speedup', gain, `one core would take ${formatSeconds(serial.value)} (${from})`),
    column(
      'Efficiency',
      whole(receipt.efficiency),
      serialFraction === null || receipt.speedup < 1
        ? ''
        : `serial fraction (Karp-Flatt) ${formatShare(Math.max(0, serialFraction))}`,
    ),
  ]
}

const lossLines = (receipt: Receipt): string[] => {
  const { items, slots, wall_seconds: wall, serial_seconds_estimate: serial } = receipt
  const { break_even_items: breakEvenItems, break_even_item_seconds: breakEvenSeconds } = receipt
  const item = serial.value / items
  // On each slot the items run side by side; what an item cost besides is felt in full.
  const besides = Math.max(0, wall / items - item / Math.max(1, slots))
  const lines = [
    `  Your function takes ${formatSeconds(item)} an item; handing an item over costs ${formatSeconds(besides)}.`,
  ]
  if (breakEvenItems !== null && breakEvenItems > items)
    lines.push(`  Such a job starts to pay from about ${plural(breakEvenItems, 'item')}.`)
  else if (breakEvenSeconds !== null)
    lines.push(
      `  On ${plural(slots, 'slot')} such a job starts to pay from about ${formatSeconds(breakEvenSeconds)} an item.`,
    )
  return lines
}

/** Figures of one table have one unit: that of the whole. */
const inUnitOf = (total: number): ((seconds: number) => string) => {
  if (total < 1) return seconds => `${(seconds * 1e3).toFixed(total < 0.1 ? 2 : 1)} ms`
  if (total < 600) return seconds => `${seconds.toFixed(total < 10 ? 2 : 1)} s`
  return formatSeconds
}

/** `waiting`: a worker had nothing to do though its host had the next shard, or its outcomes were on their way. */
const rowsOf = ({ core_seconds: seconds, unused_core_seconds: unused }: Receipt): [string, number][] => [
  ['your function', seconds.compute],
  ['start-up', seconds.start],
  ['codec', seconds.decode + seconds.encode],
  ['transport', seconds.transport],
  ['waiting', seconds.dispatch],
  ['idle at the end', seconds.tail - unused],
  ['never used', unused],
  ['lost attempts', seconds.lost],
  ['other', seconds.other],
]

const phaseLines = (receipt: Receipt): string[] => {
  const { capacity_core_seconds: capacity, elsewhere_core_seconds: elsewhere } = receipt
  if (!(capacity > 0)) return []
  const inUnit = inUnitOf(capacity)
  // Those that came later, or left, served for a part of the time.
  const meanSlots = capacity / receipt.wall_seconds
  const isWhole = Math.abs(meanSlots - receipt.slots) < 0.01 * receipt.slots
  const slots = isWhole ? plural(receipt.slots, 'slot') : `${meanSlots.toFixed(2)} slots`
  const head = `  Where ${slots} x ${formatSeconds(receipt.wall_seconds)} = ${inUnit(capacity)} went`
  const shown = rowsOf(receipt).filter(([name, value]) => name === 'your function' || value / capacity >= LEAST_SHARE)
  const lines = shown.map(([name, value]) => {
    const share = value / capacity
    return `    ${name.padEnd(16)}${bar(share).padEnd(BAR_WIDTH)} ${inUnit(value).padStart(11)} ${(share * 100).toFixed(1).padStart(6)} %`
  })
  if (elsewhere >= WORTH_TELLING * capacity)
    lines.push(`    Other jobs had ${inUnit(elsewhere)} of the same slots, which is not counted here.`)
  return ['', head, ...lines]
}

const adviceLines = (receipt: Receipt): string[] => {
  // The first sentence of a job that lost is about the loop: that stands above with its figures.
  const lines = receipt.advice.slice(isSlower(receipt) ? 1 : 0)
  return lines.flatMap((advice, place) => [
    ...(place === 0 ? [''] : []),
    `  ${(place === 0 ? 'Advice' : '').padEnd(12)}${advice}`,
  ])
}

const figureOf = (name: string, value: number): string => {
  if (name.endsWith('seconds')) return `${name.replace(/_?seconds$/, '') || 'time'} ${formatSeconds(value)}`.trim()
  if (name.endsWith('_bytes')) return `${name.slice(0, -'_bytes'.length)} ${formatBytes(value)}`
  return `${name} ${formatFigure(value)}`
}

const decisionLine = ({ at_seconds: atSeconds, decision, figures }: Decision): string => {
  const said = Object.entries(figures).map(([name, value]) => figureOf(name, value).replaceAll('_', ' '))
  return `    ${`${atSeconds.toFixed(3)} s`.padStart(10)}  ${decision}${said.length > 0 ? ` (${said.join(', ')})` : ''}`
}

const decisionLines = ({ decisions }: Receipt): string[] =>
  decisions.length === 0 ? [] : ['', '  What was decided', ...decisions.map(decisionLine)]

export const receiptLines = (receipt: Receipt, options: AccountOptions): string[] => {
  if (receipt.items === 0) return []
  const gain = gainLines(receipt, options)
  return [
    ...(gain.length > 0 ? ['', ...gain] : []),
    ...phaseLines(receipt),
    ...adviceLines(receipt),
    ...(options.verbose === true ? decisionLines(receipt) : []),
  ]
}
