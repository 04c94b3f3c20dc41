// What it would cost the caller to take values over from workers, before any has come: the caller's own values are packed, put
// into a report, and taken out again. In: values of the caller's loop. Out: seconds an item. Always true: it is measured with
// the job's own values, on this machine, and is a lower bound: what the system does with the bytes comes on top.

import { packValues, unpackItems } from '../../proto/items.js'
import type { Report } from '../../proto/outcome.js'
import { reportCodec } from '../../proto/shard-codec.js'
import { NO_SLOT_TIME } from '../../proto/timing.js'

/** Where values are large, few say enough: the caller waits meanwhile. Where they are small, the clock needs more. */
const FIRST_SAMPLE_ITEMS = 8
const GROWTH = 8
const SAMPLE_ITEMS = 2048
const ENOUGH_SECONDS = 200e-6
/** The first run compiles. */
const RUNS = 3

/** Undefined where there are no values to measure with. */
export const handoverSecondsOf = (values: ArrayLike<unknown>, from: number, to: number): number | undefined => {
  if (to <= from) return undefined
  for (let wanted = FIRST_SAMPLE_ITEMS; ; wanted *= GROWTH) {
    const sample: unknown[] = Array.prototype.slice.call(values, Math.max(from, to - wanted), to)
    const seconds = fastestSeconds(sample)
    const isLargest = sample.length < wanted || wanted * GROWTH > SAMPLE_ITEMS
    if (seconds >= ENOUGH_SECONDS || isLargest) return seconds / sample.length
  }
}

const fastestSeconds = (sample: readonly unknown[]): number => {
  let best = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS; run++) {
    const beganAt = performance.now()
    unpackItems(reportCodec.decode(reportCodec.encode(reportOf(sample))).values)
    best = Math.min(best, (performance.now() - beganAt) / 1000)
  }
  return best
}

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
