// What the caller's loop runs next, in chunks of a size that leaves the clock in view. In: the caller's share; what the workers' job
// gives back when that is used up; how long chunks took. Out: pieces. Always true: a chunk is expected to take a small part of a slice;
// time in which there was nothing to do is in no report of the caller's.
import type { Clock } from '../../proto/timing.js'
import type { Source } from '../input/source.js'
import type { CallerAccount } from './caller-account.js'
import type { Help } from './help.js'
import type { Piece, Shares } from './shares.js'

/** The clock is looked at after such a part of a slice, as it is expected to take. */
const CHUNK_PART = 0.1
/** Smaller: more looks. Larger: short slices end late. */
const LEAST_CHUNK_SECONDS = 0.0005
/** One chunk is at most so many times the last one: the first items are often unlike the rest. */
const GROWTH = 8
/**
 * And at most this part of what remains, unless that would take less than LEAST_SECONDS: of few items, some that turn out long would
 * keep the caller for a good part of the job. Smaller: more looks at the clock.
 */
const PART_OF_REST = 1 / 16
const LEAST_SECONDS = 50e-6

export interface ChunksOptions {
  readonly shares: Shares
  readonly source: Source
  /** Where the caller can take items back. */
  readonly help: Help | undefined
  /** The workers have a job that could give some. */
  readonly hasWorkers: () => boolean
  readonly account: CallerAccount
  /** How long the caller's loop goes on before the event loop's next turn. */
  readonly sliceSeconds: () => number
  readonly clock: Clock
}

export class Chunks {
  readonly #options: ChunksOptions
  #items = 1
  /** What was taken back. */
  #back: Piece | undefined

  constructor(options: ChunksOptions) {
    this.#options = options
  }

  /** None at the end of the caller's part. */
  next(): Piece | undefined | Promise<Piece | undefined> {
    return this.#options.shares.takeForCaller(this.#items) ?? this.#takeBack()
  }

  ran(items: number, seconds: number): void {
    const { shares, sliceSeconds } = this.#options
    const chunkSeconds = Math.max(LEAST_CHUNK_SECONDS, CHUNK_PART * sliceSeconds())
    const wanted = Math.floor((items * chunkSeconds) / seconds)
    const { remaining = Number.POSITIVE_INFINITY } = shares
    const most = Math.max(Math.floor(remaining * PART_OF_REST), Math.floor((items * LEAST_SECONDS) / seconds))
    this.#items = Math.max(1, Math.min(wanted, items * GROWTH, most))
  }

  /** With no items of its own left, the caller runs what workers have not begun. */
  #takeBack(): Piece | undefined | Promise<Piece | undefined> {
    const piece = this.#back
    if (piece === undefined) return this.#askBack()
    const { index, items, from, to } = piece
    const cut = Math.min(to, from + this.#items)
    this.#back = cut === to ? undefined : { index: index + cut - from, items, from: cut, to }
    return { index, items, from, to: cut }
  }

  async #askBack(): Promise<Piece | undefined> {
    const { shares, source, help, hasWorkers, account, clock } = this.#options
    if (help === undefined || !hasWorkers() || source.type !== 'indexed') return undefined
    account.report(clock())
    const span = await help.next()
    account.resume(clock())
    if (span === undefined) return undefined
    const index = shares.indexOf(span.start)
    this.#back = { index, items: source.items, from: index, to: index + span.end - span.start }
    // They may be unlike those before.
    this.#items = 1
    return this.#takeBack()
  }
}
