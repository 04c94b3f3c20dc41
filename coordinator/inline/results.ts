// Where values go that come from the caller's own loop and from workers, piece by piece. In: pieces that the caller ran,
// outcomes of the workers' job at their places in the whole. Out: an array, doubles, or a stream in the order that was asked
// for. Always true: every item is in its place; a failed one holds `undefined` (NaN among doubles) and is listed.
import { packValues } from '../../proto/items.js'
import type { ItemFailure, Outcomes } from '../../proto/outcome.js'
import { Gather } from '../gather.js'
import { putAll, reserve } from '../output/arrays.js'
import { type Streamed, valuesOf } from '../output/collect.js'
import { doublesOf } from '../output/f64.js'
import { runsOf } from '../output/runs.js'
import type { Room } from './loop.js'
import type { Piece } from './shares.js'

export interface Results {
  /** Where the caller's loop puts the values of a piece. */
  room(piece: Piece): Room
  /** The piece was run. Resolves when there is room for more. */
  ran(piece: Piece, room: Room, failures: readonly ItemFailure[]): void | Promise<void>
  /** The same of workers' outcomes, at their places. */
  write(outcomes: Outcomes): Promise<void>
  /** Whether what waits for its turn leaves room for more. */
  readonly hasRoom: boolean
}

interface Segment {
  readonly index: number
  readonly values: ArrayLike<unknown>
}

/** All values as an array: the caller's own, and behind them what came in other pieces. */
export class ArrayResults implements Results {
  readonly hasRoom = true
  readonly failures: ItemFailure[] = []
  readonly #front: unknown[] = []
  readonly #others: Segment[] = []

  room(piece: Piece): Room {
    if (piece.index === this.#front.length) return { type: 'array', values: this.#front }
    const values: unknown[] = []
    this.#others.push({ index: piece.index, values })
    return { type: 'array', values }
  }

  ran(_piece: Piece, _room: Room, failures: readonly ItemFailure[]): void {
    this.failures.push(...failures)
  }

  async write(outcomes: Outcomes): Promise<void> {
    for (const run of runsOf(outcomes)) {
      if ('failure' in run) {
        this.failures.push(run.failure)
        this.#others.push({ index: run.failure.index, values: [undefined] })
      } else this.#others.push({ index: run.start, values: valuesOf(run.values) })
    }
  }

  /** Once, at the end. */
  values(): unknown[] {
    const all = this.#front
    this.#others.sort((a, b) => a.index - b.index)
    const [first] = this.#others
    let at = all.length
    if (first !== undefined)
      reserve(
        all,
        this.#others.reduce((sum, { values }) => sum + values.length, at),
        first.values,
      )
    for (const { values } of this.#others) {
      putAll(values, all, at)
      at += values.length
    }
    return all
  }
}

/** All values as doubles. A value that is no number ends the job. */
export class DoublesResults implements Results {
  readonly hasRoom = true
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

  room(_piece: Piece): Room {
    return { type: 'array', values: [] }
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
