// What it would cost the caller to give items to workers and to take their values over, before any has come: the caller's own are
// packed, put into a task and a report, and taken out again. In: items of the caller's loop, their values. Out: seconds an item.
// Always true: it is measured with the job's own values, on this machine, and is a lower bound: what the system does with the
// bytes comes on top.

import { EMPTY_ITEMS, packValues, unpackItems } from '../../proto/items.js'
import type { Report } from '../../proto/outcome.js'
import { reportCodec, taskCodec } from '../../proto/shard-codec.js'
import { NO_SLOT_TIME } from '../../proto/timing.js'
import type { InputBatch } from '../input/input.js'
import { packReadable } from '../input/values.js'
import type { Piece } from './shares.js'

/** Where values are large, few say enough: the caller waits meanwhile. Where they are small, the clock needs more. */
const FIRST_SAMPLE_ITEMS = 8
const GROWTH = 8
const SAMPLE_ITEMS = 2048
const ENOUGH_SECONDS = 200e-6
/** The first run compiles. */
const RUNS = 3

/** A number or a short text, given or taken, takes far less than this part of such an item: there is nothing to measure. */
const TRIFLE_SECONDS = 1e-6
const TRIFLE_PART = 0.05
const SHORT_TEXT = 64

/** Items that the caller ran, and where their values are: the first one's at `base`. */
export interface Ran {
  readonly piece: Piece
  readonly values: ArrayLike<unknown>
  readonly base: number
}

/**
 * Undefined where there is nothing to measure with. Takes no longer than `mostSeconds`, but for the run that it is in. `itemSeconds`: what
 * is to be saved, in the caller's loop.
 */
export const handoverSecondsOf = (ran: Ran, itemSeconds: number, mostSeconds: number): number | undefined => {
  const count = ran.piece.to - ran.piece.from
  if (count <= 0) return undefined
  if (TRIFLE_SECONDS <= TRIFLE_PART * itemSeconds && areTrifles(ran, count)) return TRIFLE_SECONDS
  const untilMs = performance.now() + mostSeconds * 1000
  // A shard has many more items than a sample may have: what the messages themselves take is not theirs.
  const emptySeconds = fastestSeconds(ran, count, count, untilMs)
  for (let wanted = FIRST_SAMPLE_ITEMS; ; wanted *= GROWTH) {
    const items = Math.min(wanted, count)
    const seconds = fastestSeconds(ran, count - items, count, untilMs)
    const isLast = items < wanted || wanted * GROWTH > SAMPLE_ITEMS || performance.now() >= untilMs
    if (seconds >= ENOUGH_SECONDS || isLast) return Math.max(0, seconds - emptySeconds) / items
  }
}

const areTrifles = ({ piece, values, base }: Ran, count: number): boolean => {
  const { items } = piece
  for (let back = 1; back <= Math.min(count, FIRST_SAMPLE_ITEMS); back++) {
    if (!isTrifle(values[base + count - back])) return false
    if (items.form === 'values' && !isTrifle(items.values[piece.to - back])) return false
  }
  return true
}

const isTrifle = (value: unknown): boolean => {
  if (typeof value === 'string') return value.length <= SHORT_TEXT
  return typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined
}

/** The sample is what lies `[from, to)` behind the first. */
const fastestSeconds = ({ piece, values, base }: Ran, from: number, to: number, untilMs: number): number => {
  const sample: unknown[] = Array.prototype.slice.call(values, base + from, base + to)
  let best = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS && (run === 0 || performance.now() < untilMs); run++) {
    const beganAt = performance.now()
    const batches = from < to ? packReadable(piece.items, piece.from + from, piece.from + to) : NO_ITEMS
    for (const batch of batches)
      if ('items' in batch) taskCodec.decode(taskCodec.encode({ ...TASK, items: batch.items }))
    unpackItems(reportCodec.decode(reportCodec.encode(reportOf(sample))).values)
    best = Math.min(best, (performance.now() - beganAt) / 1000)
  }
  return best
}

const NO_ITEMS: readonly InputBatch[] = [{ items: EMPTY_ITEMS }]

const TASK = { job: 'sample', epoch: 1, shard: 0, attempt: 1, start: 0, careful: false, timeBoxSeconds: 1 } as const

const reportOf = (values: readonly unknown[]): Report => ({
  job: 'sample',
  epoch: 1,
  shard: 0,
  attempt: 1,
  agent: 'caller',
  sequence: 0,
  slot: 0,
  last: true,
  timing: NO_SLOT_TIME,
  start: 0,
  end: values.length,
  values: packValues(values).items,
  failures: [],
})
