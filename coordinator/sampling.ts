// Some items of a job, run one after the other in one worker, and what they took. In: hands, the job's function, items from
// all over its input. Out: a Sample for predict.ts, and the outcomes, so that no item need be run again. Always true: one
// piece is in flight at a time, so that what is measured is not in each other's way; it ends by itself after its time.
import { countOf, type Items, joinItems, sizeOf, sliceItems } from '../proto/items.js'
import type { ItemFailure, Outcomes } from '../proto/outcome.js'
import type { Clock } from '../proto/timing.js'
import type { Input, InputBatch } from './input/input.js'
import type { Hands, JobEnd, JobRequest } from './job.js'
import type { Output } from './output/output.js'
import { runsOf } from './output/runs.js'
import type { Sample } from './predict.js'
import type { Pick } from './spread.js'

/** What is known of a sampled item: its place in the input, what it was, what became of it. */
export interface Sampled {
  readonly index: number
  readonly item: Items
  readonly outcome: { readonly value: Items } | { readonly failure: ItemFailure }
}

export interface SamplingOptions {
  readonly hands: Hands
  readonly request: Omit<JobRequest, 'operation' | 'output' | 'input'>
  readonly picks: readonly Pick[]
  readonly total: number | undefined
  readonly seconds: number
  readonly mostItems: number
  /** Keeps what items gave; without it only what they took is kept. */
  readonly keeps: boolean
  readonly clock: Clock
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

/** A piece takes about so long. Shorter: handing it over shows in its time. Longer: fewer pieces, of which spread is known. */
const PIECE_SECONDS = 0.005
/** A piece is at most so many times as large as the last: the first items are slower than the rest. */
const GROWTH = 16
/** Enough is known when the mean is known to this, from so many pieces. */
const WELL_KNOWN = 0.02
const LEAST_PIECES = 12
/** Larger pieces say too little of one item: they differ by what else the machine does. */
const SPREAD_ITEMS = 64

interface Piece {
  readonly items: Items
  readonly count: number
  readonly places: readonly { readonly start: number; readonly count: number }[]
  seconds: number
}

/** Hands out picks piece by piece, each when the one before has come back. */
class Pieces implements Input {
  readonly count = undefined
  readonly pieces: Piece[] = []
  readonly #options: SamplingOptions
  #queue: { start: number; items: Items }[]
  #given = 0
  #open = 0
  #since = 0
  #started: number | undefined
  #wake: () => void = () => {}
  #closed = false

  constructor(options: SamplingOptions) {
    this.#options = options
    this.#queue = [...options.picks]
  }

  async next(maxItems: number): Promise<InputBatch | undefined> {
    while (this.#open > 0 && !this.#closed) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    if (this.#isOver()) return undefined
    const piece = this.#take(Math.min(maxItems, this.#wanted()))
    if (piece === undefined) return undefined
    this.pieces.push(piece)
    this.#open = piece.count
    this.#since = this.#options.clock()
    return { items: piece.items }
  }

  /** So many items of the piece in flight have come back. */
  settled(count: number): void {
    this.#open -= count
    if (this.#open > 0) return
    const now = this.#options.clock()
    const piece = this.pieces.at(-1)
    if (piece !== undefined) piece.seconds = now - this.#since
    // The time that workers need to start is not the sample's.
    this.#started ??= now
    this.#wake()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#wake()
  }

  /** The piece and the place in it of the nth item that was handed out. */
  placeOf(nth: number): { readonly index: number; readonly item: Items } {
    let left = nth
    for (const { items, count, places } of this.pieces) {
      if (left >= count) {
        left -= count
        continue
      }
      const item = sliceItems(items, left, left + 1)
      for (const place of places) {
        if (left < place.count) return { index: place.start + left, item }
        left -= place.count
      }
    }
    throw new Error(`item ${nth} was never handed out`)
  }

  #isOver(): boolean {
    const { clock, seconds, mostItems } = this.#options
    if (this.#closed || this.#given >= mostItems) return true
    if (this.#started === undefined) return this.pieces.length > 0
    if (clock() - this.#started >= seconds) return true
    return this.pieces.length >= LEAST_PIECES && relativeErrorOf(this.pieces) < WELL_KNOWN
  }

  #wanted(): number {
    const last = this.pieces.at(-1)
    if (last === undefined) return 1
    const perItem = Math.max(last.seconds / last.count, 1e-9)
    return Math.max(1, Math.min(PIECE_SECONDS / perItem, last.count * GROWTH, this.#options.mostItems - this.#given))
  }

  /** So many items, from as many picks as there are, a part of each. */
  #take(wanted: number): Piece | undefined {
    const parts: Items[] = []
    const places: { start: number; count: number }[] = []
    const share = Math.max(1, Math.ceil(wanted / Math.max(1, this.#queue.length)))
    let count = 0
    while (count < Math.floor(wanted)) {
      const pick = this.#queue.shift()
      if (pick === undefined) break
      const has = countOf(pick.items)
      const taken = Math.min(share, has, Math.floor(wanted) - count)
      parts.push(sliceItems(pick.items, 0, taken))
      places.push({ start: pick.start, count: taken })
      if (taken < has) this.#queue.push({ start: pick.start + taken, items: sliceItems(pick.items, taken, has) })
      count += taken
    }
    if (count === 0) return undefined
    this.#given += count
    return { items: joinItems(parts), count, places, seconds: 0 }
  }
}

/** Of pieces of any size: the variance of one item, by what pieces differ. */
const varianceOf = (pieces: readonly Piece[], mean: number): number => {
  if (pieces.length < 2) return 0
  const squares = pieces.reduce((sum, { seconds, count }) => sum + count * (seconds / count - mean) ** 2, 0)
  return squares / (pieces.length - 1)
}

const totalsOf = (pieces: readonly Piece[]): { items: number; seconds: number } =>
  pieces.reduce((sum, { count, seconds }) => ({ items: sum.items + count, seconds: sum.seconds + seconds }), {
    items: 0,
    seconds: 0,
  })

const relativeErrorOf = (pieces: readonly Piece[]): number => {
  const warm = pieces.slice(1)
  const { items, seconds } = totalsOf(warm)
  if (items === 0 || seconds <= 0) return 1
  return Math.sqrt(varianceOf(warm, seconds / items) / items) / (seconds / items)
}

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
      if (keeps) sampled.push(...eachOf(outcomes, pieces))
      pieces.settled(outcomes.end - outcomes.start)
    },
    commit: async () => {},
    abandon: async () => {},
  }
  const started = clock()
  // Sizes are the sample's own. A failure is a measurement like any other, but for a job that its first failure ends.
  const { shardSize: _, maxFailures: __, ...rest } = request.options
  const onError = keeps ? rest.onError : 'collect'
  const jobOptions = { ...rest, onError, unordered: false } as const
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
  const { compute, start } = receipt.core_seconds
  const away = totalsOf(pieces)
  // All pieces were handed over at the same cost, the first with the start of its worker on top.
  const handingSeconds = Math.max(0, away.seconds - compute - start) / Math.max(1, pieces.length)
  const inside = pieces
    .filter(({ seconds }) => seconds > 0)
    .map((piece, nth) => ({
      ...piece,
      seconds: Math.max(0, piece.seconds - handingSeconds - (nth === 0 ? start : 0)),
    }))
  const warm = inside.length > 2 ? inside.slice(1) : inside
  const { items, seconds } = totalsOf(warm)
  const itemSeconds = items > 0 ? seconds / items : 0
  const few = warm.filter(({ count }) => count <= SPREAD_ITEMS)
  const [first] = inside
  const isSlow = first !== undefined && inside.length > 2 && first.seconds > 3 * itemSeconds
  const longestSeconds = Math.max(0, ...warm.map(piece => piece.seconds / piece.count))
  return {
    itemSeconds,
    sigmaSeconds: few.length > 2 ? Math.sqrt(varianceOf(few, itemSeconds)) : undefined,
    longestSeconds,
    cpuSeconds: undefined,
    loadSeconds: 0,
    warmUpSeconds: isSlow ? first.seconds - itemSeconds : 0,
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
