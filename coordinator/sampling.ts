// Some items of a job, run one after the other in one worker, and what they took. In: hands, the job's function, items from
// all over its input. Out: a Sample for predict.ts, and the outcomes, so that no item need be run again. Always true: what an
// item took is what its worker measured inside the function; only spread and warm-up are read off how long pieces were away.
import { countOf, type Items, sizeOf, sliceItems } from '../proto/items.js'
import type { ItemFailure, Outcomes } from '../proto/outcome.js'
import type { Hands, JobEnd, JobRequest } from './job.js'
import type { Output } from './output/output.js'
import { runsOf } from './output/runs.js'
import { type Piece, Pieces, type PiecesOptions, totalsOf, varianceOf } from './pieces.js'
import type { Sample } from './predict.js'

/** What is known of a sampled item: its place in the input, what it was, what became of it. */
export interface Sampled {
  readonly index: number
  readonly item: Items
  readonly outcome: { readonly value: Items } | { readonly failure: ItemFailure }
}

export interface SamplingOptions extends PiecesOptions {
  readonly hands: Hands
  readonly request: Omit<JobRequest, 'operation' | 'output' | 'input'>
  readonly total: number | undefined
  /** Keeps what items gave; without it only what they took is kept. */
  readonly keeps: boolean
}

export interface Sampling {
  readonly sample: Sample
  readonly end: JobEnd
  /** In the order of the input; empty unless they were to be kept. */
  readonly sampled: readonly Sampled[]
  /** Until the worker was ready and the function loaded. */
  readonly startSeconds: number
  readonly seconds: number
}

/** Larger pieces say too little of one item: they differ by what else the machine does. */
const SPREAD_ITEMS = 64

/** Outcomes that are kept wait for their places in memory. */
const KEPT_BYTES = 32 * 1024 * 1024

/** Runs the sample. */
export const runSample = async (options: SamplingOptions): Promise<Sampling> => {
  const { hands, request, clock, keeps } = options
  const pieces = new Pieces(options)
  const sampled: Sampled[] = []
  let bytesOut = 0
  let textOut = 0
  const output: Output = {
    async write(outcomes) {
      bytesOut += sizeOf(outcomes.values)
      if (outcomes.values.form === 'json') textOut += outcomes.values.text.byteLength
      // First the clock, then what takes time here.
      pieces.settled(outcomes.end - outcomes.start)
      if (keeps) for (const each of eachOf(outcomes, pieces)) sampled.push(each)
      if (keeps && bytesOut > KEPT_BYTES) pieces.end()
    },
    commit: async () => {},
    abandon: async () => {},
  }
  const started = clock()
  // Sizes are the sample's own. A failure is a measurement like any other, but for a job that its first failure ends.
  const { shardSize: _, maxFailures: __, ...rest } = request.options
  const onError = keeps ? rest.onError : 'collect'
  // One item at a time is what a loop takes.
  const jobOptions = { ...rest, onError, unordered: false, concurrency: 1 } as const
  const end = await hands.run({ ...request, options: jobOptions, operation: 'map', input: pieces, output })
  const measured = measuredOf(pieces.pieces, end)
  const bytesIn = pieces.pieces.reduce((sum, { items }) => sum + sizeOf(items), 0)
  const textIn = pieces.pieces.reduce((sum, { items }) => sum + (items.form === 'json' ? items.text.byteLength : 0), 0)
  const items = Math.max(1, end.settled)
  const sample: Sample = {
    ...measured,
    items: end.settled,
    total: options.total,
    bytesIn: bytesIn / items,
    bytesOut: bytesOut / items,
    textBytes: (textIn + textOut) / items,
  }
  sampled.sort((a, b) => a.index - b.index)
  return { sample, end, sampled, startSeconds: end.receipt.core_seconds.start, seconds: clock() - started }
}

/** What items took, from how long pieces were away and what the job's account says of the function's part of that. */
const measuredOf = (
  pieces: readonly Piece[],
  { receipt }: JobEnd,
): Omit<Sample, 'items' | 'total' | 'bytesIn' | 'bytesOut' | 'textBytes'> => {
  const { start } = receipt.core_seconds
  // Without the time in which another process had the core.
  const compute = Math.max(0, receipt.core_seconds.compute - receipt.preempted_core_seconds)
  const cpuShare = Math.min(1, receipt.cpu_core_seconds / Math.max(compute, 1e-12))
  const back = pieces.filter(({ seconds }) => seconds > 0)
  const away = totalsOf(back)
  // All pieces were handed over at the same cost, the first with the start of its worker on top.
  const handingSeconds = Math.max(0, away.seconds - receipt.core_seconds.compute - start) / Math.max(1, back.length)
  const [first, ...others] = back
  const even = compute / Math.max(1, away.items)
  const firstSeconds = Math.min((first?.seconds ?? 0) - handingSeconds - start, compute)
  // What is not well above the noise of handing over is no warm-up.
  const isSlow = others.length > 1 && firstSeconds > 3 * handingSeconds && firstSeconds > 3 * even
  const itemSeconds = isSlow ? (compute - firstSeconds) / Math.max(1, away.items - (first?.count ?? 0)) : even
  // Only in what takes longer than handing it over are items seen apart.
  const seen = (isSlow ? others : back)
    .filter(({ count }) => count <= SPREAD_ITEMS && count * itemSeconds > handingSeconds)
    .map(piece => ({ ...piece, seconds: piece.seconds - handingSeconds - (piece === first ? start : 0) }))
  return {
    itemSeconds,
    sigmaSeconds: seen.length > 2 ? Math.sqrt(varianceOf(seen, itemSeconds)) : undefined,
    longestSeconds: Math.max(itemSeconds, ...seen.map(({ seconds, count }) => seconds / count)),
    cpuSeconds: receipt.cpu_core_seconds > 0 ? cpuShare * itemSeconds : undefined,
    loadSeconds: 0,
    warmUpSeconds: isSlow ? firstSeconds - itemSeconds : 0,
  }
}

/** The outcomes one by one, each with its place in the real input. */
const eachOf = (outcomes: Outcomes, pieces: Pieces): Sampled[] =>
  [...runsOf(outcomes)].flatMap((run): Sampled[] => {
    if ('failure' in run) {
      const place = pieces.placeOf(run.failure.index)
      return [{ ...place, outcome: { failure: { ...run.failure, index: place.index } } }]
    }
    const count = countOf(run.values)
    return Array.from({ length: count }, (_, nth) => ({
      ...pieces.placeOf(run.start + nth),
      outcome: { value: count === 1 ? run.values : sliceItems(run.values, nth, nth + 1) },
    }))
  })
