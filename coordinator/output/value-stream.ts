// Results as a stream of JavaScript values, for the library.
// In: outcomes in the order in which they are to come out. Out: an async iterable that pushes back.
// Always true: `write` waits until what was written before has been taken; after the reader has gone, or the stream has ended,
// nothing more is taken, and no one waits.
import { unpackItems } from '../../proto/items.js'
import type { ItemFailure, Outcomes } from '../../proto/outcome.js'
import type { Output } from './output.js'
import { runsOf } from './runs.js'
import { OutputClosed } from './stream.js'

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
    while (this.#ready && !this.#isOver) await this.#change()
    if (this.#isOver) throw new OutputClosed('nobody takes the results any more')
    this.#ready = settled<T>(outcomes)
    this.#changed()
  }

  get #isOver(): boolean {
    return this.#closed || this.#state.ended
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
