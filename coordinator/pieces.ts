// Items of a sample, handed out piece by piece, each when the one before has come back. In: picks from all over an input, how
// long pieces took. Out: an Input for the job that tries them. Always true: one piece is in flight; a piece is as large as
// fills its time, so that short items are tried many at a time and long ones alone; it ends by itself.
import { countOf, type Items, joinItems, sliceItems } from '../proto/items.js'
import type { Clock } from '../proto/timing.js'
import type { Input, InputBatch } from './input/input.js'
import type { Pick } from './spread.js'

export interface PiecesOptions {
  readonly picks: readonly Pick[]
  readonly seconds: number
  readonly mostItems: number
  readonly clock: Clock
}

/**
 * Pieces grow until they take so long. Shorter: handing them over shows in their time. Longer: fewer of them, of which the
 * spread is known.
 */
const PIECE_SECONDS = 0.01
/** The next larger piece has so many times the items: the first items are often slower than the rest. */
const GROWTH = 4
/** Enough is known when the mean is known to this, from so many pieces. */
const WELL_KNOWN = 0.02
const LEAST_PIECES = 12

export interface Piece {
  readonly items: Items
  readonly count: number
  readonly places: readonly { readonly start: number; readonly count: number }[]
  seconds: number
}

export class Pieces implements Input {
  readonly count = undefined
  readonly pieces: Piece[] = []
  readonly #options: PiecesOptions
  #queue: { start: number; items: Items }[]
  #given = 0
  #open = 0
  #since = 0
  #started: number | undefined
  #wake: () => void = () => {}
  #closed = false
  #isEnough = false

  constructor(options: PiecesOptions) {
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

  /** No further piece is handed out. */
  end(): void {
    this.#isEnough = true
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
    if (this.#closed || this.#isEnough || this.#given >= mostItems) return true
    if (this.#started === undefined) return this.pieces.length > 0
    if (clock() - this.#started >= seconds) return true
    const alike = this.#newestAlike()
    return alike.length >= LEAST_PIECES && relativeErrorOf(alike) < WELL_KNOWN
  }

  /** As many items as fill a piece's time, by the best piece of the newest size. */
  #wanted(): number {
    const left = this.#options.mostItems - this.#given
    const alike = this.#newestAlike()
    const [last] = alike
    if (last === undefined) return 1
    const best = Math.min(...alike.map(({ seconds }) => seconds))
    // Other processes only make pieces longer: one that was short says that they are.
    return Math.max(1, Math.min(left, best < PIECE_SECONDS ? last.count * GROWTH : last.count))
  }

  /** Without the first of all, which has its worker's start in it. */
  #newestAlike(): Piece[] {
    const last = this.pieces.at(-1)
    return this.pieces.slice(1).filter(({ count }) => count === last?.count)
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
export const varianceOf = (pieces: readonly Piece[], mean: number): number => {
  if (pieces.length < 2) return 0
  const squares = pieces.reduce((sum, { seconds, count }) => sum + count * (seconds / count - mean) ** 2, 0)
  return squares / (pieces.length - 1)
}

export const totalsOf = (pieces: readonly Piece[]): { items: number; seconds: number } =>
  pieces.reduce((sum, { count, seconds }) => ({ items: sum.items + count, seconds: sum.seconds + seconds }), {
    items: 0,
    seconds: 0,
  })

/** Of the mean of an item. */
const relativeErrorOf = (pieces: readonly Piece[]): number => {
  const { items, seconds } = totalsOf(pieces)
  if (items === 0 || seconds <= 0) return 1
  return Math.sqrt(varianceOf(pieces, seconds / items) / items) / (seconds / items)
}
