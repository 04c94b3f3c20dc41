// The end of a run as people meet it: one line of verdict, what failed, and where the core-seconds went. Pure.
// In: a JobEnd with its receipt. Out: the text for standard error. Always true: a job that a plain loop would have beaten
// is told so; the lists say when they are not whole.
import type { JobEnd } from '../job.js'
import type { Receipt } from '../receipt.js'
import { formatCount, formatFigure, formatSeconds, formatShare, plural } from './figures.js'

export type Paint = (style: 'green' | 'red' | 'yellow' | 'bold' | 'dim', text: string) => string
export const plainPaint: Paint = (_, text) => text

export interface VerdictOptions {
  readonly paint: Paint
  /** How many items there are, where it is known. */
  readonly total?: number | undefined
  /** The failures stand in the output, beside the values. */
  readonly tagged: boolean
  /** What becomes of an output that was not committed. */
  readonly kept?: string | undefined
  /** Shows every failure's stack, not the first one's alone. */
  readonly verbose?: boolean
}

const BAR_WIDTH = 40
// Below this a share is said in words of the table alone: its bar would be empty.
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

const bar = (fraction: number): string => {
  const eighths = Math.round(Math.min(1, Math.max(0, fraction)) * BAR_WIDTH * 8)
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '')
}

/** `resize ✓ 40,000 of 40,000 items in 12.9 s`. */
export const verdictLine = (end: JobEnd, { paint, total }: VerdictOptions): string => {
  const { receipt } = end
  const values = end.settled - end.failed
  const all = end.state === 'done' ? end.settled : total
  const of = all === undefined ? plural(values, 'item') : `${formatCount(values)} of ${plural(all, 'item')}`
  const whole = end.state === 'done' && end.failed === 0
  const mark = whole ? paint('green', '✓') : paint('red', '✗')
  const failed = end.failed === 0 ? '' : `; ${paint('red', `${formatCount(end.failed)} failed`)}`
  const how = { done: '', stopped: '; stopped', interrupted: '; interrupted', broken: '; could not go on' }[end.state]
  return `${paint('bold', receipt.name)}  ${mark} ${of} in ${formatSeconds(receipt.wall_seconds)}${failed}${how}`
}

interface Group {
  readonly reason: string
  readonly message: string
  readonly indices: number[]
}

const inOrder = ({ failures }: JobEnd): JobEnd['failures'] => [...failures].sort((a, b) => a.index - b.index)

const groupFailures = (end: JobEnd): Group[] => {
  const groups = new Map<string, Group>()
  // Failures are kept in the order in which they came; people look for the first item.
  for (const { reason, message, index } of inOrder(end)) {
    const key = `${reason}\n${message}`
    const group = groups.get(key) ?? { reason, message, indices: [] }
    group.indices.push(index)
    groups.set(key, group)
  }
  return [...groups.values()].sort((a, b) => b.indices.length - a.indices.length)
}

const indent = (text: string, by: string): string[] =>
  text
    .trimEnd()
    .split('\n')
    .map(line => `${by}${line}`)

/** The failures by message: how many, which items, and the first one's stack. */
export const failureLines = (end: JobEnd, { paint, tagged, verbose }: VerdictOptions): string[] => {
  if (end.failures.length === 0) return []
  const listed = end.failures.length
  const first = end.failed > listed ? ` (the first ${formatCount(listed)} of ${formatCount(end.failed)})` : ''
  const lines = ['', `  ${paint('bold', 'Failed')}${first} [MH-ITEMS-FAILED]`]
  for (const { reason, message, indices } of groupFailures(end)) {
    const count = indices.length > 1 ? `${formatCount(indices.length)} x ` : ''
    const [head = '', ...more] = message.split('\n')
    lines.push(`    ${count}${paint('red', reason)}: ${head}`, ...more.slice(0, 8).map(line => `      ${line}`))
    lines.push(paint('dim', `      ${indices.length > 1 ? 'items' : 'item'} ${indices.join(', ')}`))
  }
  const shown = verbose
    ? inOrder(end)
    : inOrder(end)
        .filter(({ stack, stderr }) => stack ?? stderr)
        .slice(0, 1)
  for (const { index, stack, stderr } of shown) {
    if (stack) lines.push('', `  Stack of item ${index}`, ...indent(stack, '    '))
    if (stderr) lines.push('', `  Standard error of item ${index}`, ...indent(stderr, '    '))
  }
  if (!tagged) lines.push('', '  --tagged keeps the failures beside the values in the output.')
  return lines
}

/** Handing an item over costs this many seconds, all that is neither the function nor waiting for the last ones. */
const overheadSecondsOf = (receipt: Receipt): number => {
  const { decode, encode, dispatch, transport, other } = receipt.core_seconds
  return (decode + encode + dispatch + transport + other) / Math.max(1, receipt.items)
}

const gainLines = (receipt: Receipt, paint: Paint): string[] => {
  const { serial_seconds_estimate: serial, slots } = receipt
  // No item ran to its end: there is nothing to compare.
  if (serial.value <= 0) return []
  const spread = serial.value > 0 ? Math.max(serial.high - serial.value, serial.value - serial.low) / serial.value : 0
  const from = `from ${plural(receipt.shards, 'shard')}${spread > 0.005 ? `, ±${Math.round(spread * 100)} %` : ''}`
  const slower = receipt.speedup < 1
  const alone = slower
    ? paint('yellow', `ONE CORE WOULD HAVE TAKEN ${formatSeconds(serial.value)}`)
    : `one core would take ${formatSeconds(serial.value)} (${from})`
  const gain = `${formatFigure(receipt.speedup)}x on ${plural(slots, 'slot')}`
  const lines = [`  Speedup     ${gain.padEnd(24)}${alone}`]
  if (!slower) return [...lines, `  Efficiency  ${formatShare(receipt.efficiency)}`]
  const item = receipt.core_seconds.compute / Math.max(1, receipt.items)
  lines.push(
    `  Your function takes ${formatSeconds(item)} an item; handing an item over costs ${formatSeconds(overheadSecondsOf(receipt))}.`,
  )
  if (receipt.break_even_items !== null && receipt.break_even_items > receipt.items) {
    lines.push(`  Such a job starts to pay from about ${plural(receipt.break_even_items, 'item')}.`)
  }
  return lines
}

/** Figures of one table have one unit: that of the whole. */
const inUnitOf = (whole: number): ((seconds: number) => string) => {
  if (whole < 1) return seconds => `${(seconds * 1e3).toFixed(whole < 0.1 ? 2 : 1)} ms`
  if (whole < 600) return seconds => `${seconds.toFixed(whole < 10 ? 2 : 1)} s`
  return formatSeconds
}

const phaseLines = (receipt: Receipt): string[] => {
  const seconds = receipt.core_seconds
  const rows: [string, number][] = [
    ['your function', seconds.compute],
    ['start-up', seconds.start],
    ['codec', seconds.decode + seconds.encode],
    ['handing over', seconds.dispatch],
    ['transport', seconds.transport],
    ['idle at the end', seconds.tail],
    ['lost attempts', seconds.lost],
    ['other', seconds.other],
  ]
  const capacity = receipt.capacity_core_seconds
  if (!(capacity > 0)) return []
  const inUnit = inUnitOf(capacity)
  const slots = plural(receipt.slots, 'slot')
  const head = `  Where ${slots} x ${formatSeconds(receipt.wall_seconds)} = ${inUnit(capacity)} went`
  const shown = rows.filter(([name, value]) => name === 'your function' || value / capacity >= 0.0005)
  const lines = shown.map(([name, value]) => {
    const share = value / capacity
    return `    ${name.padEnd(16)}${bar(share).padEnd(BAR_WIDTH)} ${inUnit(value).padStart(11)} ${(share * 100).toFixed(1).padStart(6)} %`
  })
  return ['', head, ...lines]
}

/** The receipt in short: what was gained, where the time went, what would help. */
export const receiptLines = (receipt: Receipt, paint: Paint): string[] => {
  if (receipt.items === 0) return []
  const gain = gainLines(receipt, paint)
  const lines = [...(gain.length > 0 ? ['', ...gain] : []), ...phaseLines(receipt)]
  receipt.advice.forEach((advice, place) => {
    lines.push(...(place === 0 ? [''] : []), `  ${(place === 0 ? 'Advice' : '').padEnd(12)}${advice}`)
  })
  return lines
}

/** The whole end of a run. */
export const renderVerdict = (end: JobEnd, options: VerdictOptions): string => {
  const lines = [verdictLine(end, options)]
  if (end.why !== undefined) lines.push(...indent(end.why, '  '))
  if (options.kept !== undefined) lines.push(`  ${options.kept}`)
  lines.push(...failureLines(end, options), ...receiptLines(end.receipt, options.paint))
  return `${lines.join('\n')}\n`
}
