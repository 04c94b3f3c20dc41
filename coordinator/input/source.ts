// JavaScript values as a job's items, before they are packed: arrays, typed arrays, ranges, iterables, async iterables.
// In: any of them. Out: items that a loop in this process can read in any place, or values pulled one after the other.
// Always true: nothing is pulled before it is asked for, but for the one item that an async source has been asked for and
// not given yet; the source's `return` is called once when the job needs no more of it.
import type { Readable } from '../../proto/loop.js'
import { Range } from './range.js'

/** What a job takes as its items. A Float64Array's and a Float32Array's are floats in every language. */
export type ItemSource<T = unknown> = Iterable<T> | AsyncIterable<T>

export interface Indexed {
  readonly type: 'indexed'
  readonly count: number
  readonly items: Readable
}

export interface Sequence {
  readonly type: 'sequence'
  /** The next 1 to `most` values, none at the end. Rejects, or throws, when the source did, after all that it gave before. */
  pull(most: number): readonly unknown[] | Promise<readonly unknown[]>
  /** Idempotent. A source that never gives the item it was asked for is not waited for. */
  close(): Promise<void>
}

export type Source = Indexed | Sequence

export const openSource = (source: ItemSource): Source => {
  if (source instanceof Range)
    return { type: 'indexed', count: source.length, items: { form: 'range', start: source.start, step: source.step } }
  if (source instanceof Float64Array)
    return { type: 'indexed', count: source.length, items: { form: 'doubles', values: source } }
  if (Array.isArray(source) || (ArrayBuffer.isView(source) && Symbol.iterator in source)) {
    const values = source as unknown as ArrayLike<unknown>
    return { type: 'indexed', count: values.length, items: { form: 'values', values } }
  }
  if (source !== null && (typeof source === 'object' || typeof source === 'string' || typeof source === 'function')) {
    if (Symbol.asyncIterator in Object(source))
      return new PulledSequence((source as AsyncIterable<unknown>)[Symbol.asyncIterator]())
    if (Symbol.iterator in Object(source)) return new IteratorSequence((source as Iterable<unknown>)[Symbol.iterator]())
  }
  throw new TypeError(
    `the items are ${source === null ? 'null' : `a ${typeof source}`}: expected an array, an iterable or an async iterable`,
  )
}

const iterationError = (pulled: number, error: unknown): Error =>
  new Error(
    `the items could not be read: after ${pulled} items their iterator threw: ${error instanceof Error ? error.message : error}`,
    {
      cause: error,
    },
  )

class IteratorSequence implements Sequence {
  readonly type = 'sequence'
  readonly #iterator: Iterator<unknown>
  #pulled = 0
  #failure: Error | undefined
  #ended = false

  constructor(iterator: Iterator<unknown>) {
    this.#iterator = iterator
  }

  pull(most: number): readonly unknown[] {
    const values: unknown[] = []
    if (this.#failure !== undefined) throw this.#failure
    if (this.#ended) return values
    try {
      while (values.length < most) {
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
      if (values.length === 0) throw this.#failure
    }
    this.#pulled += values.length
    return values
  }

  async close(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#iterator.return?.()
  }
}

// An async generator that has its next item at hand needs a few turns of the microtask queue to give it.
const PATIENCE_TURNS = 5

class PulledSequence implements Sequence {
  readonly type = 'sequence'
  readonly #iterator: AsyncIterator<unknown>
  #pending: { result?: IteratorResult<unknown>; readonly settled: Promise<void> } | undefined
  #pulled = 0
  #failure: Error | undefined
  #ended = false
  readonly #closing = withResolvers()

  constructor(iterator: AsyncIterator<unknown>) {
    this.#iterator = iterator
  }

  async pull(most: number): Promise<readonly unknown[]> {
    const values: unknown[] = []
    while (values.length < most && !this.#ended) {
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
    if (values.length === 0 && this.#failure !== undefined) throw this.#failure
    return values
  }

  async close(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#closing.resolve()
    const returned = Promise.resolve(this.#iterator.return?.())
    if (this.#pending) returned.catch(() => undefined)
    else await returned
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
