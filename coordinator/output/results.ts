// Where values go that come from the caller's own loop and from workers, piece by piece. In: pieces that the caller ran,
// outcomes of the workers' job at their places in the whole. Out: an array, doubles, or a stream in the order that was asked
// for. Always true: every item is in its place; a failed one holds `undefined` (NaN among doubles) and is listed.
import { packValues } from '../../proto/items.js'
import type { Room } from '../../proto/loop.js'
import type { ItemFailure, Outcomes } from '../../proto/outcome.js'
import { Gather } from '../gather.js'
import type { Piece } from '../inline/shares.js'
import { putAll, reserve, valuesOf } from './arrays.js'
import { doublesOf } from './f64.js'
import type { Output } from './output.js'
import { runsOf } from './runs.js'
import type { Streamed } from './value-stream.js'

export interface Results extends Output {
  /** Where the caller's loop puts the values of a piece. */
  room(piece: Piece): Room
  /** The piece was run. Resolves when there is room for more. */
  ran(piece: Piece, room: Room, failures: readonly ItemFailure[]): void | Promise<void>
  /** Whether what waits for its turn leaves room for more. */
  readonly hasRoom: boolean
}

/** At the job's end: whoever asked for the values has them. */
const nothingMore = async (): Promise<void> => {}

interface Segment {
  readonly index: number
  readonly values: ArrayLike<unknown>
}

/** So many values show of what kind all are. */
const SAMPLE_ITEMS = 64

/**
 * All values as an array. Where their number is known it is made as long as it will be once some values are there: growing
 * it step by step takes longer than a short function does.
 */
export class ArrayResults implements Results {
  readonly takesRecords = true
  readonly hasRoom = true
  readonly commit = nothingMore
  readonly abandon = nothingMore
  readonly failures: ItemFailure[] = []
  readonly #count: number | undefined
  /** Of all values, or of those at the front, which come one after the other. */
  readonly #all: unknown[] = []
  #isReserved = false
  /** What came apart from the front. */
  readonly #others: Segment[] = []

  constructor(count?: number) {
    this.#count = count
  }

  room({ index }: Piece): Room {
    if (this.#all.length >= SAMPLE_ITEMS) this.#reserve(this.#all)
    if (this.#isReserved || index === this.#all.length) return { type: 'array', values: this.#all, base: 0 }
    const values: unknown[] = []
    this.#others.push({ index, values })
    return { type: 'array', values, base: index }
  }

  ran(_piece: Piece, _room: Room, failures: readonly ItemFailure[]): void {
    this.failures.push(...failures)
  }

  async write(outcomes: Outcomes): Promise<void> {
    for (const run of runsOf(outcomes)) {
      if ('failure' in run) {
        this.failures.push(run.failure)
        this.#put(run.failure.index, [undefined])
      } else this.#put(run.start, valuesOf(run.values))
    }
  }

  /** Once, at the end. */
  values(): unknown[] {
    const all = this.#all
    this.#others.sort((a, b) => a.index - b.index)
    // What was put aside before the array was made is at its place in either case.
    for (const { index, values } of this.#others) putAll(values, all, index)
    return all
  }

  #put(index: number, values: ArrayLike<unknown>): void {
    this.#reserve(values)
    if (this.#isReserved) putAll(values, this.#all, index)
    else this.#others.push({ index, values })
  }

  #reserve(sample: ArrayLike<unknown>): void {
    if (this.#isReserved || this.#count === undefined) return
    this.#isReserved = reserve(this.#all, this.#count, sample)
  }
}

/** All values as doubles. A value that is no number ends the job. */
export class DoublesResults implements Results {
  readonly hasRoom = true
  readonly commit = nothingMore
  readonly abandon = nothingMore
  readonly failures: ItemFailure[] = []
  #values: Float64Array
  #length = 0

  /** `count` saves growing where it is known. */
  constructor(count = 0) {
    this.#values = new Float64Array(count)
  }

  room({ index, from, to }: Piece): Room {
    this.#upTo(index + to - from)
    return { type: 'doubles', values: this.#values, base: 0 }
  }

  ran(_piece: Piece, _room: Room, failures: readonly ItemFailure[]): void {
    this.failures.push(...failures)
  }

  async write(outcomes: Outcomes): Promise<void> {
    this.#upTo(outcomes.end)
    const { start, values, failures } = outcomes
    if (values.form === 'f64' && failures.length === 0) {
      this.#values.set(values.values, start)
      return
    }
    for (const run of runsOf(outcomes)) {
      if ('failure' in run) {
        this.failures.push(run.failure)
        this.#values[run.failure.index] = Number.NaN
      } else this.#values.set(doublesOf(run.values, run.start), run.start)
    }
  }

  values(): Float64Array {
    return this.#values.subarray(0, this.#length)
  }

  #upTo(end: number): void {
    if (end > this.#values.length) {
      const larger = new Float64Array(Math.max(end, this.#values.length * 2, 1024))
      larger.set(this.#values)
      this.#values = larger
    }
    this.#length = Math.max(this.#length, end)
  }
}

/** Values as they are asked for, in order or as they settle. */
export class StreamResults implements Results {
  readonly takesRecords = true
  readonly commit = nothingMore
  readonly abandon = nothingMore
  readonly #stream: Streamed<unknown>
  readonly #gather: Gather
  readonly #limitBytes: number
  #writing: Promise<void> = Promise.resolve()

  constructor(stream: Streamed<unknown>, options: { readonly ordered: boolean; readonly limitBytes: number }) {
    this.#stream = stream
    this.#gather = new Gather(options)
    this.#limitBytes = options.limitBytes
  }

  get hasRoom(): boolean {
    return this.#gather.heldBytes < this.#limitBytes
  }

  room({ index }: Piece): Room {
    return { type: 'array', values: [], base: index }
  }

  ran({ index }: Piece, room: Room, failures: readonly ItemFailure[]): Promise<void> {
    const failed = new Set(failures.map(failure => failure.index - index))
    const all = room.values as unknown[]
    const { items } = packValues(failed.size === 0 ? all : all.filter((_, nth) => !failed.has(nth)))
    return this.write({ start: index, end: index + all.length, values: items, failures })
  }

  write(outcomes: Outcomes): Promise<void> {
    // The caller's and the workers' wait for the same reader, each in its turn.
    for (const ready of this.#gather.step(outcomes)) this.#writing = this.#writing.then(() => this.#stream.write(ready))
    return this.#writing
  }
}
