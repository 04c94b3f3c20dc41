// Reports cut to what the transport carries. In: a report of any size. Out: messages, each a whole report of a part of its
// items, or parts of the one item that is too large by itself.

import { versionOf } from './envelope.js'
import { EMPTY_ITEMS, sizeOf, sliceItems } from './items.js'
import type { Report } from './outcome.js'
import { cutIntoParts } from './part.js'
import type { Task } from './shard.js'
import { partCodec, reportCodec, reportsCodec } from './shard-codec.js'
import { NO_SLOT_TIME, type SlotTiming } from './timing.js'

/** Room for everything of a report that is not its values; a server with a small limit leaves less. */
const HEAD_BYTES = 64 * 1024
const roomFor = (limitBytes: number): number => limitBytes - Math.min(HEAD_BYTES, limitBytes >>> 1)

const failureBytes = (report: Report): number =>
  report.failures.reduce(
    (sum, { message, stack, stderr }) => sum + message.length + (stack?.length ?? 0) + (stderr?.length ?? 0),
    0,
  )

/** So much of the time goes with that part of the items; together the pieces tell it once. */
const share = (timing: SlotTiming, part: number): SlotTiming =>
  Object.fromEntries(Object.entries(timing).map(([name, seconds]) => [name, seconds * part])) as unknown as SlotTiming

/** The report in pieces of at most half a message each; their numbers follow from `report.sequence`. */
const halve = (report: Report, limitBytes: number): Report[] => {
  const items = report.end - report.start
  if (items < 2 || sizeOf(report.values) + failureBytes(report) <= limitBytes) return [report]
  const middle = report.start + (items >>> 1)
  const failedBefore = report.failures.filter(({ index }) => index < middle).length
  const values = middle - report.start - failedBefore
  const { suspects: _, refusal: __, ...bare } = report
  const front: Report = {
    ...bare,
    end: middle,
    values: sliceItems(report.values, 0, values),
    failures: report.failures.slice(0, failedBefore),
    timing: share(report.timing, (middle - report.start) / items),
    last: false,
  }
  const back: Report = {
    ...report,
    start: middle,
    values: sliceItems(report.values, values, items - report.failures.length),
    failures: report.failures.slice(failedBefore),
    timing: share(report.timing, (report.end - middle) / items),
  }
  return [...halve(front, limitBytes), ...halve(back, limitBytes)]
}

/** `divisible`: one outcome an item (a map); the one value of a fold is never cut between items. */
export const toReports = (report: Report, limitBytes: number, divisible: boolean): Report[] =>
  divisible ? halve(report, roomFor(limitBytes)) : [report]

/** `version`: one that the coordinator reads; by default the newest. */
export const toMessages = (report: Report, limitBytes: number, version?: number): Uint8Array[] => {
  const message = reportCodec.encode(report, version)
  if (message.byteLength <= limitBytes) return [message]
  return cutIntoParts(message, roomFor(limitBytes)).map(part => partCodec.encode(part, version))
}

/** What is sent together: reports of one job, which its coordinator reads all. */
export const toOneMessage = (messages: readonly Uint8Array[]): Uint8Array => {
  const [first, ...others] = messages as [Uint8Array, ...Uint8Array[]]
  return others.length === 0 ? first : reportsCodec.encode(messages, versionOf(first))
}

/** The report of a task that nobody has begun here: no item of it, and its end. */
export const givenBack = (agent: string, task: Task, refusal?: string): Report => {
  const { job, epoch, shard, attempt, start } = task
  const outcomes = { start, end: start, values: EMPTY_ITEMS, failures: [], timing: NO_SLOT_TIME, last: true }
  return {
    job,
    epoch,
    shard,
    attempt,
    agent,
    slot: 0,
    sequence: 0,
    ...outcomes,
    ...(refusal !== undefined && { refusal }),
  }
}
