// Work on the wire: tasks out, reports back, whole, in parts or several together. In: domain values, or bytes. Out: the other, or a
// MessageError. Always true: spans do not end before they start; durations are finite; items and failures agree with their counts.
import { MessageError } from './envelope.js'
import * as wire from './gen/wire.js'
import { countOf } from './items.js'
import { hashFromWire, itemsFromWire, whole } from './items-codec.js'
import { big, type Codec, codec, headOf, oneOf, seconds } from './message-codec.js'
import type { FailureReason, ItemFailure, Report } from './outcome.js'
import type { Part } from './part.js'
import type { Task } from './shard.js'
import type { SlotTiming } from './timing.js'

const REASONS: readonly (FailureReason | undefined)[] = [
  undefined,
  'error',
  'crash',
  'timeout',
  'cancelled',
  'undecodable',
]

const failureToWire = (failure: ItemFailure): wire.Failure => ({
  index: big(failure.index),
  reason: REASONS.indexOf(failure.reason) as wire.Reason,
  message: failure.message,
  stack: failure.stack ?? '',
  stderr: failure.stderr ?? '',
})

const failureFromWire = (failure: wire.Failure): ItemFailure => ({
  index: whole(failure.index),
  reason: oneOf(REASONS, failure.reason, 'reason'),
  message: failure.message,
  ...(failure.stack && { stack: failure.stack }),
  ...(failure.stderr && { stderr: failure.stderr }),
})

const timingFromWire = (timing: wire.Timing | undefined): SlotTiming => {
  if (timing === undefined) throw new MessageError('a report without timing')
  return {
    computeSeconds: seconds(timing.computeSeconds),
    decodeSeconds: seconds(timing.decodeSeconds),
    encodeSeconds: seconds(timing.encodeSeconds),
    dispatchSeconds: seconds(timing.dispatchSeconds),
    cpuSeconds: seconds(timing.cpuSeconds),
    startSeconds: seconds(timing.startSeconds),
    waitSeconds: seconds(timing.waitSeconds),
    itemSeconds: seconds(timing.itemSeconds),
    preemptedSeconds: seconds(timing.preemptedSeconds),
    lostSeconds: seconds(timing.lostSeconds),
    elsewhereSeconds: seconds(timing.elsewhereSeconds),
  }
}

const spanFromWire = (span: wire.Span | undefined): { start: number; end: number } => {
  if (span === undefined) throw new MessageError('a span is missing')
  const start = whole(span.start)
  const end = whole(span.end)
  if (end < start) throw new MessageError(`the span [${start}, ${end}) ends before it starts`)
  return { start, end }
}

const spanToWire = (span: { start: number; end: number }): wire.Span => ({ start: big(span.start), end: big(span.end) })

export const taskCodec: Codec<Task> = codec<Task, wire.Task>(
  'task',
  wire.Task,
  task => ({
    job: task.job,
    epoch: big(task.epoch),
    shard: big(task.shard),
    attempt: task.attempt,
    start: big(task.start),
    items: headOf(task.items),
    careful: task.careful,
    timeBoxSeconds: task.timeBoxSeconds,
  }),
  task => {
    const start = whole(task.start)
    const items = itemsFromWire(task.items)
    if (!('sha256' in items) && !Number.isSafeInteger(start + countOf(items)))
      throw new MessageError('the items of a task end beyond 2^53')
    return {
      job: task.job,
      epoch: whole(task.epoch),
      shard: whole(task.shard),
      attempt: task.attempt,
      start,
      items,
      careful: task.careful,
      timeBoxSeconds: seconds(task.timeBoxSeconds),
    }
  },
  { field: 6, items: task => task.items },
)

export const reportCodec: Codec<Report> = codec<Report, wire.Report>(
  'report',
  wire.Report,
  report => ({
    job: report.job,
    epoch: big(report.epoch),
    shard: big(report.shard),
    attempt: report.attempt,
    agent: report.agent,
    slot: report.slot,
    sequence: report.sequence,
    span: spanToWire(report),
    values: headOf(report.values),
    failures: report.failures.map(failureToWire),
    timing: report.timing,
    last: report.last,
    suspects: report.suspects && spanToWire(report.suspects),
    givenBack: report.givenBack && spanToWire(report.givenBack),
    refusal: report.refusal ?? '',
  }),
  message => {
    const span = spanFromWire(message.span)
    const values = itemsFromWire(message.values)
    if ('sha256' in values) throw new MessageError('a report whose values are a reference')
    const failures = message.failures.map(failureFromWire)
    let previous = span.start - 1
    for (const failure of failures) {
      if (failure.index <= previous || failure.index >= span.end)
        throw new MessageError('failures are not in order within the span')
      previous = failure.index
    }
    return {
      job: message.job,
      epoch: whole(message.epoch),
      shard: whole(message.shard),
      attempt: message.attempt,
      agent: message.agent,
      slot: message.slot,
      sequence: message.sequence,
      ...span,
      values,
      failures,
      timing: timingFromWire(message.timing),
      last: message.last,
      ...(message.suspects && { suspects: spanFromWire(message.suspects) }),
      ...(message.givenBack && { givenBack: spanFromWire(message.givenBack) }),
      ...(message.refusal && { refusal: message.refusal }),
    }
  },
  { field: 7, items: report => report.values },
)

/** Reports that are sent together, each a message by itself. */
export const reportsCodec: Codec<readonly Uint8Array[]> = codec<readonly Uint8Array[], wire.Reports>(
  'reports',
  wire.Reports,
  reports => ({ reports: [...reports] }),
  ({ reports }) => reports,
)

export const partCodec: Codec<Part> = codec<Part, wire.Part>(
  'part',
  wire.Part,
  part => ({ ...part, sha256: Buffer.from(part.sha256, 'hex') }),
  part => ({ ...part, sha256: hashFromWire(part.sha256) }),
)
