// A daemon's jobs and agents as people and programs read them. Pure. In: views. Out: a table, or objects whose names are those of
// docs/cli.md. Always true: what is not known is null to programs and not there for people.
import type { AgentView, JobDetail, JobView } from '../../serve/desk.js'
import { formatCount, formatSeconds, plural } from '../figures.js'

export const viewJson = (view: JobView) => ({
  id: view.id,
  number: view.number,
  name: view.name,
  state: view.state,
  items: view.items ?? null,
  settled: view.settled,
  failed: view.failed,
  wall_seconds: view.wallSeconds,
  why: view.why ?? null,
  submitted: view.submitted,
  owner: view.owner ?? null,
  weight: view.weight,
  priority: view.priority,
  slots: view.slots,
})

export const detailJson = ({ view, asked, receipt, failures }: JobDetail) => ({
  ...viewJson(view),
  asked: {
    runner: asked.runner,
    entry: asked.entry,
    function: asked.function,
    init: asked.init ?? null,
    command: asked.command ?? null,
    shell: asked.shell ?? false,
    shared: asked.shared ?? null,
    timeout_seconds: asked.timeoutSeconds ?? null,
    retries: asked.retries ?? 0,
    max_failures: asked.maxFailures ?? null,
    shard_size: asked.shardSize ?? null,
    concurrency: asked.concurrency ?? null,
    max_slots: asked.maxSlots ?? null,
    needs: asked.needs ?? [],
    input: asked.input,
  },
  failures,
  receipt: receipt ?? null,
})

export const agentJson = (agent: AgentView) => ({
  name: agent.name,
  host: agent.host,
  slots: agent.slots,
  busy_slots: agent.busySlots,
  draining: agent.draining,
  seconds_since_beat: agent.secondsSinceBeat,
  labels: agent.labels,
  why: agent.why ?? null,
  program: agent.program,
})

/** Columns as wide as what stands in them; the last one is left as it is. */
export const table = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map(row => row[at]?.length ?? 0)))
  const line = (row: readonly string[]): string => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')
  return rows.map(row => `${line(row).trimEnd()}\n`).join('')
}

const itemsText = ({ items, settled, failed }: JobView): string => {
  const of = items === undefined ? formatCount(settled) : `${formatCount(settled)} of ${formatCount(items)}`
  return failed > 0 ? `${of}, ${formatCount(failed)} failed` : of
}

export const jobsTable = (views: readonly JobView[]): string =>
  table([
    ['JOB', 'NAME', 'STATE', 'ITEMS', 'SLOTS', 'TIME', 'WHY'],
    ...views.map(view => [
      String(view.number),
      view.name,
      view.state,
      itemsText(view),
      view.state === 'running' ? formatCount(view.slots) : '-',
      formatSeconds(view.wallSeconds),
      (view.why ?? '').split('\n')[0] ?? '',
    ]),
  ])

export const agentsTable = (agents: readonly AgentView[]): string =>
  table([
    ['AGENT', 'HOST', 'SLOTS', 'BUSY', 'LABELS', 'VERSION', 'STATE'],
    ...agents.map(agent => [
      agent.name,
      agent.host,
      String(agent.slots),
      String(agent.busySlots),
      agent.labels.join(',') || '-',
      agent.program,
      [agent.draining ? 'drains' : '', agent.why ?? ''].filter(Boolean).join(': ') ||
        `heard ${formatSeconds(agent.secondsSinceBeat)} ago`,
    ]),
  ])

const limitText = ({ asked }: JobDetail): string[] => {
  const { timeoutSeconds, retries = 0, maxFailures, maxSlots, needs = [] } = asked
  return [
    timeoutSeconds === undefined ? '' : `at most ${formatSeconds(timeoutSeconds)} an item`,
    retries === 0 ? '' : `${retries} more tries of an item`,
    maxFailures === undefined
      ? ''
      : `ends when more than ${'count' in maxFailures ? plural(maxFailures.count, 'item') : `${100 * maxFailures.fraction} % of the items`} failed`,
    maxSlots === undefined ? '' : `at most ${plural(maxSlots, 'slot')}`,
    needs.length === 0 ? '' : `needs ${needs.join(', ')}`,
  ].filter(text => text !== '')
}

const functionText = ({ asked }: JobDetail): string => {
  if (asked.command !== undefined) return asked.command.join(' ')
  return asked.entry === '' ? asked.function : `${asked.entry}#${asked.function}`
}

const inputText = ({ asked: { input } }: JobDetail): string =>
  'format' in input ? input.format : `${input.start}..${input.end}${input.step === 1 ? '' : `..${input.step}`}`

/** All that is known of a job, but for its receipt. */
export const detailText = (detail: JobDetail): string => {
  const { view, failures } = detail
  const rows: (readonly [string, string])[] = [
    ['State', view.state],
    ['Why', view.why ?? ''],
    ['Items', itemsText(view)],
    ['Function', `${functionText(detail)} (${detail.asked.runner})`],
    ['Input', inputText(detail)],
    [
      'Submitted',
      `${view.submitted}, ${formatSeconds(view.wallSeconds)} ${view.owner === undefined ? 'in all' : 'so far'}`,
    ],
    ['Daemon', view.owner ?? ''],
    ['Share', `weight ${view.weight}, priority ${view.priority}, ${plural(view.slots, 'slot')} offered`],
    ['Limits', limitText(detail).join(', ')],
  ]
  const failed = failures.map(
    ({ index, reason, message }) => `    item ${index}  ${reason}: ${message.split('\n')[0]}\n`,
  )
  return [
    `${view.number}  ${view.name}  ${view.id}\n`,
    ...rows
      .filter(([, text]) => text !== '')
      .map(([head, text]) => `  ${head.padEnd(10)}  ${text.replaceAll('\n', '\n              ')}\n`),
    ...(failed.length > 0 ? ['  Failed\n', ...failed] : []),
  ].join('')
}
