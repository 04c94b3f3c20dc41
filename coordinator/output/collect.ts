// Results as JavaScript values, for the library.
// In: outcomes in any order. Out: arrays in input order, doubles without boxing, or an async iterable that pushes back.
// Always true: every item is in its place; a failed one is `undefined` (NaN among doubles) and is listed in `failures`.
import { type Items, unpackItems } from '../../proto/items.js'
import type { ItemFailure, Outcomes } from '../../proto/outcome.js'
import { putAll, reserve } from './arrays.js'
import { doublesOf } from './f64.js'
import type { Output } from './output.js'
import { runsOf } from './runs.js'
import { OutputClosed } from './stream.js'

export interface Collected<Values> extends Output {
  readonly values: Values
  /** Ascending when the spans were. */
  readonly failures: readonly ItemFailure[]
}

/** All values as an array; `count` saves growing where it is known. */
export const collectValues = <T = unknown>(count = 0): Collected<T[]> => {
  const values: unknown[] = []
  const failures: ItemFailure[] = []
  let length = 0
  return {
    values: values as T[],
    failures,
    async write(outcomes) {
      if (length === 0) reserve(values, count, valuesOf(outcomes.values))
      length = Math.max(length, outcomes.end)
      for (const run of runsOf(outcomes)) {
        if ('failure' in run) {
          failures.push(run.failure)
          values[run.failure.index] = undefined
        } else putAll(valuesOf(run.values), values, run.start)
      }
    },
    async commit() {
      values.length = length
    },
    abandon: async () => undefined,
  }
}

/** Values to be read one by one: doubles where they lie, others unpacked. */
export const valuesOf = (items: Items): ArrayLike<unknown> =>
  items.form === 'f64' || items.form === 'number' ? items.values : unpackItems(items)

/** All values as doubles; `count` saves growing where it is known. A value that is no number ends the job. */
export const collectDoubles = (count = 0): Collected<Float64Array> => {
  let room = new Float64Array(count)
  let length = 0
  const failures: ItemFailure[] = []
  const upTo = (end: number) => {
    if (end > room.length) {
      const larger = new Float64Array(Math.max(end, room.length * 2, 1024))
      larger.set(room)
      room = larger
    }
    length = Math.max(length, end)
  }
  return {
    get values() {
      return room.subarray(0, length)
    },
    failures,
    async write(outcomes) {
      for (const run of runsOf(outcomes)) {
        if ('failure' in run) {
          failures.push(run.failure)
          upTo(run.failure.index + 1)
          room[run.failure.index] = Number.NaN
        } else {
          const doubles = doublesOf(run.values, run.start)
          upTo(run.start + doubles.length)
          room.set(doubles, run.start)
        }
      }
    },
    commit: async () => undefined,
    abandon: async () => undefined,
  }
}

/** One settled item. */
export type Settled<T = unknown> =
  | { readonly index: number; readonly value: T }
  | { readonly index: number; readonly failure: ItemFailure }

export interface Streamed<T> extends Output, AsyncIterableIterator<Settled<T>> {
  /** Ends the iteration after what was written, with this error. */
  fail(error: unknown): void
  return(): Promise<IteratorResult<Settled<T>>>
}

/** Items one by one as they are asked for: `write` waits until what was written before has been taken. */
export const streamValues = <T = unknown>(): Streamed<T> => new ValueStream<T>()

class ValueStream<T> implements Streamed<T> {
  #ready: Iterator<Settled<T>> | undefined
  #state: { readonly ended: false } | { readonly ended: true; readonly error?: { readonly cause: unknown } } = {
    ended: false,
  }
  #closed = false
  /** Called when something changed for whoever waits. */
  #wake: (() => void)[] = []

  async write(outcomes: Outcomes): Promise<void> {
    while (this.#ready && !this.#closed) await this.#change()
    if (this.#closed) throw new OutputClosed('nobody takes the results any more')
    this.#ready = settled<T>(outcomes)
    this.#changed()
  }

  async commit(): Promise<void> {
    this.#end({ ended: true })
  }

  async abandon(): Promise<void> {
    this.#end({ ended: true })
  }

  fail(error: unknown): void {
    this.#end({ ended: true, error: { cause: error } })
  }

  async next(): Promise<IteratorResult<Settled<T>>> {
    for (;;) {
      if (this.#closed) return { done: true, value: undefined }
      const result = this.#ready?.next()
      if (result && !result.done) return result
      if (this.#ready) {
        this.#ready = undefined
        this.#changed()
      }
      if (this.#state.ended) {
        this.#closed = true
        if (this.#state.error) throw this.#state.error.cause
        return { done: true, value: undefined }
      }
      await this.#change()
    }
  }

  async return(): Promise<IteratorResult<Settled<T>>> {
    this.#closed = true
    this.#changed()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #end(state: { readonly ended: true; readonly error?: { readonly cause: unknown } }): void {
    if (!this.#state.ended) this.#state = state
    this.#changed()
  }

  #change(): Promise<void> {
    return new Promise(resolve => this.#wake.push(resolve))
  }

  #changed(): void {
    const woken = this.#wake
    this.#wake = []
    for (const wake of woken) wake()
  }
}

function* settled<T>(outcomes: Outcomes): Generator<Settled<T>> {
  for (const run of runsOf(outcomes)) {
    if ('failure' in run) yield { index: run.failure.index, failure: run.failure }
    else {
      const values = unpackItems(run.values) as T[]
      for (let nth = 0; nth < values.length; nth++) yield { index: run.start + nth, value: values[nth] as T }
    }
  }
}
