// The library: Pool.map for every core you can reach.
//
//   map ─> input ─> split ─> ledger ─> coordinator ─> codec ─> transport ─> agent/intake ─> pool ─> worker ─> your function
//    ^                (sizes from plan)                       (memory | nats)                                      │
//    └─ output <─ gather <─ ledger <─ coordinator <─ codec <─ transport <─ agent/outbox <─ pool <─ worker <─ outcomes
//
// In: a function and items. Out: its values, in input order unless asked otherwise, each item's exactly once.
// Names and meanings follow Python's multiprocessing where JavaScript has no stronger habit.
import { setMaxListeners } from 'node:events'
import { availableParallelism } from 'node:os'
import { copyValue } from '../proto/copy.js'
import { encodeValue } from '../proto/items.js'
import { monotonicSeconds } from '../proto/timing.js'
import { combineReceipts } from './combine.js'
import { CalledFunctions } from './function/called.js'
import type { AnyFunction } from './function/function.js'
import { nameOf, SentFunctions } from './function/sent.js'
import { FoldPart } from './inline/fold.js'
import { HeadStart } from './inline/head-start.js'
import { MapPart } from './inline/map.js'
import { metOf } from './inline/met.js'
import type { Part } from './inline/part.js'
import type { ReadyWorkers, Way } from './inline/ways.js'
import { onFirstRead } from './input/first-read.js'
import { type ItemSource, openSource, type Source } from './input/source.js'
import { inputOf } from './input/values.js'
import { ItemError, JobError } from './item-error.js'
import { type Claim, type Hands, JOB_DEFAULTS, type JobEnd, type JobOptions, type JobRequest } from './job.js'
import {
  checkPoolOptions,
  jobOptionsOf,
  type MapOptions,
  type Mappable,
  type Place,
  type PoolOptions,
  placeOf,
} from './options.js'
import { ArrayResults, DoublesResults, type Results, StreamResults } from './output/results.js'
import { type Settled, streamValues } from './output/value-stream.js'
import type { Receipt } from './receipt.js'
import { NOTHING_TO_REDUCE, reduceJob } from './reduce.js'

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
  readonly #called = new CalledFunctions()
  readonly #sent = new SentFunctions()
  readonly #pools = { local: new TierWorkers(), cluster: new TierWorkers() }
  readonly #hands: Partial<Record<Tier, Promise<Hands>>> = {}
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
    return { place: asked === 'auto' ? this.#tier('auto') : asked }
  }

  /** Waits for what runs, then ends the workers. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled([...this.#running])
    await this.#end()
  }

  /** Ends everything at once; what runs rejects. Idempotent. */
  async terminate(): Promise<void> {
    this.#closed = true
    this.#stop.abort(new JobError('the pool was terminated'))
    await Promise.allSettled([...this.#running])
    await this.#end()
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
    this.#begin()
    const { place, isInline, jobOptions } = this.#place(options)
    const call = isInline ? await this.#called.get(fn, place === 'inline') : undefined
    const source = openSource(items)
    const initial = 'initial' in options ? { value: options.initial } : undefined
    const { end, value } =
      call === undefined
        ? await reduceJob(await this.#open(place), await this.#request(fn, source, options, jobOptions), initial)
        : await this.#reduceFromHere(fn, call, source, options, initial)
    this.#receipt = end.receipt
    this.#check(end, options.signal)
    return value
  }

  /** Folds what there is, then the partial values of what was folded apart, until one is left. */
  async #reduceFromHere(
    fn: Mappable<AnyFunction>,
    call: AnyFunction,
    first: Source,
    options: MapOptions,
    initial: { readonly value: unknown } | undefined,
  ): Promise<{ readonly end: JobEnd; readonly value?: unknown }> {
    const receipts: Receipt[] = []
    let source = first
    for (;;) {
      const part = new FoldPart(call)
      const end = await this.#headStart(fn, call, source, { ...options, spread: false, inTurn: false }, () => part)
      receipts.push(end.receipt)
      const [firstReceipt, ...later] = receipts as [Receipt, ...Receipt[]]
      const whole = { ...end, receipt: combineReceipts(firstReceipt, later) }
      if (end.state !== 'done') return { end: whole }
      const values = part.partials().map(({ value }) => value)
      // It stands before all items.
      if (receipts.length === 1 && initial !== undefined) values.unshift(initial.value)
      if (values.length === 0) return { end: { ...whole, state: 'broken', why: NOTHING_TO_REDUCE } }
      if (values.length === 1) return { end: whole, value: copyValue(values[0]) }
      source = openSource(values)
    }
  }

  async *#stream(
    fn: Mappable<AnyFunction>,
    items: ItemSource,
    options: MapOptions & { readonly onError?: 'collect' | 'stop' },
    unordered: boolean,
  ): AsyncGenerator<unknown, void> {
    const collect = options.onError === 'collect'
    const stop = new AbortController()
    const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
    const stream = streamValues()
    const results = new StreamResults(stream, { ordered: !unordered, limitBytes: JOB_DEFAULTS.memoryBytes })
    // What a reader that pauses has not taken would keep the job from its end.
    const abort = this.#abort(options.signal)
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

  /** One map, where its options say: begun by this process's own loop, or left to workers. */
  async #runMap(fn: Mappable<AnyFunction>, source: Source, results: Results, how: How): Promise<JobEnd> {
    this.#begin()
    const { place, isInline, jobOptions } = this.#place(how)
    const call = isInline ? await this.#called.get(fn, place === 'inline') : undefined
    const end =
      call === undefined
        ? await this.#mapInWorkers(fn, source, results, how)
        : await this.#headStart(fn, call, source, how, onWait => {
            const { spread } = how
            return new MapPart({ call, results, spread, retries: jobOptions.retries, onWait, clock: monotonicSeconds })
          })
    this.#receipt = end.receipt
    return end
  }

  /** At a call only: what has begun goes on while the pool waits for it. */
  #begin(): void {
    if (this.#closed) throw new JobError('The pool is closed; make another one.')
  }

  #place(options: MapOptions): { readonly place: Place; readonly isInline: boolean; readonly jobOptions: JobOptions } {
    return { ...placeOf(options, this.#options), jobOptions: jobOptionsOf(options, this.#options) }
  }

  async #mapInWorkers(fn: Mappable<AnyFunction>, source: Source, results: Results, how: How): Promise<JobEnd> {
    const { place, jobOptions } = this.#place(how)
    const { spread } = how
    const request = await this.#request(fn, source, how, { ...jobOptions, unordered: isUnordered(how) })
    const hands = await this.#open(place)
    const pool = this.#pools[this.#tier(place)]
    const beganAt = monotonicSeconds()
    // A later job that begins in the caller's loop wants to know what joining costs.
    const learn = (): void => {
      pool.joinSeconds ??= monotonicSeconds() - beganAt
    }
    const input = pool.isReady ? onFirstRead(request.input, learn) : request.input
    return hands.run({ ...request, input, spread, operation: 'map', output: results })
  }

  #headStart(
    fn: Mappable<AnyFunction>,
    call: AnyFunction,
    source: Source,
    how: How,
    part: (onWait: (seconds: number) => void) => Part,
  ): Promise<JobEnd> {
    const { place, jobOptions } = this.#place(how)
    const { onProgress, spread, inTurn } = how
    const hasBoth = place === 'auto' && this.#options.nats !== undefined
    const ways: [Way, ...Way[]] = hasBoth ? [this.#way('local'), this.#way('cluster')] : [this.#way(this.#tier(place))]
    const workers = { ways, function: () => this.#sent.get(fn, undefined) }
    return new HeadStart({
      name: nameOf(fn),
      met: metOf(call),
      spread,
      source,
      part,
      inTurn,
      options: { ...jobOptions, unordered: isUnordered(how) },
      abort: this.#abort(how.signal),
      ...(onProgress && { onProgress }),
      ...(place !== 'inline' && { workers }),
      clock: monotonicSeconds,
    }).run()
  }

  #way(tier: Tier): Way {
    return {
      place: tier,
      slots: tier === 'cluster' ? Number.POSITIVE_INFINITY : (this.#options.slots ?? availableParallelism()),
      pool: this.#pools[tier],
      hands: () => this.#open(tier),
    }
  }

  async #request(
    fn: Mappable<AnyFunction>,
    source: Source,
    { init, shared, onProgress, signal }: MapOptions,
    options: JobOptions,
  ): Promise<Omit<JobRequest, 'output' | 'operation'>> {
    return {
      function: await this.#sent.get(fn, init),
      input: inputOf(source),
      options,
      abort: this.#abort(signal),
      ...(shared !== undefined && {
        shared: { kind: 'json', content: new TextEncoder().encode(encodeValue(shared)) } as const,
      }),
      ...(onProgress && { onProgress }),
    }
  }

  #abort(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal])
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

  /** Whose workers a job gets. */
  #tier(place: Place): Tier {
    return place === 'cluster' || (place === 'auto' && this.#options.nats !== undefined) ? 'cluster' : 'local'
  }

  #open(place: Place): Promise<Hands> {
    this.#stop.signal.throwIfAborted()
    const tier = this.#tier(place)
    const hands = this.#hands[tier] ?? this.#openHands(tier)
    this.#hands[tier] = hands
    hands.then(
      opened => (this.#pools[tier].claim = opened.claim('node')),
      () => {},
    )
    return hands
  }

  async #openHands(tier: Tier): Promise<Hands> {
    const { nats, insecure, slots, onPrint, log } = this.#options
    const logging = log === undefined ? {} : { log }
    if (tier === 'cluster' && nats !== undefined) {
      const { openCluster } = await import('./cluster.js')
      return openCluster({ nats, ...(insecure !== undefined && { insecure }), ...logging })
    }
    const { openLocal } = await import('./local.js')
    return openLocal({ ...(slots !== undefined && { slots }), ...(onPrint && { onPrint }), ...logging })
  }

  async #end(): Promise<void> {
    for (const opening of Object.values(this.#hands)) {
      const hands = await opening.catch(() => undefined)
      await hands?.close()
    }
  }
}

/** What a job is run with, beside its function and items. */
interface How extends MapOptions {
  readonly onError?: 'collect' | 'stop'
  readonly spread: boolean
  /** Workers take the next items, not the last. */
  readonly inTurn: boolean
  readonly unordered?: boolean
}

/** Values find their places by themselves, but for those of a stream that has to keep its order. */
const isUnordered = ({ inTurn, unordered }: How): boolean => !inTurn || unordered === true

type Tier = 'local' | 'cluster'

/** Those of one tier, as far as they are there. */
class TierWorkers implements ReadyWorkers {
  claim: Claim | undefined
  joinSeconds: number | undefined

  get isReady(): boolean {
    return (this.claim?.ready ?? 0) > 0
  }
}
