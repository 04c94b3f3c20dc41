// Jobs, views, agents: as a desk has them, and as control.proto does. In: the one. Out: the other. Pure. Always true: what went there
// and back is what it was, but that zeros and empty texts stand for what was not said; a message that says what a desk cannot be
// asked is a DeskError that names its field.
import * as wire from '../proto/gen/control.js'
import type { RunnerName } from '../proto/shard.js'
import { failureOfWire, failureToWire } from './control-outcomes.js'
import type { Receipt } from './receipt.js'
import {
  type AgentView,
  type AskedFormat,
  type AskedPart,
  DeskError,
  type JobAsked,
  type JobDetail,
  type JobView,
  type ResultsAsked,
  type ViewState,
} from './serve/desk.js'

const STATES: Readonly<Record<ViewState, wire.JobState>> = {
  waiting: wire.JobState.JOB_STATE_WAITING,
  running: wire.JobState.JOB_STATE_RUNNING,
  done: wire.JobState.JOB_STATE_DONE,
  stopped: wire.JobState.JOB_STATE_STOPPED,
  cancelled: wire.JobState.JOB_STATE_CANCELLED,
  broken: wire.JobState.JOB_STATE_BROKEN,
}

const FORMATS: Readonly<Record<AskedFormat, wire.InputFormat>> = {
  jsonl: wire.InputFormat.INPUT_FORMAT_JSON_LINES,
  lines: wire.InputFormat.INPUT_FORMAT_LINES,
  csv: wire.InputFormat.INPUT_FORMAT_CSV,
  json: wire.InputFormat.INPUT_FORMAT_JSON,
}

const SHARED = { json: wire.SharedFormat.SHARED_FORMAT_JSON, bytes: wire.SharedFormat.SHARED_FORMAT_BYTES } as const

const keyOf = <K extends string, V>(table: Readonly<Record<K, V>>, value: V): K | undefined =>
  (Object.keys(table) as K[]).find(key => table[key] === value)

const wrong = (field: string, expected: string): DeskError =>
  new DeskError('ASKED', `${field}: expected ${expected}`, { field })

const numberOf = (value: bigint, field: string): number => {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw wrong(field, `an integer within ±${Number.MAX_SAFE_INTEGER}, got ${value}`)
  return number
}

export const askedToWire = (asked: JobAsked): wire.JobDescription => {
  const { input, maxFailures } = asked
  return {
    name: asked.name,
    runner: asked.runner,
    entry: asked.entry,
    function: asked.function,
    init: asked.init ?? '',
    sharedFormat: asked.shared === undefined ? wire.SharedFormat.SHARED_FORMAT_UNSPECIFIED : SHARED[asked.shared],
    command: [...(asked.command ?? [])],
    shell: asked.shell ?? false,
    spread: asked.spread ?? false,
    timeoutSeconds: asked.timeoutSeconds ?? 0,
    retries: asked.retries ?? 0,
    maxFailures:
      maxFailures === undefined
        ? undefined
        : {
            limit:
              'count' in maxFailures
                ? { $case: 'items', value: BigInt(maxFailures.count) }
                : { $case: 'fraction', value: maxFailures.fraction },
          },
    shardSize: BigInt(asked.shardSize ?? 0),
    concurrency: asked.concurrency ?? 0,
    weight: asked.weight ?? 0,
    priority: asked.priority ?? 0,
    maxSlots: asked.maxSlots ?? 0,
    needs: [...(asked.needs ?? [])],
    inputName: 'format' in input ? (input.name ?? '') : '',
    input:
      'format' in input
        ? { $case: 'format', value: FORMATS[input.format] }
        : {
            $case: 'range',
            value: { start: BigInt(input.start), end: BigInt(input.end), step: BigInt(input.step) },
          },
  }
}

const inputOf = ({ input, inputName }: wire.JobDescription): JobAsked['input'] => {
  if (input?.$case === 'range') {
    const { start, end, step } = input.value
    return {
      start: numberOf(start, 'range.start'),
      end: numberOf(end, 'range.end'),
      step: numberOf(step, 'range.step'),
    }
  }
  const format = input === undefined ? undefined : keyOf(FORMATS, input.value)
  if (format === undefined)
    throw wrong('format', `a range, or one of ${Object.values(wire.InputFormat).filter(isName)}`)
  return { format, ...(inputName !== '' && { name: inputName }) }
}
const isName = (value: unknown): boolean => typeof value === 'string'

const failureLimitOf = ({ maxFailures }: wire.JobDescription): JobAsked['maxFailures'] => {
  const limit = maxFailures?.limit
  if (maxFailures === undefined) return undefined
  if (limit === undefined) throw wrong('max_failures', 'items or a fraction, got neither')
  return limit.$case === 'items' ? { count: numberOf(limit.value, 'max_failures') } : { fraction: limit.value }
}

const sharedOf = ({ sharedFormat }: wire.JobDescription): JobAsked['shared'] => {
  if (sharedFormat === wire.SharedFormat.SHARED_FORMAT_UNSPECIFIED) return undefined
  const shared = keyOf<'json' | 'bytes', wire.SharedFormat>(SHARED, sharedFormat)
  if (shared === undefined)
    throw wrong('shared_format', `SHARED_FORMAT_JSON or SHARED_FORMAT_BYTES, or none, got ${sharedFormat}`)
  return shared
}

export const askedOfWire = (said: wire.JobDescription): JobAsked => {
  const maxFailures = failureLimitOf(said)
  const shared = sharedOf(said)
  const { init, command, shell, spread, timeoutSeconds, retries, concurrency, weight, priority, maxSlots, needs } = said
  const shardSize = numberOf(said.shardSize, 'shard_size')
  return {
    name: said.name || said.function.slice(0, 200) || (command[0] ?? ''),
    // Whether there is such a runner is the desk's to say.
    runner: said.runner as RunnerName,
    entry: said.entry,
    function: said.function,
    ...(init !== '' && { init }),
    ...(command.length > 0 && { command }),
    ...(shell && { shell }),
    ...(shared && { shared }),
    ...(spread && { spread }),
    ...(timeoutSeconds !== 0 && { timeoutSeconds }),
    ...(retries !== 0 && { retries }),
    ...(maxFailures && { maxFailures }),
    ...(shardSize !== 0 && { shardSize }),
    ...(concurrency !== 0 && { concurrency }),
    ...(weight !== 0 && { weight }),
    ...(priority !== 0 && { priority }),
    ...(maxSlots !== 0 && { maxSlots }),
    ...(needs.length > 0 && { needs }),
    input: inputOf(said),
  }
}

export const partToWire = (part: AskedPart): wire.SubmitRequest => ({
  part:
    part.type === 'file'
      ? { $case: 'file', value: { path: part.path, content: part.data } }
      : { $case: part.type, value: part.data },
})

export const END_OF_SUBMISSION: wire.SubmitRequest = { part: { $case: 'end', value: {} } }

/** Undefined at the end. */
export const partOfWire = ({ part }: wire.SubmitRequest): AskedPart | undefined => {
  if (part?.$case === 'end') return undefined
  if (part === undefined || part.$case === 'description')
    throw wrong('part', `file, shared, input or end behind the first message, got ${part?.$case ?? 'none'}`)
  if (part.$case === 'file') return { type: 'file', path: part.value.path, data: part.value.content }
  return { type: part.$case, data: part.value }
}

export const viewToWire = (view: JobView): wire.Job => ({
  jobId: view.id,
  number: BigInt(view.number),
  name: view.name,
  state: STATES[view.state],
  items: view.items === undefined ? undefined : { count: BigInt(view.items) },
  itemsSettled: BigInt(view.settled),
  itemsFailed: BigInt(view.failed),
  wallSeconds: view.wallSeconds,
  why: view.why ?? '',
  submitted: view.submitted,
  owner: view.owner ?? '',
  weight: view.weight,
  priority: view.priority,
  slots: view.slots,
})

export const viewOfWire = (job: wire.Job | undefined): JobView => {
  if (job === undefined) throw new Error('the daemon answered without the job')
  return {
    id: job.jobId,
    number: Number(job.number),
    name: job.name,
    state: keyOf(STATES, job.state) ?? 'waiting',
    ...(job.items && { items: Number(job.items.count) }),
    settled: Number(job.itemsSettled),
    failed: Number(job.itemsFailed),
    wallSeconds: job.wallSeconds,
    ...(job.why !== '' && { why: job.why }),
    submitted: job.submitted,
    ...(job.owner !== '' && { owner: job.owner }),
    weight: job.weight,
    priority: job.priority,
    slots: job.slots,
  }
}

export const detailToWire = ({ view, asked, receipt, failures }: JobDetail): wire.DescribeJobResponse => ({
  job: viewToWire(view),
  description: askedToWire(asked),
  receiptJson: receipt === undefined ? '' : JSON.stringify(receipt),
  failures: failures.map(failureToWire),
})

export const detailOfWire = ({ job, description, receiptJson, failures }: wire.DescribeJobResponse): JobDetail => {
  if (description === undefined) throw new Error('the daemon answered without the description')
  return {
    view: viewOfWire(job),
    asked: askedOfWire(description),
    failures: failures.map(failureOfWire),
    ...(receiptJson !== '' && { receipt: JSON.parse(receiptJson) as Receipt }),
  }
}

export const agentToWire = (agent: AgentView): wire.Agent => {
  const { name, host, slots, busySlots, draining, secondsSinceBeat, labels, why, program } = agent
  return {
    name,
    host,
    slots,
    busySlots,
    draining,
    secondsSinceBeat,
    labels: [...labels],
    why: why ?? '',
    version: program,
  }
}

export const agentOfWire = (agent: wire.Agent | undefined): AgentView => {
  if (agent === undefined) throw new Error('the daemon answered without the agent')
  const { name, host, slots, busySlots, draining, secondsSinceBeat, labels, why, version: program } = agent
  return { name, host, slots, busySlots, draining, secondsSinceBeat, labels, program, ...(why !== '' && { why }) }
}

export const resultsAskedOfWire = ({ startIndex, unordered, settledOnly }: wire.ResultsRequest): ResultsAsked => ({
  start: numberOf(startIndex, 'start_index'),
  ordered: !unordered,
  settledOnly,
})
