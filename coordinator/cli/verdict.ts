// The end of a run as people meet it: one line of verdict, what failed, and the account (account.ts). Pure.
// In: a JobEnd with its receipt. Out: the text for standard error. Always true: the lists say when they are not whole.
import type { JobEnd } from '../job.js'
import type { Receipt } from '../receipt.js'
import { receiptLines } from './account.js'
import { formatCount, formatSeconds, plural } from './figures.js'

export type Paint = (style: 'green' | 'red' | 'yellow' | 'bold' | 'dim', text: string) => string
export const plainPaint: Paint = (_, text) => text

/** An end; of a job that has no account its name, what was run, and how long it took. */
export type Ended = Omit<JobEnd, 'receipt'> & {
  readonly receipt: Receipt | Pick<Receipt, 'name' | 'items' | 'wall_seconds'>
}

export interface VerdictOptions {
  /** What went wrong, and nothing else. */
  readonly quiet?: boolean
  readonly paint: Paint
  /** How many items there are, where it is known. */
  readonly total?: number | undefined
  /** The failures stand in the output, beside the values. */
  readonly tagged: boolean
  /** What becomes of an output that was not committed. */
  readonly kept?: string | undefined
  /** In what way it ended, where its state does not say it. */
  readonly how?: string | undefined
  /** Shows every failure's stack, not the first one's alone, and what was decided. */
  readonly verbose?: boolean
}

/** `resize ✓ 40,000 of 40,000 items in 12.9 s`; of a job that goes on, or was sampled, how many were settled before. */
export const verdictLine = (end: Ended, { paint, total, how: said }: VerdictOptions): string => {
  const { receipt } = end
  const values = end.settled - end.failed
  const all = end.state === 'done' ? end.settled : total
  const of = all === undefined ? plural(values, 'item') : `${formatCount(values)} of ${plural(all, 'item')}`
  const whole = end.state === 'done' && end.failed === 0
  const mark = whole ? paint('green', '✓') : paint('red', '✗')
  const earlier = end.settled - receipt.items
  const before = earlier > 0 ? `, ${formatCount(earlier)} settled before,` : ''
  const failed = end.failed === 0 ? '' : `; ${paint('red', `${formatCount(end.failed)} failed`)}`
  const how = { done: '', stopped: 'stopped', interrupted: 'interrupted', broken: 'could not go on' }[end.state]
  return `${paint('bold', receipt.name)}  ${mark} ${of}${before} in ${formatSeconds(receipt.wall_seconds)}${failed}${how === '' ? '' : `; ${said ?? how}`}`
}

interface Group {
  readonly reason: string
  readonly message: string
  readonly indices: number[]
}

const inOrder = ({ failures }: Ended): JobEnd['failures'] => [...failures].sort((a, b) => a.index - b.index)

const groupFailures = (end: Ended): Group[] => {
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
export const failureLines = (end: Ended, { paint, tagged, verbose }: VerdictOptions): string[] => {
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

/** The whole end of a run. */
export const renderVerdict = (end: Ended, options: VerdictOptions): string => {
  const lines = [verdictLine(end, options)]
  if (end.why !== undefined) lines.push(...indent(end.why, '  '))
  if (options.kept !== undefined) lines.push(`  ${options.kept}`)
  lines.push(...failureLines(end, options))
  if (options.quiet !== true && 'schema' in end.receipt) lines.push(...receiptLines(end.receipt, options))
  return `${lines.join('\n')}\n`
}
