// JavaScript values: arrays, typed arrays, ranges, iterables, async iterables.
// In: any of them. Out: packed batches; a value that has no form is undecodable by itself.
// Always true: nothing is pulled before it is asked for, but for the one item that an async source has been asked for and
// not given yet; the source's `return` is called once when the job needs no more of it.
import { countOf, type Items, packValues, sizeOf, sliceItems } from '../../proto/items.js'
import { BatchQueue } from './batch-queue.js'
import type { Input, InputBatch } from './input.js'
import { openRange, Range } from './range.js'

/** What a job takes as its items. A Float64Array's and a Float32Array's are floats in every language. */
export type ItemSource<T = unknown> = Iterable<T> | AsyncIterable<T>

export const openValues = (source: ItemSource): Input => {
  if (source instanceof Range) return openRange(source)
  if (source instanceof Float64Array)
    return new IndexedInput(source.length, (from, to) => f64(source.subarray(from, to)))
  if (source instanceof Float32Array)
    return new IndexedInput(source.length, (from, to) => f64(Float64Array.from(source.subarray(from, to))))
  if (Array.isArray(source)) return new IndexedInput(source.length, (from, to) => batchesOf(source.slice(from, to)))
  if (ArrayBuffer.isView(source) && Symbol.iterator in source) {
    const view = source as unknown as ArrayLike<unknown> & { subarray(from: number, to: number): Iterable<unknown> }
    return new IndexedInput(view.length, (from, to) => batchesOf(Array.from(view.subarray(from, to))))
  }
  if (source !== null && (typeof source === 'object' || typeof source === 'string' || typeof source === 'function')) {
    if (Symbol.asyncIterator in Object(source))
      return new PulledInput((source as AsyncIterable<unknown>)[Symbol.asyncIterator]())
    if (Symbol.iterator in Object(source)) return new IteratorInput((source as Iterable<unknown>)[Symbol.iterator]())
  }
  throw new TypeError(
    `the items are ${source === null ? 'null' : `a ${typeof source}`}: expected an array, an iterable or an async iterable`,
  )
}

const f64 = (values: Float64Array): InputBatch[] => [{ items: { form: 'f64', values } }]

/** Values as batches, each unpackable one in its place. */
const batchesOf = (values: readonly unknown[]): InputBatch[] => {
  const { items, unpackable } = packValues(values)
  if (unpackable.length === 0) return [{ items }]
  const batches: InputBatch[] = []
  let done = 0
  unpackable.forEach(({ offset, message }, nth) => {
    const packed = offset - nth
    batches.push({ items: sliceItems(items, done, packed) }, { undecodable: message })
    done = packed
  })
  batches.push({ items: sliceItems(items, done, countOf(items)) })
  return batches
}

// How many values are packed before their size is known. Smaller: more batches. Larger: more memory for large values.
const PIECE_ITEMS = 256

/** How many to pack next, when the last so many took so many bytes; numbers are all of one size. */
const pieceItems = (items: Items | undefined, maxItems: number, maxBytes: number): number => {
  if (!items || countOf(items) === 0) return Math.min(maxItems, PIECE_ITEMS)
  const fitting = Math.floor((maxBytes * countOf(items)) / Math.max(1, sizeOf(items)))
  return Math.max(1, Math.min(maxItems, fitting, countOf(items) * 16))
}

/** Something with a length: what was asked for is packed when it is asked for. */
class IndexedInput implements Input {
  readonly count: number
  readonly #batches: (from: number, to: number) => InputBatch[]
  readonly #queue = new BatchQueue()
  #taken = 0
  #last: Items | undefined
  #closed = false

  constructor(count: number, batches: (from: number, to: number) => InputBatch[]) {
    this.count = count
    this.#batches = batches
  }

  async next(maxItems: number, maxBytes: number): Promise<InputBatch | undefined> {
    if (this.#closed) return undefined
    if (this.#queue.empty && this.#taken < this.count) {
      const to = Math.min(this.count, this.#taken + pieceItems(this.#last, maxItems, maxBytes))
      for (const batch of this.#batches(this.#taken, to)) {
        if ('items' in batch) this.#last = batch.items
        this.#queue.push(batch)
      }
      this.#taken = to
    }
    return this.#queue.take(maxItems, maxBytes)
  }

  async close(): Promise<void> {
    this.#closed = true
  }
}

const iterationError = (pulled: number, error: unknown): Error =>
  new Error(
    `the items could not be read: after ${pulled} items their iterator threw: ${error instanceof Error ? error.message : error}`,
    {
      cause: error,
    },
  )

class IteratorInput implements Input {
  readonly count = undefined
  readonly #iterator: Iterator<unknown>
  readonly #queue = new BatchQueue()
  #last: Items | undefined
  #pulled = 0
  #failure: Error | undefined
  #ended = false

  constructor(iterator: Iterator<unknown>) {
    this.#iterator = iterator
  }

  async next(maxItems: number, maxBytes: number): Promise<InputBatch | undefined> {
    if (this.#queue.empty && !this.#ended) this.#pull(pieceItems(this.#last, maxItems, maxBytes))
    const batch = this.#queue.take(maxItems, maxBytes)
    if (!batch && this.#failure) throw this.#failure
    return batch
  }

  async close(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#iterator.return?.()
  }

  #pull(count: number): void {
    const values: unknown[] = []
    try {
      while (values.length < count) {
        const { done, value } = this.#iterator.next()
        if (done) {
          this.#ended = true
          break
        }
        values.push(value)
      }
    } catch (error) {
      this.#ended = true
      this.#failure = iterationError(this.#pulled + values.length, error)
    }
    this.#pulled += values.length
    for (const batch of batchesOf(values)) {
      if ('items' in batch) this.#last = batch.items
      this.#queue.push(batch)
    }
  }
}

// An async generator that has its next item at hand needs a few turns of the microtask queue to give it.
const PATIENCE_TURNS = 5

class PulledInput implements Input {
  readonly count = undefined
  readonly #iterator: AsyncIterator<unknown>
  readonly #queue = new BatchQueue()
  #pending: { result?: IteratorResult<unknown>; readonly settled: Promise<void> } | undefined
  #last: Items | undefined
  #pulled = 0
  #failure: Error | undefined
  #ended = false
  readonly #closing = withResolvers()

  constructor(iterator: AsyncIterator<unknown>) {
    this.#iterator = iterator
  }

  async next(maxItems: number, maxBytes: number): Promise<InputBatch | undefined> {
    if (this.#queue.empty && !this.#ended) await this.#pull(pieceItems(this.#last, maxItems, maxBytes))
    const batch = this.#queue.take(maxItems, maxBytes)
    if (!batch && this.#failure) throw this.#failure
    return batch
  }

  /** A source that never gives the item it was asked for is not waited for. */
  async close(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#closing.resolve()
    const returned = Promise.resolve(this.#iterator.return?.())
    if (this.#pending) returned.catch(() => undefined)
    else await returned
  }

  async #pull(count: number): Promise<void> {
    const values: unknown[] = []
    while (values.length < count && !this.#ended) {
      this.#pending ??= this.#ask()
      const pending = this.#pending
      if (values.length === 0) await Promise.race([pending.settled, this.#closing.promise])
      else {
        for (let turn = 0; turn < PATIENCE_TURNS && !pending.result && !this.#failure; turn++) await undefined
        if (!pending.result && !this.#failure) break
      }
      if (this.#failure || !pending.result) break
      this.#pending = undefined
      if (pending.result.done) this.#ended = true
      else values.push(pending.result.value)
      this.#pulled += pending.result.done ? 0 : 1
    }
    for (const batch of batchesOf(values)) {
      if ('items' in batch) this.#last = batch.items
      this.#queue.push(batch)
    }
  }

  #ask(): { result?: IteratorResult<unknown>; readonly settled: Promise<void> } {
    const asked: { result?: IteratorResult<unknown>; settled: Promise<void> } = { settled: Promise.resolve() }
    asked.settled = (async () => this.#iterator.next())().then(
      result => {
        asked.result = result
      },
      error => {
        this.#ended = true
        this.#failure = iterationError(this.#pulled, error)
      },
    )
    return asked
  }
}

const withResolvers = (): { promise: Promise<void>; resolve: () => void } => {
  let resolve = () => {}
  const promise = new Promise<void>(resolved => {
    resolve = resolved
  })
  return { promise, resolve }
}
