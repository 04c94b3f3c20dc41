// The library: Pool.map for every core you can reach.
//
//   map ─> input ─> split ─> ledger ─> coordinator ─> codec ─> transport ─> agent/intake ─> pool ─> worker ─> your function
//    ^                (sizes from plan)                       (memory | nats)                                      │
//    └─ output <─ gather <─ ledger <─ coordinator <─ codec <─ transport <─ agent/outbox <─ pool <─ worker <─ outcomes
//
// In: a function and items. Out: its values, in input order unless asked otherwise, each item's exactly once.
// Names and meanings follow Python's multiprocessing where JavaScript has no stronger habit.
import { setMaxListeners } from 'node:events'
import type { AnyFunction } from './function/function.js'
import { type ItemSource, openSource, type Source } from './input/source.js'
import { ItemError, JobError } from './item-error.js'
import { JOB_DEFAULTS, type JobEnd } from './job.js'
import { type How, PoolJobs } from './jobs.js'
import {
  checkMapOptions,
  checkPoolOptions,
  type MapOptions,
  type Mappable,
  type Place,
  type PoolOptions,
} from './options.js'
import { ArrayResults, DoublesResults, type Results, StreamResults } from './output/results.js'
import { type Settled, streamValues } from './output/value-stream.js'
import type { Receipt } from './receipt.js'

export { type FunctionReference, fromModule } from './function/from-module.js'
export { FunctionError } from './function/function.js'
export { range } from './input/range.js'
export type { ItemSource } from './input/source.js'
export { ItemError, JobError } from './item-error.js'
export type { Progress } from './job.js'
export type { MapOptions, Mappable, Place, PoolOptions } from './options.js'
export type { Receipt } from './receipt.js'

/** As in `Promise.allSettled`: one for each item. */
export type ItemResult<R> = PromiseSettledResult<R>

export interface Submitted<R> {
  readonly result: Promise<R>
  /** The result rejects; what runs is ended. */
  cancel(): void
}

const settledResult = <R>(settled: Settled<R>): ItemResult<R> =>
  'failure' in settled
    ? { status: 'rejected', reason: new ItemError(settled.failure) }
    : { status: 'fulfilled', value: settled.value }

export class Pool implements AsyncDisposable {
  readonly #options: PoolOptions
  readonly #stop = new AbortController()
  readonly #running = new Set<Promise<unknown>>()
  readonly #jobs: PoolJobs
  #closed = false
  #receipt: Receipt | undefined

  constructor(options: PoolOptions = {}) {
    if (process.env.MANYHANDS_WORKER !== undefined) {
      throw new JobError(
        'A worker loaded a module that makes a Pool at its top level. Move the mapped function into a module of its own, so that workers load only that.',
      )
    }
    this.#options = checkPoolOptions(options)
    // Every call listens to it.
    setMaxListeners(0, this.#stop.signal)
    this.#jobs = new PoolJobs(this.#options, this.#stop.signal)
  }

  /** The account of the last job that ended. */
  get receipt(): Receipt | undefined {
    return this.#receipt
  }

  /**
   * The function's value for each item, in input order. Rejects with the first ItemError, or with `onError: 'collect'`
   * gives one settled result an item; with `as: 'f64'` the values are doubles and stay packed.
   */
  map<I>(
    fn: Mappable<(item: I) => unknown>,
    items: ItemSource<I>,
    options: MapOptions & { readonly as: 'f64' },
  ): Promise<Float64Array>
  map<I, R>(
    fn: Mappable<(item: I) => R>,
    items: ItemSource<I>,
    options: MapOptions & { readonly onError: 'collect' },
  ): Promise<ItemResult<Awaited<R>>[]>
  map<I, R>(fn: Mappable<(item: I) => R>, items: ItemSource<I>, options?: MapOptions): Promise<Awaited<R>[]>
  async map(
    fn: Mappable<AnyFunction>,
    items: ItemSource,
    options: MapOptions & { readonly as?: 'f64'; readonly onError?: 'collect' | 'stop' } = {},
  ): Promise<unknown> {
    return await this.#track(this.#map(fn, items, options, false))
  }

  /** As `map`, with each item an array of arguments. */
  async starmap<A extends readonly unknown[], R>(
    fn: Mappable<(...args: [...A]) => R>,
    items: ItemSource<A>,
    options: MapOptions = {},
  ): Promise<Awaited<R>[]> {
    return (await this.#track(this.#map(fn as Mappable<AnyFunction>, items, options, true))) as Awaited<R>[]
  }

  /** Values in input order, as they are asked for; memory stays bounded. Throws the first ItemError. */
  imap<I, R>(
    fn: Mappable<(item: I) => R>,
    items: ItemSource<I>,
    options: MapOptions & { readonly onError: 'collect' },
  ): AsyncGenerator<ItemResult<Awaited<R>>, void>
  imap<I, R>(fn: Mappable<(item: I) => R>, items: ItemSource<I>, options?: MapOptions): AsyncGenerator<Awaited<R>, void>
  imap(
    fn: Mappable<AnyFunction>,
    items: ItemSource,
    options: MapOptions & { readonly onError?: 'collect' } = {},
  ): AsyncGenerator<unknown, void> {
    return this.#stream(fn, items, options, false)
  }

  /** As `imap`, in the order in which items settle. */
  imapUnordered<I, R>(
    fn: Mappable<(item: I) => R>,
    items: ItemSource<I>,
    options: MapOptions & { readonly onError: 'collect' },
  ): AsyncGenerator<ItemResult<Awaited<R>>, void>
  imapUnordered<I, R>(
    fn: Mappable<(item: I) => R>,
    items: ItemSource<I>,
    options?: MapOptions,
  ): AsyncGenerator<Awaited<R>, void>
  imapUnordered(
    fn: Mappable<AnyFunction>,
    items: ItemSource,
    options: MapOptions & { readonly onError?: 'collect' } = {},
  ): AsyncGenerator<unknown, void> {
    return this.#stream(fn, items, options, true)
  }

  /** `fn(a, b)` over all items from left to right; it must be associative. Each shard is folded where it is. */
  async reduce<T>(
    fn: Mappable<(a: T, b: T) => T | Promise<T>>,
    items: ItemSource<T>,
    options: MapOptions & { readonly initial?: T } = {},
  ): Promise<T> {
    return (await this.#track(this.#reduce(fn as Mappable<AnyFunction>, items, options))) as T
  }

  /** One call, in one worker. */
  submit<A extends readonly unknown[], R>(
    fn: Mappable<(...args: [...A]) => R>,
    args: [...A],
    options: MapOptions = {},
  ): Submitted<Awaited<R>> {
    const stop = new AbortController()
    const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
    const result = this.#track(
      this.#map(fn as Mappable<AnyFunction>, [args], { ...options, ...this.#asWorker(options), signal }, true),
    ).then(values => (values as Awaited<R>[])[0] as Awaited<R>)
    // Whoever cancels need not look at the result.
    result.catch(() => {})
    return { result, cancel: () => stop.abort(new JobError('the call was cancelled')) }
  }

  /** A call is handed over so that its caller can go on. */
  #asWorker({ place }: MapOptions): { readonly place: Place } {
    const asked = place ?? this.#options.place ?? 'auto'
    return { place: asked === 'auto' ? this.#jobs.tierOf('auto') : asked }
  }

  /** Waits for what runs, then ends the workers. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled([...this.#running])
    await this.#jobs.close()
  }

  /** Ends everything at once; what runs rejects. Idempotent. */
  async terminate(): Promise<void> {
    this.#closed = true
    this.#stop.abort(new JobError('the pool was terminated'))
    await Promise.allSettled([...this.#running])
    await this.#jobs.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #map(
    fn: Mappable<AnyFunction>,
    items: ItemSource,
    options: MapOptions & { readonly as?: 'f64'; readonly onError?: 'collect' | 'stop' },
    spread: boolean,
  ): Promise<unknown> {
    checkMapOptions(options, 'map')
    const collect = options.onError === 'collect'
    if (collect && options.as === 'f64')
      throw new TypeError("as: 'f64' has no place for failures: leave out onError: 'collect'")
    const source = openSource(items)
    const count = source.type === 'indexed' ? source.count : undefined
    const results = options.as === 'f64' ? new DoublesResults(count) : new ArrayResults(count)
    const how = { ...options, spread, inTurn: false }
    this.#check(await this.#runMap(fn, source, results, how), options.signal)
    if (!collect) return results.values()
    const failures = new Map(results.failures.map(failure => [failure.index, failure]))
    return Array.from(results.values(), (value, index) => {
      const failure = failures.get(index)
      return settledResult(failure === undefined ? { index, value } : { index, failure })
    })
  }

  async #reduce(
    fn: Mappable<AnyFunction>,
    items: ItemSource,
    options: MapOptions & { readonly initial?: unknown },
  ): Promise<unknown> {
    checkMapOptions(options, 'reduce')
    this.#begin()
    const initial = 'initial' in options ? { value: options.initial } : undefined
    const { end, value } = await this.#jobs.reduce(fn, openSource(items), options, initial)
    this.#receipt = end.receipt
    this.#check(end, options.signal)
    return value
  }

  async *#stream(
    fn: Mappable<AnyFunction>,
    items: ItemSource,
    options: MapOptions & { readonly onError?: 'collect' | 'stop' },
    unordered: boolean,
  ): AsyncGenerator<unknown, void> {
    checkMapOptions(options, 'imap')
    const collect = options.onError === 'collect'
    const stop = new AbortController()
    const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
    const stream = streamValues()
    const results = new StreamResults(stream, { ordered: !unordered, limitBytes: JOB_DEFAULTS.memoryBytes })
    // What a reader that pauses has not taken would keep the job from its end.
    const abort = this.#jobs.abort(options.signal)
    const onAbort = (): void => stream.fail(abort.reason)
    abort.addEventListener('abort', onAbort)
    const run = async (): Promise<void> => {
      try {
        const how = { ...options, signal, spread: false, inTurn: true, unordered }
        this.#check(await this.#runMap(fn, openSource(items), results, how), options.signal)
        // Whether the stream ends well is known only when the job has ended.
        await stream.commit()
      } catch (error) {
        stream.fail(error)
      }
    }
    const ended = this.#track(run())
    try {
      for await (const settled of stream) {
        if (collect) yield settledResult(settled)
        else if ('failure' in settled) throw new ItemError(settled.failure)
        else yield settled.value
      }
    } finally {
      // Whoever stops asking stops the job.
      abort.removeEventListener('abort', onAbort)
      stop.abort(new JobError('nobody takes the results any more'))
      await stream.return()
      await ended
    }
  }

  async #runMap(fn: Mappable<AnyFunction>, source: Source, results: Results, how: How): Promise<JobEnd> {
    this.#begin()
    const end = await this.#jobs.map(fn, source, results, how)
    this.#receipt = end.receipt
    return end
  }

  /** At a call only: what has begun goes on while the pool waits for it. */
  #begin(): void {
    if (this.#closed) throw new JobError('The pool is closed; make another one.')
  }

  #track<T>(promise: Promise<T>): Promise<T> {
    this.#running.add(promise)
    const forget = (): void => {
      this.#running.delete(promise)
    }
    promise.then(forget, forget)
    return promise
  }

  /** Throws for a job that has no result. */
  #check(end: JobEnd, signal: AbortSignal | undefined): void {
    if (end.state === 'done') return
    if (end.state === 'interrupted') throw signal?.aborted === true ? signal.reason : this.#stop.signal.reason
    const [first] = end.failures
    if (end.state === 'stopped' && first !== undefined) throw new ItemError(first)
    throw new JobError(end.why ?? 'the job could not run')
  }
}
